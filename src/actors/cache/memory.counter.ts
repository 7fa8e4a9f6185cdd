import type { Clock } from '../../clock.ts';
import { useAllowance } from '../../machines/allowance.ts';
import type { RateCounter } from '../../ports.ts';

/** Keys that are held at a time: addresses are without end. */
const MOST_KEYS = 50_000;

/** Counts within this process. */
export function createMemoryCounter(clock: Clock, mostKeys = MOST_KEYS): RateCounter {
  /** When each allowance is whole again, those used last at the end. */
  const fullAt = new Map<string, number>();

  /** Forgets what is whole again, then those that were used longest ago. */
  function makeRoom(now: number): void {
    for (const [key, at] of fullAt) if (at <= now) fullAt.delete(key);
    for (const key of fullAt.keys()) {
      if (fullAt.size < mostKeys) return;
      fullAt.delete(key);
    }
  }

  return {
    async use(key, allowance, cost) {
      const now = clock.monotonic();
      const step = useAllowance(fullAt.get(key) ?? now, now, allowance, cost);
      fullAt.delete(key);
      if (step.fullAt > now) {
        if (fullAt.size >= mostKeys) makeRoom(now);
        fullAt.set(key, step.fullAt);
      }
      return step.answer;
    },
  };
}
