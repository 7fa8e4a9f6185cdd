import { causeChain, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Broker } from '../../ports.ts';

/** Wake-ups kept for an account that nobody consumes; older ones are forgotten, since the rows say what is due. */
const WAITING_AN_ACCOUNT = 10_000;

type OnWake = (jobId: string) => void;

/** One account's wake-ups and who takes them. */
class Lane {
  readonly waiting = new Set<string>();
  readonly consumers: OnWake[] = [];
  delivering = false;
}

/**
 * The broker of a program that runs in one process. A wake-up goes to one of its account's consumers, in turn, never while `wake` itself
 * is running; the same job waiting twice is one wake-up; what nobody consumes yet waits.
 */
export function createMemoryBroker(log: Log): Broker {
  const lanes = new Map<string, Lane>();
  let closed = false;

  function laneOf(accountId: string): Lane {
    if (closed) throw new VigiliaError('BROKER_UNAVAILABLE', 'the broker was closed');
    const lane = lanes.get(accountId) ?? new Lane();
    lanes.set(accountId, lane);
    return lane;
  }

  function deliver(lane: Lane): void {
    if (lane.delivering) return;
    lane.delivering = true;
    queueMicrotask(() => {
      lane.delivering = false;
      for (const jobId of [...lane.waiting]) {
        const consumer = lane.consumers.shift();
        if (consumer === undefined || closed) return;
        lane.consumers.push(consumer);
        lane.waiting.delete(jobId);
        try {
          consumer(jobId);
        } catch (thrown) {
          log.error({ jobId, causes: causeChain(thrown) }, 'a consumer of wake-ups failed');
        }
      }
    });
  }

  return {
    kind: 'in-process',
    isReady: () => !closed,
    async wake(accountId, jobId) {
      const lane = laneOf(accountId);
      lane.waiting.add(jobId);
      const [oldest] = lane.waiting;
      if (lane.waiting.size > WAITING_AN_ACCOUNT && oldest !== undefined) lane.waiting.delete(oldest);
      deliver(lane);
    },
    async consume(accountId, onWake) {
      const lane = laneOf(accountId);
      // Wrapped, so that one function that consumes twice counts as two consumers.
      const consumer: OnWake = (jobId) => onWake(jobId);
      lane.consumers.push(consumer);
      deliver(lane);
      return async () => {
        const at = lane.consumers.indexOf(consumer);
        if (at >= 0) lane.consumers.splice(at, 1);
      };
    },
    async close() {
      closed = true;
      lanes.clear();
    },
  };
}
