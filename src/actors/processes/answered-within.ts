import { type Clock, within } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';

/**
 * @returns what the database answers; its own deadlines are for those who have nothing else to tell
 * @throws STORE_UNAVAILABLE when it takes longer, and whatever the work throws
 */
export function answeredWithin<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return within(clock, ms, work, () => {
    throw new VigiliaError('STORE_UNAVAILABLE', `the database did not answer within ${ms} ms`);
  });
}
