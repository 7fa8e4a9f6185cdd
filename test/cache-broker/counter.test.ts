import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Breaker } from '../../src/actors/breaker.ts';
import { createMemoryCounter } from '../../src/actors/cache/memory.counter.ts';
import { createRedisCounter } from '../../src/actors/cache/redis/redis.counter.ts';
import { RedisConnection } from '../../src/actors/cache/redis/redis-connection.ts';
import { createSharedCounter } from '../../src/actors/cache/shared-counter.ts';
import { systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { AllowanceAnswer, RateCounter } from '../../src/ports.ts';
import { parseRedisUrl, type RedisAddress } from '../../src/redis-url.ts';
import { describeRedis, PrivateRedis } from '../support/redis.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR = { most: 3, periodMs: 3_600_000 };

/** What holds for whatever counts. */
function counterContract(make: () => Promise<RateCounter>): void {
  test('grants what there is, then says when the next one is', async () => {
    const counter = await make();
    const answers: AllowanceAnswer[] = [];
    for (let n = 0; n < 5; n++) answers.push(await counter.use('a', HOUR));
    expect(answers.map(({ granted, remaining }) => [granted, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    const [first, , , refused] = answers;
    expect(first?.retryAfterMs).toBe(0);
    expect(first?.fullAfterMs).toBeCloseTo(1_200_000, -4);
    expect(refused?.retryAfterMs).toBeCloseTo(1_200_000, -4);
    expect(refused?.fullAfterMs).toBeCloseTo(3_600_000, -4);
  });

  test('counts each key by itself, and uses up nothing where it is only asked', async () => {
    const counter = await make();
    for (let n = 0; n < 5; n++) expect(await counter.use('b', HOUR, 0)).toMatchObject({ granted: true, remaining: 3 });
    for (let n = 0; n < 3; n++) await counter.use('b', HOUR);
    expect((await counter.use('b', HOUR, 0)).granted).toBe(false);
    expect((await counter.use('c', HOUR)).remaining).toBe(2);
  });

  test('grants what comes at once once each', async () => {
    const counter = await make();
    const answers = await Promise.all(Array.from({ length: 20 }, () => counter.use('d', HOUR)));
    expect(answers.filter(({ granted }) => granted)).toHaveLength(3);
  });
}

describe('counting in the process', () => {
  counterContract(async () => createMemoryCounter(systemClock));
});

describeRedis('counting in Redis', () => {
  let redis: PrivateRedis;
  const connections: RedisConnection[] = [];
  beforeAll(async () => {
    redis = await PrivateRedis.start();
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await redis.remove();
  });
  const connected = async (): Promise<RateCounter> => {
    const connection = new RedisConnection(parseRedisUrl(redis.url) as RedisAddress, systemClock, silentLog);
    connections.push(connection);
    await connection.connect();
    return createRedisCounter(connection, new Breaker({ name: 'redis' }));
  };

  counterContract(async () => {
    await redis.ask((client) => client.flushall());
    return connected();
  });

  test('is of all processes together, and leaves nothing behind after its period', async () => {
    await redis.ask((client) => client.flushall());
    const [here, there] = [await connected(), await connected()];
    await here.use('e', HOUR);
    expect((await there.use('e', HOUR)).remaining).toBe(1);
    const key = 'telegram:rate:e';
    const ttl = await redis.ask((client) => client.pttl(key));
    expect(ttl).toBeGreaterThan(2_000_000);
    expect(ttl).toBeLessThanOrEqual(2_400_000);
  });
});

describe('counting together, or alone', () => {
  function counting(shared: RateCounter) {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const log = {
      ...silentLog,
      info: (_: object, line: string) => void lines.push(line),
      warn: (_: object, line: string) => void lines.push(line),
    };
    return { clock, lines, counter: createSharedCounter(shared, createMemoryCounter(clock), { clock, log }) };
  }

  test('goes on alone while the others cannot be reached, and says so once', async () => {
    let away = false;
    const far = createMemoryCounter(systemClock);
    const shared: RateCounter = {
      use: async (...asked) => {
        if (away) throw new VigiliaError('CACHE_UNAVAILABLE', 'away');
        return far.use(...asked);
      },
    };
    const { counter, lines } = counting(shared);
    expect((await counter.use('a', HOUR)).remaining).toBe(2);
    away = true;
    expect((await counter.use('a', HOUR)).remaining).toBe(2);
    expect((await counter.use('a', HOUR)).remaining).toBe(1);
    expect(lines).toEqual([expect.stringContaining('by this gateway alone')]);
    away = false;
    expect((await counter.use('a', HOUR)).remaining).toBe(1);
    expect(lines).toHaveLength(2);
  });

  test('waits for them no longer than a tenth of a second', async () => {
    const { counter, clock, lines } = counting({ use: () => new Promise(() => {}) });
    const asking = counter.use('a', HOUR);
    await clock.advance(100);
    expect((await asking).remaining).toBe(2);
    expect(lines).toHaveLength(1);
  });
});
