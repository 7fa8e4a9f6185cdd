/**
 * Which exits are followed by a restart, as in OTP: `permanent` always, `transient` after a failure only, `temporary` never.
 * @see https://www.erlang.org/doc/apps/stdlib/supervisor.html
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** How a child ended: by itself and well, by failing, or because its supervisor told it to. */
export type ExitReason = 'normal' | 'failure' | 'shutdown';

/** More than `maxRestarts` within `periodMs` and the supervisor gives up. */
export interface Intensity {
  readonly maxRestarts: number;
  readonly periodMs: number;
}

/** What a supervisor does about a child that ended. */
export type RestartDecision = 'restart' | 'forget' | 'give-up';

/**
 * OTP's decision for one child.
 * @param restarts times of the restarts so far (ms, any order), not counting the one being decided
 */
export function decideRestart(
  type: RestartType,
  exit: ExitReason,
  restarts: readonly number[],
  intensity: Intensity,
  now: number,
): RestartDecision {
  if (exit === 'shutdown' || type === 'temporary') return 'forget';
  if (type === 'transient' && exit === 'normal') return 'forget';
  return recentRestarts(restarts, intensity, now).length >= intensity.maxRestarts ? 'give-up' : 'restart';
}

/** @returns the restarts that still count: those within the period before `now` */
export function recentRestarts(restarts: readonly number[], intensity: Intensity, now: number): number[] {
  return restarts.filter((at) => now - at < intensity.periodMs);
}
