import type { Random } from '../clock.ts';

/** How long to wait before trying again. */
export interface BackoffPolicy {
  /** Ceiling of the first delay, in ms. */
  readonly baseMs: number;
  /** Ceiling of every later delay, in ms. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: a uniform delay in [0, min(cap, base · 2^attempt)), so that many who failed together do not come back together.
 * @param attempt failures so far in a row, from 0
 * @returns whole milliseconds
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function backoffDelayMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  // 2^30 is past every cap; the exponent is bounded so that it cannot overflow after months of failures.
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * ceiling);
}
