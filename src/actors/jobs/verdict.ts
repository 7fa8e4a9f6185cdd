import type { Random } from '../../clock.ts';
import { errorRecord, type VigiliaError } from '../../errors.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { FLOOD_SPREAD_MS } from '../../machines/flood-window.ts';
import type { JobMachineEvent } from '../../machines/job.machine.ts';
import type { Claim } from '../../ports.ts';

/** Delay before another attempt, by what went wrong. A defect of ours does not pass as soon as a bad connection does. */
const RETRY: Readonly<Record<'transient' | 'bug', BackoffPolicy>> = {
  transient: { baseMs: 2_000, capMs: 60_000 },
  bug: { baseMs: 10_000, capMs: 300_000 },
};

/** What a run is told when it shall end without a fault of its own. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

/**
 * What a failed run means for its job: a pure table by fault. A page that the client library cannot read (`TELEGRAM_GENERATION`) takes the
 * link down, and counts as an attempt: it would take the next link down too.
 * @param attempts failed attempts before this one
 * @returns the event to step the job by, or undefined when the job is nobody's business here any more
 */
export function verdictOf(
  error: VigiliaError,
  attempts: number,
  claim: Claim,
  now: number,
  random: Random,
): JobMachineEvent | undefined {
  const record = errorRecord(error);
  switch (error.code) {
    case 'JOB_NOT_CLAIMED':
    case 'JOB_CANCELLED':
      return undefined;
    case 'STORE_UNAVAILABLE':
      // Nothing is wrong with the job: it goes on once the database is back. Not at once, though: where one statement fails for itself while
      // the others pass, the job would ask Telegram for the same page as fast as it can.
      return { type: 'RELEASE', now, claim, retryAt: now + backoffDelayMs(RETRY.transient, claim.number - 1, random) };
    case 'TELEGRAM_OFFLINE':
    case 'TELEGRAM_DEACTIVATED':
    case 'TELEGRAM_KEY_DUPLICATED':
    case 'TELEGRAM_KEY_UNKNOWN':
    case 'TELEGRAM_REAUTH':
      return { type: 'PARK', now, claim, error: record };
  }
  if (error.fault === 'throttled') {
    const retryAt = now + (error.retryAfterMs ?? 0) + Math.floor(random() * FLOOD_SPREAD_MS);
    return { type: 'THROTTLE', now, claim, error: record, retryAt };
  }
  const retryable = error.fault === 'transient' || error.fault === 'bug';
  const policy = error.fault === 'bug' ? RETRY.bug : RETRY.transient;
  return { type: 'FAIL', now, claim, error: record, retryable, retryAt: now + backoffDelayMs(policy, attempts, random) };
}
