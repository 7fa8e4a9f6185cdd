import { type Clock, within as inTime } from '../../../clock.ts';
import { unavailable } from './rabbit-errors.ts';

/**
 * AMQP's questions have no deadline of their own: a server that hangs would hang whoever asks.
 * @param what is being done, for people
 * @throws BROKER_UNAVAILABLE when it is not done in time; else what the work throws
 */
export function within<T>(clock: Clock, deadlineMs: number, what: string, work: Promise<T>): Promise<T> {
  return inTime(clock, deadlineMs, work, () => {
    throw unavailable(`${what} took longer than ${deadlineMs / 1000} s`);
  });
}
