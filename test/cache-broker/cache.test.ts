import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryCache, type MemoryCacheOptions } from '../../src/actors/cache/memory.cache.ts';
import { createNoneCache } from '../../src/actors/cache/none.cache.ts';
import { systemClock } from '../../src/clock.ts';
import type { Cache } from '../../src/ports.ts';
import { cacheContract } from './cache.contract.ts';
import { byId, byName, CHANNEL_ID, windowOf } from './cache-fixtures.ts';

const HOUR = 3_600_000;

function timed(options?: MemoryCacheOptions): { cache: Cache; time: { nowMs: number } } {
  const time = { nowMs: 0 };
  return { cache: createMemoryCache({ ...systemClock, monotonic: () => time.nowMs }, options), time };
}

describe('in-process cache', () => {
  cacheContract(async () => createMemoryCache(systemClock));

  test('forgets a window after an hour, and takes the same revision again', async () => {
    const { cache, time } = timed();
    await cache.putWindow(windowOf(5));
    time.nowMs = HOUR - 1;
    expect(await cache.window(byId())).toBeDefined();
    time.nowMs = HOUR;
    expect(await cache.window(byId())).toBeUndefined();
    expect(await cache.window(byName('habr_com'))).toBeUndefined();
    await cache.putWindow(windowOf(4));
    expect(await cache.window(byId())).toBeUndefined();
    await cache.putWindow(windowOf(5));
    expect(await cache.window(byName('habr_com'))).toEqual(windowOf(5));
    time.nowMs = 2 * HOUR - 1;
    expect(await cache.window(byId())).toBeDefined();
  });

  test('keeps to its size: the windows least recently used go first', async () => {
    const { cache } = timed({ maxMessages: 10 });
    for (const id of [1, 2, 3]) await cache.putWindow(windowOf(1, { chatId: -id, username: `name${id}` }, 3));
    await cache.window(byName('name1'));
    await cache.putWindow(windowOf(1, { chatId: -4, username: 'name4' }, 3));
    const held = await Promise.all([1, 2, 3, 4].map(async (id) => (await cache.window(byId(-id))) !== undefined));
    expect(held).toEqual([true, false, true, true]);
    expect(await cache.window(byName('name2'))).toBeUndefined();
  });

  test('does not keep a window that is larger than all of it, nor the older one in its place', async () => {
    const { cache } = timed({ maxMessages: 10 });
    await cache.putWindow(windowOf(1, {}, 10));
    await cache.putWindow(windowOf(2, {}, 11));
    expect(await cache.window(byId())).toBeUndefined();
  });

  test('remembers a bounded number of channels', async () => {
    const { cache } = timed({ maxChannels: 2 });
    for (const id of [1, 2, 3]) await cache.putWindow(windowOf(1, { chatId: -id, username: null }));
    expect(await cache.window(byId(-1))).toBeUndefined();
    expect(await cache.window(byId(-3))).toBeDefined();
  });

  test('never answers with a revision older than one it was told of, whatever the order', async () => {
    const operation = fc.record({ kind: fc.constantFrom('put', 'drop', 'wait'), revision: fc.integer({ min: 1, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
        const { cache, time } = timed();
        let newest = 0;
        for (const { kind, revision } of operations) {
          if (kind === 'put') await cache.putWindow(windowOf(revision));
          else if (kind === 'drop') await cache.dropWindow(CHANNEL_ID, revision);
          else time.nowMs += HOUR / 3;
          if (kind !== 'wait') newest = Math.max(newest, revision);
          const held = await cache.window(byId());
          if (held !== undefined) expect(held.channel.revision).toBe(newest);
          if (kind === 'put' && revision === newest) expect(held).toEqual(windowOf(revision));
        }
      }),
    );
  });
});

describe('no cache', () => {
  test('takes windows and never has one', async () => {
    const cache = createNoneCache();
    await cache.putWindow(windowOf(1));
    await cache.dropWindow(CHANNEL_ID, 1);
    expect(await cache.window(byId())).toBeUndefined();
    expect(cache.kind).toBe('none');
    await cache.close();
  });
});
