import type { Random } from '../clock.ts';
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';

const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };
/** Up for this long, it is well again: its next failure is the first one. */
const WELL_AFTER_MS = 60_000;

/** Exit codes that are somebody's decision, or that a new start would only meet again: stopped in order, wrong usage, wrong configuration, interrupted. */
const FINAL: readonly number[] = [0, 64, 78, 130];
/** It gave up and wants to be started anew. */
const TEMPORARY_FAILURE = 75;

/** How a process ended. Neither code nor signal: it could not even be started. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** What the keeper knows when its process has ended. */
export interface KeptLife {
  readonly end: ProcessEnd;
  /** From its start to its end, in ms. */
  readonly livedMs: number;
  /** Failures in a row before this one. */
  readonly failures: number;
  /** It, or a life before it, has been up: what fails now has worked before. */
  readonly hasWorked: boolean;
  /** Somebody asked the keeper for a stop. */
  readonly isStopping: boolean;
}

/** What to do then. `failures` is for the next decision. */
export type KeeperVerdict =
  | { readonly action: 'stop' }
  | { readonly action: 'restart'; readonly delayMs: number; readonly failures: number };

/**
 * Whether a program that ended is started again, and after how long.
 *
 * A signal that nobody sent through the keeper (a crash, the kernel's OOM killer, `kill -9`) and exit code 75 always are a reason. Any other failure,
 * as exit code 1 (did not start), is one only where the program has worked before: then what is in its way came later and passes, as a
 * port or a lock that the life before has not quite given back; at the first start it is for the person who made it.
 */
export function afterEnd({ end, livedMs, failures, hasWorked, isStopping }: KeptLife, random: Random): KeeperVerdict {
  if (isStopping) return { action: 'stop' };
  if (end.exitCode !== null && end.exitCode !== TEMPORARY_FAILURE) {
    if (FINAL.includes(end.exitCode) || !hasWorked) return { action: 'stop' };
  }
  const before = livedMs >= WELL_AFTER_MS ? 0 : failures;
  return { action: 'restart', delayMs: backoffDelayMs(BACKOFF, before, random), failures: before + 1 };
}
