import { type Clock, pause } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Allowance, AllowanceAnswer, RateCounter } from '../../ports.ts';

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

  async function inTime(key: string, allowance: Allowance, cost: number | undefined): Promise<AllowanceAnswer> {
    const answered = new AbortController();
    const late = async (): Promise<AllowanceAnswer> => {
      if (await pause(clock, COUNT_MS, answered.signal))
        throw new VigiliaError('CACHE_UNAVAILABLE', `not counted within ${COUNT_MS} ms`);
      return new Promise<never>(() => {});
    };
    const counting = shared.use(key, allowance, cost).finally(() => answered.abort());
    return Promise.race([counting, late()]);
  }

  return {
    async use(key, allowance, cost) {
      try {
        const answer = await inTime(key, allowance, cost);
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
