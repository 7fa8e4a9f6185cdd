import { type Clock, pause } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';

/**
 * @returns what the database answers; its own deadlines are for those who have nothing else to tell
 * @throws STORE_UNAVAILABLE when it takes longer, and whatever the work throws
 */
export async function answeredWithin<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = pause(clock, ms, answered.signal).then((isLate): Promise<never> => {
    if (isLate) throw new VigiliaError('STORE_UNAVAILABLE', `the database did not answer within ${ms} ms`);
    return new Promise(() => {});
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    answered.abort();
  }
}
