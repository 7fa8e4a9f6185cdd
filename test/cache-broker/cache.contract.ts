import { afterEach, expect, test } from 'vitest';
import type { Cache } from '../../src/ports.ts';
import { byId, byName, CHANNEL_ID, windowOf } from './cache-fixtures.ts';

/** What every cache does that keeps anything. Each may forget, but none may answer with something stale. */
export function cacheContract(open: () => Promise<Cache>): void {
  const opened: Cache[] = [];
  async function fresh(): Promise<Cache> {
    const cache = await open();
    opened.push(cache);
    return cache;
  }
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()));
  });

  test('gives a window back by id and by username in any case', async () => {
    const cache = await fresh();
    expect(await cache.window(byId())).toBeUndefined();
    await cache.putWindow(windowOf(1));
    expect(await cache.window(byId())).toEqual(windowOf(1));
    expect(await cache.window(byName('HABR_com'))).toEqual(windowOf(1));
    expect(await cache.window(byName('habr'))).toBeUndefined();
    expect(await cache.window(byId(-1))).toBeUndefined();
  });

  test('keeps a window only when its revision is newer than what is held', async () => {
    const cache = await fresh();
    await cache.putWindow(windowOf(5));
    await cache.putWindow(windowOf(4));
    await cache.putWindow(windowOf(5, { title: 'the same revision' }));
    expect(await cache.window(byId())).toEqual(windowOf(5));
    await cache.putWindow(windowOf(6));
    expect(await cache.window(byId())).toEqual(windowOf(6));
  });

  test('keeps a deeper window of the same revision, and then no shallower one', async () => {
    const cache = await fresh();
    await cache.putWindow(windowOf(5, {}, 2));
    expect(await cache.window(byId())).toEqual(windowOf(5, {}, 2));
    await cache.putWindow(windowOf(5, {}, 3));
    expect(await cache.window(byId())).toEqual(windowOf(5, {}, 3));
    await cache.putWindow(windowOf(5, {}, 2));
    expect(await cache.window(byId())).toEqual(windowOf(5, {}, 3));
    await cache.putWindow(windowOf(6, {}, 1));
    expect(await cache.window(byId())).toEqual(windowOf(6, {}, 1));
  });

  test('forgets a channel unless what it holds is of that revision or newer', async () => {
    const cache = await fresh();
    await cache.dropWindow(-1, 3);
    await cache.putWindow(windowOf(5));
    await cache.dropWindow(CHANNEL_ID, 5);
    await cache.dropWindow(CHANNEL_ID, 4);
    expect(await cache.window(byId())).toEqual(windowOf(5));
    await cache.dropWindow(CHANNEL_ID, 6);
    expect(await cache.window(byId())).toBeUndefined();
    expect(await cache.window(byName('habr_com'))).toBeUndefined();
  });

  test('a slow reader does not bring back what was dropped meanwhile', async () => {
    const cache = await fresh();
    await cache.putWindow(windowOf(5));
    await cache.dropWindow(CHANNEL_ID, 7);
    await cache.putWindow(windowOf(6));
    expect(await cache.window(byId())).toBeUndefined();
    await cache.putWindow(windowOf(7));
    expect(await cache.window(byId())).toEqual(windowOf(7));
  });

  test('a username follows the channel that was put with it last', async () => {
    const cache = await fresh();
    await cache.putWindow(windowOf(1));
    await cache.putWindow(windowOf(1, { chatId: -7 }));
    expect((await cache.window(byName('habr_com')))?.channel.chatId).toBe(-7);
    await cache.putWindow(windowOf(2, { username: 'renamed' }));
    expect((await cache.window(byName('habr_com')))?.channel.chatId).toBe(-7);
    expect((await cache.window(byName('renamed')))?.channel.chatId).toBe(CHANNEL_ID);
    await cache.putWindow(windowOf(3, { username: null }));
    expect(await cache.window(byName('renamed'))).toBeUndefined();
  });
}
