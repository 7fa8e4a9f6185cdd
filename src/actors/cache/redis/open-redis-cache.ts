import type { Clock } from '../../../clock.ts';
import type { Log } from '../../../log.ts';
import type { DependencyHealth } from '../../../ports.ts';
import { parseRedisUrl, type RedisAddress } from '../../../redis-url.ts';
import { Breaker } from '../../breaker.ts';
import { LinkStatus } from '../../link.actor.ts';
import { createRedisCache, type RedisCache } from './redis.cache.ts';
import { RedisConnection } from './redis-connection.ts';

/** How long Redis is left alone once calls to it kept failing, in ms; its link tries by itself meanwhile. */
const REST_MS = 2_000;

/** The cache in Redis, and what is known of it. */
export interface OpenedRedisCache {
  readonly cache: RedisCache;
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
  const cache = createRedisCache(new RedisConnection(parseRedisUrl(url) as RedisAddress, clock, log), breaker);
  const status = new LinkStatus(clock);
  return {
    cache,
    status,
    health: () => ({ ...status.health('redis'), breaker: breaker.state, ...cache.counts }),
  };
}
