/** What a run is like. */
export interface ChaosOptions {
  readonly seed: number;
  /** How long faults happen, or in a calm run how long there is load, in ms. */
  readonly stormMs: number;
  /** Load without faults. */
  readonly isCalm: boolean;
  /** Keeps what was seen also where nothing is wrong. */
  readonly isKept: boolean;
}

/** The run in CI: one plan, always the same. */
export const CI: ChaosOptions = { seed: 20_261_121, stormMs: 123_000, isCalm: false, isKept: false };

/** Reads what `npm run chaos` was asked for. @param env as test/chaos/main.js sets it */
export function readOptions(env: Readonly<Record<string, string | undefined>>): ChaosOptions {
  return {
    seed: env.CHAOS_SEED === undefined ? CI.seed : Number(env.CHAOS_SEED),
    stormMs: env.CHAOS_MINUTES === undefined ? CI.stormMs : Number(env.CHAOS_MINUTES) * 60_000,
    isCalm: env.CHAOS_CALM === '1',
    isKept: env.CHAOS_KEEP === '1',
  };
}
