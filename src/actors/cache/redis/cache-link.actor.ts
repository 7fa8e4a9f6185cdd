import type { ChildSpec } from '../../actor.ts';
import { type LinkDeps, type LinkStatus, linkSpec } from '../../link.actor.ts';
import type { RedisCache } from './redis.cache.ts';

/** The link to Redis: it makes the connection, which forgets everything, then asks it every few seconds. Without it, the database answers. */
export function cacheLinkSpec(cache: RedisCache, status: LinkStatus, deps: LinkDeps): ChildSpec {
  const prepare = async (): Promise<number> => {
    await cache.connect();
    return cache.ping();
  };
  return linkSpec({ id: 'cache', name: 'cache', kind: 'redis', prepare, check: () => cache.ping() }, status, deps);
}
