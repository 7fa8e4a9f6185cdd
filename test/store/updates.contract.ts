import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/ports.ts';
import { CHANNEL_ID, channel, history, message } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const GROUP = -4_001;
const FRIEND = 700_000_001;

/** What every store does with what pushed updates and differences say. */
export function updatesContract(harness: () => StoreHarness): void {
  async function withHistory(): Promise<Store> {
    const { store } = await harness().fresh();
    await store.transaction(async (tx) => {
      await tx.upsertChannels([channel()]);
      await tx.upsertMessages(0, history(6));
    });
    return store;
  }
  const revision = async (store: Store): Promise<number | undefined> =>
    (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision;
  const ids = async (store: Store): Promise<number[]> =>
    (await store.readMessages({ chatId: CHANNEL_ID, limit: 50 })).map(({ id }) => id);

  describe('what updates say', () => {
    test('an upsert tells which rows are new, which are newer, and of no others', async () => {
      const store = await withHistory();
      const fresh = [
        message({ id: 7, pts: 9 }),
        message({ id: 2, date: 1_700_000_060, editDate: 1_700_000_500, pts: 8 }),
        ...history(1),
      ];
      const { changed, ...count } = await store.transaction((tx) => tx.upsertMessages(0, fresh));
      expect(count).toEqual({ inserted: 1, updated: 1, unchanged: 1 });
      expect([...changed].sort((a, b) => a.id - b.id)).toEqual([
        { chatId: CHANNEL_ID, id: 2, inserted: false },
        { chatId: CHANNEL_ID, id: 7, inserted: true },
      ]);
    });

    test('ids alone delete in private chats and basic groups of that account, and nowhere else', async () => {
      const store = await withHistory();
      await store.transaction(async (tx) => {
        await tx.upsertMessages(1, [
          message({ chatId: GROUP, id: 1 }),
          message({ chatId: FRIEND, id: 2 }),
          message({ chatId: FRIEND, id: 3 }),
        ]);
        await tx.upsertMessages(2, [message({ chatId: GROUP, id: 1 })]);
      });
      const remove = () => store.transaction((tx) => tx.deletePrivate(1, [1, 2, 99], NOW));
      expect((await remove()).sort((a, b) => a.id - b.id)).toEqual([
        { chatId: GROUP, id: 1 },
        { chatId: FRIEND, id: 2 },
      ]);
      expect(await remove()).toEqual([]);
      expect((await store.readMessages({ scope: 1, chatId: FRIEND, limit: 9 })).map(({ id }) => id)).toEqual([3]);
      expect(await store.readMessages({ scope: 2, chatId: GROUP, limit: 9 })).toHaveLength(1);
      expect(await ids(store)).toEqual([6, 5, 4, 3, 2, 1]);
      expect(await store.transaction((tx) => tx.deletePrivate(0, [1], NOW))).toEqual([]);
    });

    test('what a range does not have is deleted, once', async () => {
      const store = await withHistory();
      const before = await revision(store);
      const remove = () => store.transaction((tx) => tx.deleteAbsent(0, CHANNEL_ID, { from: 2, to: 5 }, [3], NOW));
      expect(await remove()).toEqual([2, 4, 5]);
      expect(await ids(store)).toEqual([6, 3, 1]);
      expect(await revision(store)).toBe((before ?? 0) + 1);
      expect(await remove()).toEqual([]);
      expect(await revision(store)).toBe((before ?? 0) + 1);
    });

    test('pins are set and taken away, beside what else is kept of a message', async () => {
      const store = await withHistory();
      const odd = { _: 'Message', note: '\u0000 \ud800 "' };
      await store.transaction((tx) => tx.upsertMessages(0, [message({ id: 9, date: 1_700_000_900, pts: 4, raw: odd })]));
      const pin = (on: boolean, pts: number) => store.transaction((tx) => tx.pinMessages(0, CHANNEL_ID, [9, 1, 77], on, pts));
      const read = async () => (await store.readMessages({ chatId: CHANNEL_ID, limit: 1 }))[0];
      const before = await revision(store);
      expect(await pin(true, 6)).toEqual([1, 9]);
      expect(await read()).toMatchObject({ raw: { ...odd, pinned: true }, pts: 6 });
      expect(await pin(true, 7)).toEqual([]);
      expect(await revision(store)).toBe((before ?? 0) + 1);
      expect(await pin(false, 5)).toEqual([1, 9]);
      expect((await read())?.raw).toEqual(odd);
      expect((await read())?.pts).toBe(6);
    });

    test('view counts rise and never fall', async () => {
      const store = await withHistory();
      const see = (...views: [number, number][]) =>
        store.transaction((tx) => tx.countViews(views.map(([id, count]) => ({ chatId: CHANNEL_ID, id, views: count }))));
      const views = async () => (await store.readMessages({ chatId: CHANNEL_ID, limit: 3 })).map((row) => row.views);
      expect(await see([6, 10], [5, 4], [6, 12], [99, 1])).toEqual([CHANNEL_ID]);
      expect(await views()).toEqual([12, 4, null]);
      expect(await see([6, 11])).toEqual([]);
      expect(await views()).toEqual([12, 4, null]);
    });

    test('an account follows all its channels but those it is told not to', async () => {
      const { store } = await harness().fresh();
      await store.ensureAccount('main');
      await store.ensureAccount('other');
      expect(await store.unfollowed('main')).toEqual([]);
      await store.setFollowed(['main'], -1_000_000_000_009, false);
      await store.setFollowed(['main'], -1_000_000_000_008, false);
      await store.setFollowed(['main'], -1_000_000_000_009, false);
      expect(await store.unfollowed('main')).toEqual([-1_000_000_000_009, -1_000_000_000_008]);
      expect(await store.unfollowed('other')).toEqual([]);
      await store.setFollowed(['main'], -1_000_000_000_009, true);
      expect(await store.unfollowed('main')).toEqual([-1_000_000_000_008]);
      await expect(store.setFollowed(['nobody'], -1_000_000_000_009, false)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    });

    test('several accounts are told at once whether to follow a channel, all or none, and say so together', async () => {
      const { store } = await harness().fresh();
      for (const id of ['main', 'other', 'third']) await store.ensureAccount(id);
      const chatId = -1_000_000_000_009;
      const all = ['other', 'main', 'third'];
      expect(await store.unfollowing(all, chatId)).toEqual([]);
      await store.setFollowed(['main'], chatId, false);
      await store.setFollowed(['third', 'main'], chatId, false);
      await store.setFollowed(['other'], -1_000_000_000_008, false);
      expect(await store.unfollowing(all, chatId)).toEqual(['main', 'third']);
      expect(await store.unfollowing(['third', 'other', 'nobody'], chatId)).toEqual(['third']);
      expect(await store.unfollowing([], chatId)).toEqual([]);
      await expect(store.setFollowed(['other', 'nobody'], chatId, false)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
      expect(await store.unfollowing(all, chatId)).toEqual(['main', 'third']);
      await store.setFollowed(all, chatId, true);
      expect(await store.unfollowing(all, chatId)).toEqual([]);
      expect(await store.unfollowed('other')).toEqual([-1_000_000_000_008]);
      await store.setFollowed([], chatId, false);
    });
  });
}
