import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Breaker } from '../../src/actors/breaker.ts';
import { cacheLinkSpec } from '../../src/actors/cache/redis/cache-link.actor.ts';
import { createRedisCache, type RedisCache } from '../../src/actors/cache/redis/redis.cache.ts';
import { RedisConnection } from '../../src/actors/cache/redis/redis-connection.ts';
import { LinkStatus } from '../../src/actors/link.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { parseRedisUrl, type RedisAddress } from '../../src/redis-url.ts';
import { until } from '../support/program.ts';
import { describeRedis, PrivateRedis, RedisCluster } from '../support/redis.ts';
import { cacheContract } from './cache.contract.ts';
import { byId, byName, CHANNEL_ID, windowOf } from './cache-fixtures.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function unconnected(url: string): RedisCache {
  const breaker = new Breaker({ name: 'redis', restMs: 100 });
  return createRedisCache(new RedisConnection(parseRedisUrl(url) as RedisAddress, systemClock, silentLog), breaker);
}

async function connected(url: string): Promise<RedisCache> {
  const cache = unconnected(url);
  ends.push(() => cache.close());
  await cache.connect();
  return cache;
}

/** A cache whose link runs, as in the program. */
async function linked(url: string): Promise<{ cache: RedisCache; status: LinkStatus }> {
  const cache = unconnected(url);
  const status = new LinkStatus(systemClock);
  const deps = { clock: systemClock, random: () => 0, log: silentLog, registry: new Registry(systemClock) };
  const system = startSystem({ children: [cacheLinkSpec(cache, status, { ...deps, patienceMs: () => 1_000 })] }, deps);
  ends.push(async () => {
    await system.stop();
    await cache.close();
  });
  await system.started;
  return { cache, status };
}

const stateOf = (status: LinkStatus): string => status.health('redis').state;
const reaches = (status: LinkStatus, state: string): Promise<true> => until(async () => stateOf(status) === state || undefined);

describeRedis('Redis', () => {
  let redis: PrivateRedis;
  beforeAll(async () => {
    redis = await PrivateRedis.start();
  });
  afterAll(() => redis.remove());

  describe('as a cache', () => {
    beforeEach(async () => {
      await redis.ask((client) => client.flushall());
    });
    cacheContract(() => connected(redis.url));

    test('is one cache for all who use it', async () => {
      const [one, other] = [await connected(redis.url), await connected(redis.url)];
      // The first to come was told of another epoch meanwhile; it learns of it by asking.
      expect(await one.window(byId())).toBeUndefined();
      await one.putWindow(windowOf(5));
      expect(await other.window(byName('Habr_Com'))).toEqual(windowOf(5));
      await other.dropWindow(CHANNEL_ID, 6);
      expect(await one.window(byId())).toBeUndefined();
      await one.putWindow(windowOf(5));
      expect(await other.window(byId())).toBeUndefined();
      expect(other.counts).toEqual({ hits: 1, misses: 1, errors: 0 });
    });

    test('takes a window over once, and never again while it is the same', async () => {
      const [one, other] = [await connected(redis.url), await connected(redis.url)];
      await one.window(byId());
      await one.putWindow(windowOf(5));
      const first = await one.window(byId());
      expect(first).toEqual(windowOf(5));
      expect(await one.window(byName('habr_com'))).toBe(first);
      await other.window(byId());
      await other.dropWindow(CHANNEL_ID, 6);
      expect(await one.window(byId())).toBeUndefined();
      await other.putWindow(windowOf(6));
      const second = await one.window(byId());
      expect(second).toEqual(windowOf(6));
      expect(await one.window(byId())).toBe(second);
      await other.forgetAll();
      expect(await one.window(byId())).toBeUndefined();
      // The same revision in another epoch: another database may stand behind it.
      await one.putWindow(windowOf(6, { title: 'Another' }));
      expect((await one.window(byId()))?.channel.title).toBe('Another');
    });

    test('gives many who ask at once each his own, whatever became of the others', async () => {
      const [one, other] = [await connected(redis.url), await connected(redis.url)];
      // All commands of all clients; an answer says what it was asked by.
      const scripts = async (): Promise<number> => {
        const stats = await redis.ask((client) => client.info('commandstats'));
        return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      };
      const chats = Array.from({ length: 40 }, (_, at) => CHANNEL_ID - at);
      const windowFor = (chatId: number, revision: number) => windowOf(revision, { chatId, username: null });
      const askAll = () => Promise.all(chats.map((chatId) => one.window(byId(chatId))));
      await one.window(byId());
      for (const chatId of chats) await one.putWindow(windowFor(chatId, 5));
      const cold = await scripts();
      const first = await askAll();
      expect(first).toEqual(chats.map((chatId) => windowFor(chatId, 5)));
      expect((await scripts()) - cold).toBe(40);
      await other.window(byId());
      await other.dropWindow(chats[3] as number, 6);
      await other.putWindow(windowFor(chats[20] as number, 7));
      await redis.ask((client) => client.del(`telegram:messages:${chats[5]}`));
      await redis.ask((client) => client.set(`telegram:messages:${chats[6]}`, 'not ours'));
      await redis.ask((client) => client.hset(`telegram:messages:${chats[7]}`, { revision: '9', window: '{ cut off' }));
      const known = await scripts();
      const second = await askAll();
      expect((await scripts()) - known).toBe(Math.ceil(chats.length / 16));
      for (const [at, window] of second.entries()) {
        if ([3, 5, 6, 7].includes(at)) expect(window).toBeUndefined();
        else if (at === 20) expect(window).toEqual(windowFor(chats[20] as number, 7));
        else expect(window).toBe(first[at]);
      }
      expect(one.counts).toEqual({ hits: 76, misses: 5, errors: 1 });
    });

    test('works on where Redis has forgotten the scripts', async () => {
      const cache = await connected(redis.url);
      await cache.window(byId());
      await cache.putWindow(windowOf(5));
      await redis.ask((client) => client.script('FLUSH'));
      expect(await cache.window(byId())).toEqual(windowOf(5));
      expect(cache.counts.errors).toBe(0);
    });

    test('keeps the keys that operators know, for an hour', async () => {
      const cache = await connected(redis.url);
      await cache.putWindow(windowOf(5));
      const ttls = await redis.ask((client) =>
        Promise.all([`telegram:messages:${CHANNEL_ID}`, 'telegram:channel:habr_com'].map((key) => client.pttl(key))),
      );
      for (const ttl of ttls) {
        expect(ttl).toBeGreaterThan(3_500_000);
        expect(ttl).toBeLessThanOrEqual(3_600_000);
      }
    });

    test('keeps a window that goes on with a change no longer than the one before', async () => {
      const cache = await connected(redis.url);
      await cache.putWindow(windowOf(5));
      const keys = [`telegram:messages:${CHANNEL_ID}`, 'telegram:channel:habr_com'];
      await redis.ask((client) => client.pexpire(keys[0] ?? '', 5_000));
      await cache.putWindow(windowOf(6), cache.mark(), true);
      expect(await cache.held(CHANNEL_ID)).toEqual(windowOf(6));
      for (const ttl of await redis.ask((client) => Promise.all(keys.map((key) => client.pttl(key))))) {
        expect(ttl).toBeGreaterThan(0);
        expect(ttl).toBeLessThanOrEqual(5_000);
      }
      await cache.putWindow(windowOf(7), cache.mark());
      expect(await redis.ask((client) => client.pttl(keys[0] ?? ''))).toBeGreaterThan(3_500_000);
      expect(cache.counts).toEqual({ hits: 0, misses: 0, errors: 0 });
    });

    test('forgets everything when somebody comes, and takes nothing that was read before that', async () => {
      const cache = await connected(redis.url);
      await cache.putWindow(windowOf(5));
      const mark = cache.mark();
      const other = await connected(redis.url);
      expect(await cache.window(byId())).toBeUndefined();
      await cache.putWindow(windowOf(5), mark);
      expect(await other.window(byId())).toBeUndefined();
      await cache.putWindow(windowOf(5), cache.mark());
      expect(await other.window(byId())).toEqual(windowOf(5));
      await cache.forgetAll();
      expect(await other.window(byId())).toBeUndefined();
    });

    test('forgets everything where its own memory was full, also of which epoch it was', async () => {
      const cache = await connected(redis.url);
      await cache.putWindow(windowOf(5));
      await redis.ask((client) => client.del('telegram:epoch'));
      expect(await cache.window(byId())).toBeUndefined();
      await cache.putWindow(windowOf(6));
      expect(await cache.window(byId())).toEqual(windowOf(6));
    });

    test('never answers with what was dropped before, whoever drops, reads slowly, comes and goes', async () => {
      const operation = fc.record({
        who: fc.nat(1),
        // Reads, puts, changes and drops far more often than what happens seldom.
        kind: fc.constantFrom(...Array.from('rrrrrrrrppppppppccccccddd'), 'lose', 'come', 'come', 'evict'),
      });
      let runs = 0;
      const clients = [await connected(redis.url), await connected(redis.url)];
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40, size: 'max' }), async (operations) => {
          const chatId = -++runs;
          let truth = 1;
          /** What each has read of the store and not put yet. */
          const held: ({ revision: number; mark: string } | undefined)[] = [];
          /** A change whose drop did not reach Redis: until its writer is back, nobody can know. */
          let unknown: number | undefined;
          for (const { who, kind } of operations) {
            const client = clients[who] as RedisCache;
            if (kind === 'r') {
              const window = await client.window(byId(chatId));
              if (unknown === undefined && window) expect(window.channel.revision).toBe(truth);
              held[who] = { revision: truth, mark: client.mark() };
            } else if (kind === 'p') {
              const read = held[who];
              if (read) await client.putWindow(windowOf(read.revision, { chatId }), read.mark);
            } else if (kind === 'c') {
              truth += 1;
              if (unknown !== who) await client.dropWindow(chatId, truth);
            } else if (kind === 'd') {
              // Of two who changed it one after the other, the first may be heard last.
              await client.dropWindow(chatId, truth - 1);
            } else if (kind === 'lose') {
              // Killed between its commit and its drop.
              truth += 1;
              unknown = who;
            } else if (kind === 'evict') {
              await redis.ask((admin) => admin.del('telegram:epoch'));
            } else {
              await client.connect();
              held[who] = undefined;
              if (unknown === who) unknown = undefined;
            }
          }
        }),
        {
          numRuns: 300,
          // Nobody may put what was read while Redis had forgotten the epoch.
          examples: [
            [['r0', 'c0', 'r1', 'evict1', 'p0', 'r0'].map((text) => ({ who: Number(text.at(-1)), kind: text.slice(0, -1) }))],
          ],
        },
      );
    }, 60_000);

    test('that is not there fails at once, and a drop it missed makes it forget everything', async () => {
      const other = await PrivateRedis.start();
      ends.push(() => other.remove());
      const cache = await connected(other.url);
      await cache.putWindow(windowOf(5));
      await other.kill();
      await expect(cache.window(byId())).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
      await cache.dropWindow(CHANNEL_ID, 6);
      await expect(cache.connect()).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
      expect(cache.counts.errors).toBeGreaterThan(0);
    });
  });

  test('that refuses the password says so, and nobody is told the password', async () => {
    const own = await PrivateRedis.start();
    ends.push(() => own.remove());
    await own.ask((client) => client.config('SET', 'requirepass', 'the right one'));
    const refused = await unconnected(own.url.replace('//', '//:not-that-one@'))
      .connect()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'CACHE_UNAVAILABLE', message: expect.stringMatching(/WRONGPASS|NOAUTH|invalid/i) });
    expect(inspect(refused, { depth: 9 })).not.toContain('not-that-one');
    const right = await connected(own.url.replace('//', '//:the%20right%20one@'));
    expect(await right.window(byId())).toBeUndefined();
  });

  test('its link says that it is down, and up again, by itself; meanwhile nobody waits', async () => {
    const own = await PrivateRedis.start();
    ends.push(() => own.remove());
    const { cache, status } = await linked(own.url);
    expect(stateOf(status)).toBe('up');
    await cache.putWindow(windowOf(5));
    await own.kill();
    await reaches(status, 'down');
    const asked = performance.now();
    await expect(cache.window(byId())).rejects.toMatchObject({ code: expect.stringMatching(/CACHE_UNAVAILABLE|BREAKER_OPEN/) });
    expect(performance.now() - asked).toBeLessThan(500);
    await own.start();
    await reaches(status, 'up');
    await until(async () => {
      await cache.putWindow(windowOf(7)).catch(() => {});
      return (await cache.window(byId()).catch(() => undefined)) !== undefined || undefined;
    });
    expect(await cache.window(byId())).toEqual(windowOf(7));
  }, 500_000);

  test('that hangs is told of by its link, and does not hang anybody', async () => {
    const own = await PrivateRedis.start();
    ends.push(() => own.remove());
    const { cache, status } = await linked(own.url);
    own.freeze();
    await expect(cache.window(byId())).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
    await reaches(status, 'down');
    own.thaw();
    await reaches(status, 'up');
  }, 500_000);

  test('behind Sentinels goes on with another master when its own is killed', async () => {
    const cluster = await RedisCluster.start('telegram-redis');
    ends.push(() => cluster.remove());
    const { cache, status } = await linked(cluster.url('telegram-redis'));
    await cache.putWindow(windowOf(5));
    expect(await cache.window(byId())).toEqual(windowOf(5));
    const { since } = status.health('redis');
    const killed = performance.now();
    await cluster.nodes[0]?.kill();
    // Down may be over before anybody looks: the Sentinels may agree sooner than the link asks.
    await until(async () => (stateOf(status) === 'up' && status.health('redis').since > since) || undefined);
    await until(async () => {
      await cache.putWindow(windowOf(6)).catch(() => {});
      return (await cache.window(byId()).catch(() => undefined)) !== undefined || undefined;
    });
    console.info(`Sentinel: another master serves ${Math.round(performance.now() - killed)} ms after the first was killed`);
    const roles = await cluster.nodes[1]?.ask((client) => client.call('ROLE'));
    expect((roles as unknown[])[0]).toBe('master');
  }, 90_000);
});

describe('a Redis address', () => {
  const login = { username: undefined, password: undefined, db: 0, tls: false };

  test.each([
    ['redis://localhost', { kind: 'standalone', ...login, host: 'localhost', port: 6379 }],
    ['redis://:p%40ss@[::1]:7000/3', { kind: 'standalone', ...login, password: 'p@ss', db: 3, host: '::1', port: 7000 }],
    [
      'rediss://me:secret@cache.example',
      { kind: 'standalone', username: 'me', password: 'secret', db: 0, tls: true, host: 'cache.example', port: 6379 },
    ],
    [
      'redis+sentinel://me:pw@a,b:26380/telegram-redis/2?sentinelPassword=x&natMap=10.0.0.1:6379=localhost:7001',
      {
        kind: 'sentinel',
        username: 'me',
        password: 'pw',
        db: 2,
        tls: false,
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 26_380 },
        ],
        name: 'telegram-redis',
        sentinelUsername: undefined,
        sentinelPassword: 'x',
        natMap: { '10.0.0.1:6379': { host: 'localhost', port: 7001 } },
      },
    ],
  ])('%s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  test.each([
    'redis://',
    'http://localhost',
    'redis://localhost/name',
    'redis://localhost?x=1',
    'redis://%zz@localhost',
    'redis+sentinel://a',
    'redis+sentinel://a:99999/name',
    'redis+sentinel://a,/name',
    'redis+sentinel://a/name?unknown=1',
    'redis+sentinel://a/name?natMap=a=b',
    'redis+sentinel://a/name/x',
  ])('%s is none', (url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });
});
