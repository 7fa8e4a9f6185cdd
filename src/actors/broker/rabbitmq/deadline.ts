import type { Clock } from '../../../clock.ts';
import { unavailable } from './rabbit-errors.ts';

/**
 * AMQP's questions have no deadline of their own: a server that hangs would hang whoever asks.
 * @param what is being done, for people
 * @throws BROKER_UNAVAILABLE when it is not done in time; else what the work throws
 */
export async function within<T>(clock: Clock, deadlineMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<Clock['setTimeout']> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => reject(unavailable(`${what} took longer than ${deadlineMs / 1000} s`)), deadlineMs);
  });
  // What the race does not wait for any more may still fail.
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
