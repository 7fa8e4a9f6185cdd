import { type Clock, within } from '../clock.ts';
import { VigiliaError } from '../errors.ts';

/** How long a read may wait for the database, in ms. */
export const READ_MS = 10_000;

/** What to tell clients to wait when the database is away, in ms. */
const STORE_RETRY_MS = 5_000;

/**
 * The work's outcome, or `STORE_UNAVAILABLE` when it takes longer. The work itself goes on: only the waiting ends.
 * @param deadlineMs how long to wait at most
 * @throws STORE_UNAVAILABLE, and whatever the work throws
 */
export function withinDeadline<T>(clock: Clock, deadlineMs: number, work: Promise<T>): Promise<T> {
  return within(clock, deadlineMs, work, () => {
    throw new VigiliaError('STORE_UNAVAILABLE', `no answer within ${deadlineMs} ms`, { retryAfterMs: STORE_RETRY_MS });
  });
}
