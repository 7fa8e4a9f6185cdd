import { describe, expect, it } from 'vitest';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { createWindowReader } from '../../src/actors/cache/window-reader.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { byId, windowOf } from './cache-fixtures.ts';

/** A reader over a channel of so many messages, and how many of them the store was asked for each time. */
function house(count: number) {
  const { channel, messages } = windowOf(5, { complete: true }, count);
  const raw = { media: { _: 'MessageMediaPhoto' } };
  const asked: number[] = [];
  const store = {
    findChannel: async () => channel,
    readMessages: async ({ limit }: { limit: number }) => {
      asked.push(limit);
      return messages.slice(0, limit).map((message) => ({ ...message, raw }));
    },
    countMessages: async () => count,
  };
  const cache = createMemoryCache(systemClock);
  return { asked, cache, reader: createWindowReader(cache, store, systemClock, silentLog) };
}

describe('a window', () => {
  it('is read as deep as it is asked for, and answers everything that is no deeper', async () => {
    const { asked, reader } = house(600);
    const read = async (limit: number) => (await reader.page(byId(), { limit }))?.source;
    expect([await read(20), await read(50), await read(100), await read(60)]).toEqual(['store', 'cache', 'store', 'cache']);
    expect([await read(200), await read(500), await read(50)]).toEqual(['store', 'cache', 'cache']);
    expect(asked).toEqual([51, 101, 501]);
  });

  it('that holds a whole channel answers everything', async () => {
    const { asked, reader } = house(7);
    await reader.page(byId(), { limit: 50 });
    expect(await reader.page(byId(), { limit: 500 })).toMatchObject({ source: 'cache', more: false });
    expect(asked).toEqual([51]);
  });

  it('holds of a message what readers are told, and no more', async () => {
    const { cache, reader } = house(3);
    await reader.page(byId(), { limit: 50 });
    expect((await cache.window(byId()))?.messages.map(({ raw }) => raw)).toEqual([{}, {}, {}]);
  });

  it('answers the same question with the same page, until it changes', async () => {
    const { cache, reader } = house(600);
    await reader.page(byId(), { limit: 50 });
    const first = await reader.page(byId(), { limit: 50 });
    expect(await reader.page(byId(), { limit: 50 })).toBe(first);
    expect(await reader.page(byId(), { limit: 20 })).not.toBe(first);
    expect(await reader.page(byId(), { limit: 50 })).toBe(first);
    await cache.putWindow(windowOf(6, { complete: true }, 100));
    expect((await reader.page(byId(), { limit: 50 }))?.channel.revision).toBe(6);
  });
});
