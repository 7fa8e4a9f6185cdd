import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetChannels } from '../../src/actors/cache/forget-window.ts';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { createWindowReader } from '../../src/actors/cache/window-reader.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Channel } from '../../src/ports.ts';
import { CHANNEL_ID, channel, history } from '../store/fixtures.ts';
import { pgliteHarness, type StoreHarness } from '../store/store-harness.ts';
import { byId, byName } from './cache-fixtures.ts';

let harness: StoreHarness;
beforeAll(async () => {
  harness = await pgliteHarness();
}, 60_000);
afterAll(() => harness.close());

/** A channel that was read from Telegram and is held by the cache, and a writer who tells it of what changed. */
async function house() {
  const { store } = await harness.fresh();
  const cache = createMemoryCache(systemClock);
  const reader = createWindowReader(cache, store, systemClock, silentLog);
  await store.transaction(async (tx) => {
    await tx.upsertChannels([channel()]);
    await tx.upsertMessages(0, history(3));
    await tx.markSynced(CHANNEL_ID, systemClock.now(), 3, true);
  });
  expect(await reader.page(byName('habr_com'), { limit: 2 })).toMatchObject({ source: 'store' });
  expect(await reader.page(byName('habr_com'), { limit: 2 })).toMatchObject({ source: 'cache' });
  const write = async (...channels: Channel[]): Promise<void> =>
    forgetChannels(cache, await store.transaction((tx) => tx.upsertChannels(channels)));
  return { store, cache, reader, write };
}

test('a name that went to another channel is answered with that one at once', async () => {
  const { cache, reader, write } = await house();
  const former = await cache.window(byId());
  await write(channel({ chatId: -8, title: 'Heir' }));
  expect((await reader.channel(byName('habr_com')))?.chatId).toBe(-8);
  expect((await reader.page(byName('habr_com'), { limit: 2 }))?.channel.chatId).toBe(-8);
  expect((await reader.channel(byId()))?.username).toBeNull();
  // One who read the former holder before the change, and puts it into the cache after it.
  if (former) await cache.putWindow(former);
  expect((await reader.channel(byName('habr_com')))?.chatId).toBe(-8);
});

test('a former name of a channel finds nothing, and its new one the channel', async () => {
  const { reader, write } = await house();
  await write(channel({ username: 'habr', title: 'Habr' }));
  expect(await reader.page(byName('habr_com'), { limit: 2 })).toBeUndefined();
  expect(await reader.page(byName('habr'), { limit: 2 })).toMatchObject({ channel: { title: 'Habr' }, source: 'store' });
  expect(await reader.page(byName('habr'), { limit: 2 })).toMatchObject({ channel: { title: 'Habr' }, source: 'cache' });
});

test('a channel that is told again as it is stays in the cache', async () => {
  const { reader, write } = await house();
  await write(channel());
  expect(await reader.page(byName('habr_com'), { limit: 2 })).toMatchObject({ source: 'cache' });
});
