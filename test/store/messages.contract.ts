import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, Message, MessageQuery, RangeChange, SearchQuery, Store, UpsertCount } from '../../src/ports.ts';
import { anyJson, anyText } from './any-json.ts';
import { CHANNEL_ID, channel, history, message } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

async function write(store: Store, messages: readonly Message[], scope = 0): Promise<UpsertCount> {
  const { changed: _, ...count } = await store.transaction((tx) => tx.upsertMessages(scope, messages));
  return count;
}

async function ids(store: Store, query: Omit<MessageQuery, 'chatId'>): Promise<number[]> {
  return (await store.readMessages({ chatId: CHANNEL_ID, ...query })).map((row) => row.id);
}

async function revision(store: Store): Promise<number> {
  return (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision ?? -1;
}

/** What every store does with messages. */
export function messagesContract(harness: () => StoreHarness): void {
  describe('messages', () => {
    test('come back as they were written, every field', async () => {
      const { store } = await harness().fresh();
      const full = message({
        id: 2_147_483_647,
        date: 2_147_483_647,
        editDate: 1_700_000_001,
        pts: 4_000_000_000,
        kind: 'service',
        text: 'a "quoted" \\ text, {with} NULL',
        entities: [
          { type: 'bold', offset: 0, length: 1 },
          { type: 'text_link', offset: 2, length: 3, url: 'https://example.org/?a=1&b="' },
          { type: 'custom_emoji', offset: 5, length: 2, customEmojiId: '9223372036854775807' },
        ],
        fromId: -1_009_999_999_999,
        replyToId: 7,
        views: 0,
        media: 'Photo',
        raw: { _: 'Message', grouped: '-9223372036854775808', nested: { list: [1, null, true, 1.5] } },
      });
      expect(await write(store, [full, message()])).toEqual({ inserted: 2, updated: 0, unchanged: 0 });
      expect(await store.readMessages({ chatId: CHANNEL_ID, limit: 10 })).toEqual([full, message()]);
      expect(await write(store, [])).toEqual({ inserted: 0, updated: 0, unchanged: 0 });
    });

    test.each([
      ['an id beyond 32 bits', { id: 2 ** 31 }],
      ['an id with a fraction', { id: 1.5 }],
      ['no number', { views: Number.NaN }],
      ['a pts beyond what a number holds exactly', { pts: 2 ** 53 }],
      ['a sender with a fraction', { fromId: 0.5 }],
      ['a date with a fraction', { date: 1_700_000_000.25 }],
      ['a date beyond all reach', { editDate: 2 ** 60 }],
    ])('with %s are refused, and nothing of their batch is written', async (_, fields) => {
      const { store } = await harness().fresh();
      await expect(write(store, [message({ id: 7 }), message(fields)])).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(await store.countMessages(CHANNEL_ID)).toBe(0);
    });

    test('numbers at the ends of their columns come back as they were', async () => {
      const { store } = await harness().fresh();
      const ends = [
        message({ id: 1, fromId: Number.MIN_SAFE_INTEGER, replyToId: -(2 ** 31), views: 0, pts: Number.MAX_SAFE_INTEGER }),
        message({ id: 2, fromId: -1, replyToId: 2 ** 31 - 1, views: 2 ** 31 - 1, date: 0, editDate: 946_684_800 }),
        message({ id: 3, fromId: 2 ** 32, replyToId: -1, pts: 2 ** 32 - 1, date: 946_684_799, editDate: -1 }),
        message({ id: 4, fromId: -(2 ** 32), pts: 2 ** 52 + 1, date: 2 ** 31, raw: { _: 'Message', n: null } }),
      ];
      await write(store, ends);
      expect(await store.readMessages({ chatId: CHANNEL_ID, limit: 9 })).toEqual(ends.reverse());
    });

    test('any text and any JSON come back code unit by code unit, NUL and lone surrogates too', async () => {
      const { store } = await harness().fresh();
      let id = 0;
      await fc.assert(
        fc.asyncProperty(anyText, fc.dictionary(anyText, anyJson, { maxKeys: 4 }), anyText, async (text, raw, media) => {
          id += 1;
          const written = message({ id, text, raw: raw as JsonObject, media });
          await write(store, [written]);
          const [read] = await store.readMessages({ chatId: CHANNEL_ID, before: id + 1, limit: 1 });
          expect(read).toEqual(written);
          if (text !== '') expect(await ids(store, { after: id - 1, limit: 1, search: text })).toEqual([id]);
        }),
        { numRuns: 150 },
      );
    });

    test('the newer version wins, by edit date, then pts; what is equal or older changes nothing', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      const cases: readonly [editDate: number | null, pts: number, outcome: keyof UpsertCount][] = [
        [null, 5, 'inserted'],
        [null, 5, 'unchanged'],
        [null, 0, 'unchanged'],
        [null, 6, 'updated'],
        [100, 0, 'updated'],
        [99, 900, 'unchanged'],
        [null, 901, 'unchanged'],
        [100, 1, 'updated'],
        [101, 0, 'updated'],
      ];
      let expectedRevision = 0;
      let current = '';
      for (const [at, [editDate, pts, outcome]] of cases.entries()) {
        const counts = await write(store, [message({ editDate, pts, text: `version ${at}`, views: at })]);
        expect(counts).toEqual({ inserted: 0, updated: 0, unchanged: 0, [outcome]: 1 });
        if (outcome !== 'unchanged') {
          expectedRevision += 1;
          current = `version ${at}`;
        }
        expect(await store.readMessages({ chatId: CHANNEL_ID, limit: 2 })).toMatchObject([{ text: current }]);
        expect(await revision(store)).toBe(expectedRevision);
      }
    });

    test('several versions in one batch are one row, the newest', async () => {
      const { store } = await harness().fresh();
      const versions = [3, 1, 4, 1, 2].map((pts) => message({ pts, text: `pts ${pts}` }));
      expect(await write(store, versions)).toEqual({ inserted: 1, updated: 0, unchanged: 4 });
      expect(await store.readMessages({ chatId: CHANNEL_ID, limit: 9 })).toMatchObject([{ text: 'pts 4' }]);
    });

    test('random versions in random batches end in the newest one, and deleted ones stay deleted', async () => {
      const { store } = await harness().fresh();
      let base = 0;
      const version = fc.record({
        id: fc.integer({ min: 1, max: 4 }),
        editDate: fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }),
        pts: fc.integer({ min: 0, max: 4 }),
      });
      const operation = fc.oneof(
        { weight: 5, arbitrary: fc.array(version, { maxLength: 8 }).map((versions) => ({ versions, deleted: [] as number[] })) },
        {
          weight: 1,
          arbitrary: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }).map((deleted) => ({ versions: [], deleted })),
        },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 6 }), async (operations) => {
          base += 10;
          const model = new Map<number, { rank: readonly [number, number]; text: string } | 'deleted'>();
          for (const { versions, deleted } of operations) {
            const batch = versions.map(({ id, editDate, pts }) =>
              message({ id: base + id, editDate, pts, text: `${editDate ?? 'never'}/${pts}` }),
            );
            let changes = 0;
            const before = new Map(model);
            for (const row of batch) {
              const held = model.get(row.id);
              const rank = [row.editDate ?? 0, row.pts] as const;
              if (held === 'deleted') continue;
              if (held === undefined || rank[0] > held.rank[0] || (rank[0] === held.rank[0] && rank[1] > held.rank[1])) {
                model.set(row.id, { rank, text: row.text });
              }
            }
            for (const [id, held] of model) if (before.get(id) !== held) changes += 1;
            const counts = await write(store, batch);
            expect(counts.inserted + counts.updated).toBe(changes);
            expect(counts.inserted).toBe(model.size - before.size);
            expect(counts.inserted + counts.updated + counts.unchanged).toBe(batch.length);

            const wanted = deleted.map((id) => base + id);
            const gone = await store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, wanted, NOW));
            const expected = [...new Set(wanted)]
              .filter((id) => model.has(id) && model.get(id) !== 'deleted')
              .sort((a, b) => a - b);
            expect(gone).toEqual(expected);
            for (const id of wanted) model.set(id, 'deleted');
          }
          const stored = await store.readMessages({ chatId: CHANNEL_ID, after: base, before: base + 10, limit: 10 });
          const expected = [...model].filter(([, held]) => held !== 'deleted').sort(([a], [b]) => b - a);
          expect(stored.map((row) => [row.id, row.text])).toEqual(
            expected.map(([id, held]) => [id, (held as { text: string }).text]),
          );
        }),
        { numRuns: 40 },
      );
    });

    test('deleted ones are not read, not counted, never written again, and deleted once', async () => {
      const { store, driver } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      await write(store, history(5));
      const before = await revision(store);
      const remove = (list: number[]): Promise<number[]> =>
        store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, list, NOW));
      expect(await remove([4, 2, 99])).toEqual([2, 4]);
      expect(await revision(store)).toBe(before + 1);
      expect(await remove([2, 4])).toEqual([]);
      expect(await remove([])).toEqual([]);
      expect(await revision(store)).toBe(before + 1);
      expect(await write(store, [{ ...(history(2)[1] as Message), editDate: 9_999, pts: 99 }])).toEqual({
        inserted: 0,
        updated: 0,
        unchanged: 1,
      });
      expect(await ids(store, { limit: 10 })).toEqual([5, 3, 1]);
      expect(await store.countMessages(CHANNEL_ID)).toBe(3);
      const [row] = await driver.query(
        `SELECT floor(extract(epoch FROM deleted_at) * 1000)::int8 AS at FROM messages WHERE id = 2`,
      );
      expect(row?.at).toBe(NOW);
    });

    test('deleted ones that were not stored yet stay away: whatever was read before they went, and for a day', async () => {
      const { store, driver } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      expect(await store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, [2, 4, 4, 90], NOW))).toEqual([]);
      expect(await write(store, history(5))).toEqual({ inserted: 3, updated: 0, unchanged: 2 });
      await store.transaction((tx) => tx.replaceRange(0, CHANNEL_ID, { from: 1, to: 5 }, history(5), NOW));
      expect(await ids(store, { limit: 10 })).toEqual([5, 3, 1]);
      // Another channel's message of that number, and private chats', are others.
      await write(store, [message({ chatId: CHANNEL_ID - 1, id: 2 })]);
      expect(await store.readMessages({ chatId: CHANNEL_ID - 1, limit: 9 })).toHaveLength(1);
      await store.transaction((tx) => tx.upsertMessages(1, [message({ id: 2 })]));
      expect(await store.readMessages({ scope: 1, chatId: CHANNEL_ID, limit: 9 })).toHaveLength(1);
      await store.transaction((tx) => tx.deleteMessages(1, 77, [5], NOW));
      expect(await store.prune(NOW + 86_400_000, 10)).toBe(0);
      expect(await store.prune(NOW + 86_400_001, 2)).toBe(2);
      expect(await store.prune(NOW + 86_400_001, 10)).toBe(1);
      expect(await driver.query('SELECT id FROM unseen_deletions')).toEqual([]);
    });

    test('those that were being written while their deletion was told are gone when the channel is said to be synced', async () => {
      const { store, driver } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      await write(store, history(3));
      // As two transactions leave it that did not see each other.
      await driver.query('INSERT INTO unseen_deletions (chat_id, id, told_at) VALUES ($1::int8, 2, now())', [CHANNEL_ID]);
      await store.transaction((tx) => tx.markSynced(CHANNEL_ID, NOW, 3, true));
      expect(await ids(store, { limit: 10 })).toEqual([3, 1]);
    });

    test('a range is made what Telegram says it is: written, and deleted where it is absent there, and nothing beyond', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      await write(store, [...history(6), message({ chatId: CHANNEL_ID - 1, id: 3 })]);
      const before = await revision(store);
      const replace = (from: number, to: number, messages: readonly Message[]): Promise<RangeChange> =>
        store.transaction((tx) => tx.replaceRange(0, CHANNEL_ID, { from, to }, messages, NOW));
      const seen = [message({ id: 4, editDate: 9, text: 'edited', date: 1_700_000_180 }), ...history(2).slice(1)];
      expect(await replace(2, 5, seen)).toEqual({ inserted: 0, updated: 1, unchanged: 1, deleted: 2, revision: before + 1 });
      expect(await replace(2, 5, seen)).toEqual({ inserted: 0, updated: 0, unchanged: 2, deleted: 0, revision: null });
      expect(await revision(store)).toBe(before + 1);
      expect(await ids(store, { limit: 10 })).toEqual([6, 4, 2, 1]);
      expect((await store.readMessages({ chatId: CHANNEL_ID, before: 5, limit: 1 }))[0]?.text).toBe('edited');
      expect(await store.readMessages({ chatId: CHANNEL_ID - 1, limit: 9 })).toHaveLength(1);
      const newer = [9, 8, 7].map((id) => message({ id }));
      expect(await replace(7, 9, newer)).toEqual({ inserted: 3, updated: 0, unchanged: 0, deleted: 0, revision: before + 2 });
      expect(await replace(1, 2, [])).toEqual({ inserted: 0, updated: 0, unchanged: 0, deleted: 2, revision: before + 3 });
      expect(await replace(9, 1, [])).toEqual({ inserted: 0, updated: 0, unchanged: 0, deleted: 0, revision: null });
      expect(await ids(store, { limit: 10 })).toEqual([9, 8, 7, 6, 4]);
    });

    test('random ranges of random histories end as Telegram has them', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      const size = 30;
      let base = 0;
      const span = fc
        .tuple(fc.integer({ min: 1, max: size }), fc.integer({ min: 1, max: size }))
        .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
      const step = fc.record({ range: span, there: fc.uniqueArray(fc.integer({ min: 1, max: size })) });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
          base += size;
          const rows = new Map<number, 'live' | 'deleted'>();
          for (const { range, there } of steps) {
            const seen = there.filter((id) => id >= range.from && id <= range.to).sort((a, b) => b - a);
            const inserted = seen.filter((id) => !rows.has(id));
            const gone = [...rows].filter(
              ([id, state]) => state === 'live' && id >= range.from && id <= range.to && !seen.includes(id),
            );
            for (const id of inserted) rows.set(id, 'live');
            for (const [id] of gone) rows.set(id, 'deleted');
            const change = await store.transaction((tx) =>
              tx.replaceRange(
                0,
                CHANNEL_ID,
                { from: base + range.from, to: base + range.to },
                seen.map((id) => message({ id: base + id })),
                NOW,
              ),
            );
            expect(change).toMatchObject({ inserted: inserted.length, updated: 0, deleted: gone.length });
            expect(change.revision === null).toBe(inserted.length + gone.length === 0);
          }
          const live = [...rows].filter(([, state]) => state === 'live').map(([id]) => base + id);
          const stored = await ids(store, { after: base, before: base + size + 1, limit: size });
          expect(stored).toEqual(live.sort((a, b) => b - a));
        }),
        { numRuns: 40 },
      );
    });

    test('are read newest first, in pages before an id, and nearest after one', async () => {
      const { store } = await harness().fresh();
      await write(store, history(10));
      await write(store, [message({ chatId: CHANNEL_ID - 1, id: 3 })]);
      expect(await ids(store, { limit: 3 })).toEqual([10, 9, 8]);
      expect(await ids(store, { before: 8, limit: 3 })).toEqual([7, 6, 5]);
      expect(await ids(store, { after: 4, limit: 3 })).toEqual([7, 6, 5]);
      expect(await ids(store, { after: 4, before: 7, limit: 9 })).toEqual([6, 5]);
      expect(await ids(store, { after: 10, limit: 9 })).toEqual([]);
      expect(await ids(store, { before: 1, limit: 9 })).toEqual([]);
      expect(await ids(store, { before: Number.MAX_SAFE_INTEGER, limit: 1 })).toEqual([10]);
      expect(await store.countMessages(CHANNEL_ID)).toBe(10);
    });

    test('are searched over all channels, newest first, page by page; private chats and what is deleted are left out', async () => {
      const { store } = await harness().fresh();
      const other = CHANNEL_ID - 1;
      const scope = await store.ensureAccount('main');
      const at = (chatId: number, id: number, date: number, text = 'a Needle in 100 % hay'): Message =>
        message({ chatId, id, date, text });
      await write(store, [at(CHANNEL_ID, 1, 500), at(CHANNEL_ID, 2, 700), at(CHANNEL_ID, 3, 900, 'hay'), at(CHANNEL_ID, 4, 950)]);
      await write(store, [at(other, 1, 700), at(other, 9, 600)]);
      await write(store, [at(42, 1, 999)], scope);
      await store.transaction(async (tx) => {
        await tx.deleteMessages(0, CHANNEL_ID, [4], NOW);
        await tx.upsertEntities('main', [{ peerId: other, accessHash: '1', username: null }]);
      });
      const found = async (query: Partial<SearchQuery> = {}) =>
        (await store.searchMessages({ text: 'nEEDLE', limit: 9, ...query })).map(({ chatId, id }) => [chatId, id]);
      const all = [
        [CHANNEL_ID, 2],
        [other, 1],
        [other, 9],
        [CHANNEL_ID, 1],
      ];
      expect(await found()).toEqual(all);
      expect(await found({ text: '100 % h' })).toEqual(all);
      expect(await found({ text: '100 _ h' })).toEqual([]);
      expect(await found({ limit: 2 })).toEqual(all.slice(0, 2));
      expect(await found({ before: { date: 700, chatId: other, id: 1 } })).toEqual(all.slice(2));
      expect(await found({ accountId: 'main' })).toEqual(all.slice(1, 3));
      expect(await found({ accountId: 'nobody' })).toEqual([]);
    });

    test('are searched by a part of the text in any case, taken literally', async () => {
      const { store } = await harness().fresh();
      const texts = ['100% certain', '1000 certain', 'snake_case', 'snakeXcase', 'back\\slash', 'ПРИВЕТ мир', 'Ação'];
      await write(
        store,
        texts.map((text, at) => message({ id: at + 1, text })),
      );
      const found = async (search: string): Promise<string[]> =>
        (await store.readMessages({ chatId: CHANNEL_ID, limit: 9, search })).map((row) => row.text);
      expect(await found('100%')).toEqual(['100% certain']);
      expect(await found('SNAKE_')).toEqual(['snake_case']);
      expect(await found('k\\s')).toEqual(['back\\slash']);
      expect(await found('certain')).toEqual(['1000 certain', '100% certain']);
      expect(await found('nothing')).toEqual([]);
    });

    test('more than a thousand at once are written, in whatever order they come', async () => {
      const { store } = await harness().fresh();
      const many = history(2500).reverse();
      expect(await write(store, many)).toEqual({ inserted: 2500, updated: 0, unchanged: 0 });
      expect(await write(store, many)).toEqual({ inserted: 0, updated: 0, unchanged: 2500 });
      expect(await store.countMessages(CHANNEL_ID)).toBe(2500);
    });

    test('of private chats belong to their account and touch no channel', async () => {
      const { store, driver } = await harness().fresh();
      const scope = await store.ensureAccount('main');
      expect(await write(store, [message({ chatId: 42 })], scope)).toEqual({ inserted: 1, updated: 0, unchanged: 0 });
      expect(await write(store, [message({ chatId: 42 })], scope + 1)).toEqual({ inserted: 1, updated: 0, unchanged: 0 });
      expect(await driver.query('SELECT scope, chat_id FROM messages ORDER BY scope')).toEqual([
        { scope, chat_id: 42 },
        { scope: scope + 1, chat_id: 42 },
      ]);
      expect(await store.countMessages(42)).toBe(0);
    });

    test('batches of the same messages at once do not block each other', async () => {
      const { store } = await harness().fresh();
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      const batches = Array.from({ length: 8 }, (_, n) => {
        const rows = history(200).map((row) => ({ ...row, pts: n }));
        return n % 2 === 0 ? rows : rows.reverse();
      });
      await Promise.all(batches.map((rows) => write(store, rows)));
      const stored = await store.readMessages({ chatId: CHANNEL_ID, limit: 300 });
      expect(stored).toHaveLength(200);
      expect(new Set(stored.map((row) => row.pts))).toEqual(new Set([7]));
    });

    test('whoever writes a channel and its messages, in whatever order, does not block those who write them in another', async () => {
      const { store } = await harness().fresh();
      const rows = history(60);
      const ids = rows.map(({ id }) => id);
      await store.transaction((tx) => tx.upsertChannels([channel()]).then(() => tx.upsertMessages(0, rows.slice(0, 50))));
      const tell = (title: string) => store.transaction((tx) => tx.upsertChannels([channel({ title })]));
      const work = Array.from({ length: 6 }, (_, n) => [
        store.transaction(async (tx) => {
          await tx.upsertChannels([channel({ title: `title ${n}` })]);
          await tx.upsertMessages(0, rows.map((row) => ({ ...row, pts: n + 1 })).reverse());
        }),
        store.transaction(async (tx) => {
          await tx.countViews(rows.map(({ chatId, id }) => ({ chatId, id, views: n + 1 })));
          await tx.upsertChannels([channel({ title: `other ${n}` })]);
        }),
        store.transaction((tx) => tx.replaceRange(0, CHANNEL_ID, { from: 1, to: 30 }, rows.slice(0, 30), NOW)),
        store.transaction((tx) => tx.pinMessages(0, CHANNEL_ID, [...ids].reverse(), n % 2 === 0, n)),
        store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, [50 - n, 40 - n, 20 - n], NOW)),
        store.transaction((tx) => tx.deleteAbsent(0, CHANNEL_ID, { from: 30, to: 35 }, ids, NOW)),
        tell(`alone ${n}`),
      ]);
      await Promise.all(work.flat());
      // All of them are for 60 at first; a deletion is for good.
      expect(await store.countMessages(CHANNEL_ID)).toBe(60 - 18);
    });
  });
}
