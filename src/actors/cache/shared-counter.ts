import { type Clock, within } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { RateCounter } from '../../ports.ts';

/** How long a request waits to be counted by all, in ms: it is not held up for the sake of a count. */
const COUNT_MS = 100;

interface SharedCounterDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Counts where all processes do, or, while that is away, in this one alone: then each process grants the whole of an allowance. It says when that
 * begins and when it ends, and never fails.
 */
export function createSharedCounter(shared: RateCounter, own: RateCounter, { clock, log }: SharedCounterDeps): RateCounter {
  let together = true;

  const late = (): never => {
    throw new VigiliaError('CACHE_UNAVAILABLE', `not counted within ${COUNT_MS} ms`);
  };

  return {
    async use(key, allowance, cost) {
      try {
        const answer = await within(clock, COUNT_MS, shared.use(key, allowance, cost), late);
        if (!together) log.info({}, 'requests are counted over all gateways again');
        together = true;
        return answer;
      } catch (thrown) {
        const { code, message } = toVigiliaError(thrown);
        // Other codes are the breaker's, which leaves Redis alone for a while.
        if (together)
          log.warn({ error: code, cause: message }, 'requests are counted by this gateway alone: each grants the whole limit');
        together = false;
        return own.use(key, allowance, cost);
      }
    },
  };
}
