import { PrivateRedis } from '../../test/support/redis.ts';
import { atEnd } from './cleanup.ts';
import { usageOf } from './process-usage.ts';

/** When Redis has what it was told on the disk: before it answers, once a second, or never. */
export type Durability = 'always' | 'everysec' | 'none';

/** A Redis of the benchmark's own. */
export interface BenchRedis {
  /** E.g. `Redis 7.0.15`. */
  readonly version: string;
  readonly url: string;
  readonly port: number;
  cpuSeconds(): Promise<number>;
  /** Forgets everything. */
  flush(): Promise<void>;
}

/** What only a cache is told. */
const CACHE = ['maxmemory 512mb', 'maxmemory-policy allkeys-lru'];

/**
 * Starts a server, which ends with the benchmark.
 * @throws Error when it does not say of itself that it is as durable as it was told to be
 */
export async function startRedis(durability: Durability): Promise<BenchRedis> {
  const wanted = durability === 'none' ? CACHE : ['appendonly yes', `appendfsync ${durability}`];
  const starting = PrivateRedis.start(wanted);
  // Registered before it is up: an interruption waits for the start, and ends what was started.
  atEnd(async () => (await starting).remove());
  const server = await starting;
  const said = async (name: string): Promise<string> => String((await server.ask((client) => client.config('GET', name)))[1]);
  const is = (await said('appendonly')) === 'yes' ? await said('appendfsync') : 'none';
  if (is !== durability) throw new Error(`Redis was to sync ${durability} and says ${is}`);
  const info = await server.ask((client) => client.info('server'));
  return {
    version: `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? ''}`,
    url: server.url,
    port: server.port,
    cpuSeconds: async () => (await usageOf(server.pid ?? 0)).cpuSeconds,
    flush: async () => void (await server.ask((client) => client.flushall())),
  };
}
