import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HourCount, Store } from '../../src/ports.ts';
import { CHANNEL_ID, channel, history, message } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const HOUR_S = 3600;
/** 2023-11-14 22:00 UTC. */
const AN_HOUR = 1_699_999_200;
const OTHER_ID = -1_001_000_000_002;
const ALL = { from: 0, to: 4_000_000_000_000 };

/** What the messages that can be read come to, counted one by one. */
async function counted(store: Store, chatId: number, scope = 0): Promise<HourCount[]> {
  const counts = new Map<number, number>();
  for (const { date } of await store.readMessages({ scope, chatId, limit: 10_000 })) {
    const hour = Math.floor(date / HOUR_S) * HOUR_S * 1000;
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b).map(([hour, messages]) => ({ hour, messages }));
}

/**
 * What every store says of hours, and how it forgets what is old.
 * @param inChunks old messages go by whole chunks of a hypertable, not by rows
 */
export function messageHoursContract(harness: () => StoreHarness, inChunks = false): void {
  describe('hours', () => {
    test('are told with their messages, in order, from one time on and before another', async () => {
      const { store } = await harness().fresh();
      const rows = [0, 1, 59 * 60 + 59, HOUR_S, 3 * HOUR_S + 5].map((at, n) => message({ id: n + 1, date: AN_HOUR + at }));
      await store.transaction((tx) => tx.upsertMessages(0, rows));
      const hour = (n: number, messages: number) => ({ hour: (AN_HOUR + n * HOUR_S) * 1000, messages });
      expect(await store.messagesPerHour({ chatId: CHANNEL_ID, ...ALL })).toEqual([hour(0, 3), hour(1, 1), hour(3, 1)]);
      const part = { from: (AN_HOUR + HOUR_S) * 1000, to: (AN_HOUR + 3 * HOUR_S) * 1000 };
      expect(await store.messagesPerHour({ chatId: CHANNEL_ID, ...part })).toEqual([hour(1, 1)]);
      expect(await store.messagesPerHour({ chatId: OTHER_ID, ...ALL })).toEqual([]);
      expect(await store.messagesPerHour({ scope: 1, chatId: CHANNEL_ID, ...ALL })).toEqual([]);
    });

    test('are what a full count says, whatever was written, edited, pinned, deleted and read anew, also what was rolled back', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel(), channel({ chatId: OTHER_ID, username: null })]));
      const anyId = fc.integer({ min: 1, max: 40 });
      const anyIds = fc.array(anyId, { maxLength: 12 });
      const anyChat = fc.constantFrom(CHANNEL_ID, OTHER_ID);
      // A message keeps its date; twenty minutes apart, so that hours are shared and not.
      const made = (chatId: number, id: number, pts: number) =>
        message({ chatId, id, pts, date: AN_HOUR + id * 1200, text: `${pts}` });
      const anyStep = fc.record({
        kind: fc.constantFrom('write', 'delete', 'replace', 'absent', 'pin', 'private', 'rolled back' as const),
        chat: anyChat,
        ids: anyIds,
        from: anyId,
        to: anyId,
        pts: fc.integer({ min: 0, max: 5 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 6 }), async (steps) => {
          for (const { kind, chat, ids, from, to, pts } of steps) {
            const rows = ids.map((id) => made(chat, id, pts));
            const within = ids.filter((id) => id >= from && id <= to).map((id) => made(chat, id, pts));
            const work = store.transaction(async (tx) => {
              if (kind === 'write') await tx.upsertMessages(0, [...rows, ...ids.map((id) => made(OTHER_ID, id, pts))]);
              if (kind === 'delete') await tx.deleteMessages(0, chat, ids, NOW);
              if (kind === 'replace') await tx.replaceRange(0, chat, { from, to }, within, NOW);
              if (kind === 'absent') await tx.deleteAbsent(0, chat, { from, to }, ids, NOW);
              if (kind === 'pin') await tx.pinMessages(0, chat, ids, pts % 2 === 0, pts);
              if (kind === 'private') {
                await tx.upsertMessages(7, rows);
                await tx.deletePrivate(7, ids.slice(0, 3), NOW);
              }
              if (kind === 'rolled back') {
                await tx.upsertMessages(0, rows);
                throw new Error('no');
              }
            });
            await work.catch(() => {});
          }
          for (const chatId of [CHANNEL_ID, OTHER_ID]) {
            expect(await store.messagesPerHour({ chatId, ...ALL })).toEqual(await counted(store, chatId));
            expect(await store.messagesPerHour({ scope: 7, chatId, ...ALL })).toEqual(await counted(store, chatId, 7));
          }
        }),
        { numRuns: 12 },
      );
    });

    test('are exact where many write and delete at once', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      const rows = history(90);
      const works = Array.from({ length: 9 }, (_, n) => [
        store.transaction((tx) =>
          tx.upsertMessages(
            0,
            rows.map((row) => ({ ...row, pts: n })),
          ),
        ),
        store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, [n + 1, 80 - n], NOW)),
      ]);
      await Promise.all(works.flat());
      const hours = await store.messagesPerHour({ chatId: CHANNEL_ID, ...ALL });
      expect(hours).toEqual(await counted(store, CHANNEL_ID));
      expect(hours.reduce((sum, { messages }) => sum + messages, 0)).toBe(await store.countMessages(CHANNEL_ID));
    });
  });

  if (inChunks) return;

  describe('old messages', () => {
    test('go for good, no more at once than are asked for, of every chat, and their hours with them', async () => {
      const { store } = await harness().fresh();
      await store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        await tx.upsertMessages(0, [
          ...history(10),
          message({ chatId: OTHER_ID, id: 5 }),
          message({ chatId: OTHER_ID, id: 6, date: 1_800_000_000 }),
        ]);
        await tx.upsertMessages(3, [message({ chatId: 42, id: 1 })]);
        await tx.deleteMessages(0, CHANNEL_ID, [2], NOW);
      });
      const before = (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision ?? 0;
      // The first five of the channel, one of which was deleted; one each of the others.
      const cut = (1_700_000_000 + 5 * 60) * 1000;
      expect(await store.pruneMessages(cut, 4)).toBe(4);
      expect(await store.pruneMessages(cut, 4)).toBe(3);
      expect(await store.pruneMessages(cut, 4)).toBe(0);
      expect((await store.readMessages({ chatId: CHANNEL_ID, limit: 20 })).map(({ id }) => id)).toEqual([10, 9, 8, 7, 6]);
      expect((await store.readMessages({ chatId: OTHER_ID, limit: 20 })).map(({ id }) => id)).toEqual([6]);
      expect(await store.readMessages({ scope: 3, chatId: 42, limit: 20 })).toEqual([]);
      for (const chatId of [CHANNEL_ID, OTHER_ID]) {
        expect(await store.messagesPerHour({ chatId, ...ALL })).toEqual(await counted(store, chatId));
      }
      expect((await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision).toBeGreaterThan(before);
    });
  });
}
