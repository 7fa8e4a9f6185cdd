import type { Clock } from '../../../clock.ts';
import type { Log } from '../../../log.ts';
import type { DependencyHealth, RateCounter } from '../../../ports.ts';
import { parseRedisUrl, type RedisAddress } from '../../../redis-url.ts';
import { Breaker } from '../../breaker.ts';
import { LinkStatus } from '../../link.actor.ts';
import { createRedisCache, type RedisCache } from './redis.cache.ts';
import { createRedisCounter } from './redis.counter.ts';
import { RedisConnection } from './redis-connection.ts';

/** How long Redis is left alone once calls to it kept failing, in ms; its link tries by itself meanwhile. */
const REST_MS = 2_000;

/** The cache in Redis, and what is known of it. */
export interface OpenedRedisCache {
  readonly cache: RedisCache;
  /** Counts requests over the same connection. */
  readonly counter: RateCounter;
  readonly status: LinkStatus;
  health(): DependencyHealth;
}

/** @param url as `parseRedisUrl` takes it; nothing is connected before the link runs */
export function openRedisCache(url: string, { clock, log }: { readonly clock: Clock; readonly log: Log }): OpenedRedisCache {
  const breaker = new Breaker({
    name: 'redis',
    restMs: REST_MS,
    clock,
    onState: (state) => log.warn({ breaker: 'redis', state }, 'breaker'),
  });
  const connection = new RedisConnection(parseRedisUrl(url) as RedisAddress, clock, log);
  const cache = createRedisCache(connection, breaker);
  const status = new LinkStatus(clock);
  return {
    cache,
    counter: createRedisCounter(connection, breaker),
    status,
    health: () => ({ ...status.health('redis'), breaker: breaker.state, ...cache.counts }),
  };
}
