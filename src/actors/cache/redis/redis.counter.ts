import { allowanceAnswer } from '../../../machines/allowance.ts';
import type { RateCounter } from '../../../ports.ts';
import type { Breaker } from '../../breaker.ts';
import type { RedisConnection } from './redis-connection.ts';
import { USE_ALLOWANCE } from './scripts.ts';

/** Counts in Redis, for all processes together, by its clock. Nothing of it outlives its period. */
export function createRedisCounter(connection: RedisConnection, breaker: Breaker): RateCounter {
  return {
    async use(key, allowance, cost = 1) {
      const { most, periodMs } = allowance;
      const args = [String(most), String(periodMs), String(cost)];
      const [granted, fullAfterMs] = (await breaker.run(() => connection.run(USE_ALLOWANCE, [`telegram:rate:${key}`], args))) as [
        number,
        string,
      ];
      return allowanceAnswer(granted === 1, Number(fullAfterMs), allowance);
    },
  };
}
