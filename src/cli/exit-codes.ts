/** Exit codes, from sysexits.h where it has one. `tempfail` asks whoever watches the process to start it anew. */
export const EXIT = { ok: 0, failed: 1, usage: 64, tempfail: 75, config: 78, interrupted: 130 } as const;
