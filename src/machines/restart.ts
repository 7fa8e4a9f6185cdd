import type { BackoffPolicy } from './backoff.ts';

/**
 * Which exits are followed by a restart, as in OTP: `permanent` always, `transient` after a failure only, `temporary` never.
 * @see https://www.erlang.org/doc/apps/stdlib/supervisor.html
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** Who is restarted with a child that failed: nobody, everybody, or those that were started after it. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

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

/**
 * Who ends and starts again when a child failed.
 * @param children all ids in the order in which they start
 * @returns the failed one and those that go with it, in the order in which they start
 */
export function restartGroup(strategy: Strategy, children: readonly string[], failed: string): string[] {
  switch (strategy) {
    case 'one_for_one':
      return [failed];
    case 'one_for_all':
      return [...children];
    case 'rest_for_one':
      return children.slice(children.indexOf(failed));
  }
}

/**
 * True when a child's backoff is so slow that a child which always fails at once would never exceed the intensity: the supervisor would
 * restart it for ever and never tell anybody. The longest delays are added up, since chance may choose them.
 */
export function defeatsIntensity(backoff: BackoffPolicy, { maxRestarts, periodMs }: Intensity): boolean {
  let longestMs = 0;
  for (let attempt = 0; attempt < maxRestarts; attempt++)
    longestMs += Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return longestMs >= periodMs;
}
