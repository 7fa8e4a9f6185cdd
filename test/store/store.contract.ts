import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import type { ChannelRevision, StoreTransaction } from '../../src/ports.ts';
import { actsContract } from './acts.contract.ts';
import { CHANNEL_ID, channel, history, newJob } from './fixtures.ts';
import { foreignContract } from './foreign.contract.ts';
import { jobDeskContract } from './job-desk.contract.ts';
import { jobStepsContract } from './job-steps.contract.ts';
import { jobsContract } from './jobs.contract.ts';
import { loginErrandsContract } from './login-errands.contract.ts';
import { messageHoursContract } from './message-hours.contract.ts';
import { messagesContract } from './messages.contract.ts';
import { processesContract } from './processes.contract.ts';
import { removedAccountsContract } from './removed-accounts.contract.ts';
import { NOW, type StoreHarness, WORLD } from './store-harness.ts';
import { streamContract } from './stream.contract.ts';
import { updatesContract } from './updates.contract.ts';

/** What every store does. @param inChunks its messages are a hypertable */
export function storeContract(start: () => Promise<StoreHarness>, { inChunks = false } = {}): void {
  let harness: StoreHarness;
  beforeAll(async () => {
    harness = await start();
  });
  afterEach(() => harness.end());
  afterAll(() => harness?.close());

  describe('preparing', () => {
    test('a blank database gets the schema once; again changes nothing', async () => {
      const { store, driver } = await harness.blank();
      await store.prepare(WORLD);
      const applied = await driver.query('SELECT version, name, applied_at FROM schema_migrations ORDER BY version');
      expect(applied.map((row) => row.version)).toEqual(applied.map((_, at) => at + 1));
      expect(applied.length).toBeGreaterThan(0);
      await store.prepare(WORLD);
      expect(await driver.query('SELECT version, name, applied_at FROM schema_migrations ORDER BY version')).toEqual(applied);
    });

    test('another world is refused, and the database stays as it was', async () => {
      const { store, driver } = await harness.fresh();
      for (const world of [
        { kind: 'telegram', id: 'telegram' },
        { ...WORLD, id: 'cd34' },
      ] as const) {
        await expect(store.prepare(world)).rejects.toMatchObject({ code: 'FOREIGN_DATABASE' });
      }
      expect(await driver.query('SELECT kind, id FROM world')).toEqual([{ kind: WORLD.kind, id: WORLD.id }]);
      await store.prepare(WORLD);
    });

    test('a database that a newer program migrated is refused', async () => {
      const { store, driver } = await harness.fresh();
      await driver.query(`INSERT INTO schema_migrations (version, name, checksum) VALUES (999, '999_future.sql', 'x')`);
      await expect(store.prepare(WORLD)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
      await expect(store.prepare(WORLD)).rejects.toThrow('999_future.sql');
    });

    test('a migration that was changed after it was applied is refused by name', async () => {
      const { store, driver } = await harness.fresh();
      await driver.query(`UPDATE schema_migrations SET checksum = 'x' WHERE version = 2`);
      await expect(store.prepare(WORLD)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      await expect(store.prepare(WORLD)).rejects.toThrow('sql/002_');
    });

    test("somebody else's tables are left alone, and nothing is half migrated", async () => {
      const { store, driver } = await harness.blank();
      await driver.script('CREATE TABLE messages (mine text)');
      await expect(store.prepare(WORLD)).rejects.toThrow('sql/002_');
      const tables = await driver.query(`SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'`);
      expect(tables).toEqual([{ name: 'messages' }]);
    });

    test('before it, calls are refused rather than taken for an outage', async () => {
      const { store } = await harness.blank();
      await expect(store.listAccounts()).rejects.toMatchObject({ code: 'STORE_REFUSED', fault: 'bug' });
    });
  });

  describe('transactions', () => {
    test('commit what the work did and give back its result', async () => {
      const { store } = await harness.fresh();
      const result = await store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        return 'done';
      });
      expect(result).toBe('done');
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toBeDefined();
    });

    test('that wait for a connection, or their turn, are counted', async () => {
      const { store } = await harness.fresh();
      expect(store.waiting()).toBe(0);
      let open = (): void => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      // More at once than there are connections.
      const all = Array.from({ length: 13 }, () => store.transaction(() => opened));
      await expect.poll(() => store.waiting()).toBe(store.kind === 'pglite' ? 12 : 3);
      open();
      await Promise.all(all);
      expect(store.waiting()).toBe(0);
    });

    test('leave nothing when the work rejects, and reject with the same', async () => {
      const { store } = await harness.fresh();
      const failure = new Error('no');
      const work = store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        await tx.upsertMessages(0, history(10));
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect(await store.listChannels(10)).toEqual([]);
      expect(await store.countMessages(CHANNEL_ID)).toBe(0);
    });

    test('reject when a statement failed, even where the work caught it', async () => {
      const { store } = await harness.fresh();
      const work = store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        await tx.upsertEntities('nobody', [{ peerId: 1, accessHash: '1', username: null }]).catch(() => {});
        return 'looks fine';
      });
      await expect(work).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(await store.listChannels(10)).toEqual([]);
    });

    test('are not seen by others before they commit', async () => {
      const { store } = await harness.fresh();
      let reached: () => void = () => {};
      const written = new Promise<void>((resolve) => {
        reached = resolve;
      });
      let finish: () => void = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const work = store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        reached();
        await finished;
      });
      await written;
      // PGlite has one session: this read waits for its turn there, and reads past the transaction on PostgreSQL.
      const outside = store.listChannels(10);
      if (store.kind === 'postgresql') expect(await outside).toEqual([]);
      finish();
      await work;
      if (store.kind === 'pglite') expect(await outside).toHaveLength(1);
      expect(await store.listChannels(10)).toHaveLength(1);
    });

    test('refuse calls past their own handle instead of waiting for themselves', async () => {
      const { store } = await harness.fresh();
      const query = store.transaction(async () => {
        await store.listAccounts();
      });
      await expect(query).rejects.toThrow("only the transaction's own handle");
      const nested = store.transaction(async () => {
        await store.transaction(async () => {});
      });
      await expect(nested).rejects.toBeInstanceOf(VigiliaError);
      expect(await store.listAccounts()).toEqual([]);
    });

    test('refuse their handle after their end', async () => {
      const { store } = await harness.fresh();
      let kept: StoreTransaction | undefined;
      await store.transaction(async (tx) => {
        kept = tx;
      });
      await expect(kept?.upsertChannels([channel()])).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(await store.listChannels(1)).toEqual([]);
    });

    test('commit statements that nobody awaited, or reject for them', async () => {
      const { store } = await harness.fresh();
      await store.transaction(async (tx) => {
        void tx.upsertChannels([channel()]);
      });
      expect(await store.listChannels(10)).toHaveLength(1);
      const failing = store.transaction(async (tx) => {
        tx.savePosition('nobody', { box: 'account', pts: 1, qts: 1, date: 1, seq: 1 }).catch(() => {});
      });
      await expect(failing).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    });

    test('many at once all end', async () => {
      const { store } = await harness.fresh();
      const work = Array.from({ length: 40 }, (_, at) =>
        at % 2 === 0
          ? store.transaction((tx) => tx.appendOutbox([{ topic: `message.new.${at}`, payload: { at } }]))
          : store.insertJob(newJob({ id: `sync-${at}` })),
      );
      await Promise.all(work);
      expect((await store.countJobs()).queued).toBe(20);
    });

    test('a ping says how long it took', async () => {
      const { store } = await harness.fresh();
      const tookMs = await store.ping();
      expect(tookMs).toBeGreaterThan(0);
      expect(tookMs).toBeLessThan(10_000);
    });

    test('a write can be proven, from many sides at once, and changes nothing', async () => {
      const { store, driver } = await harness.fresh();
      const before = await driver.query('SELECT * FROM world');
      await Promise.all([1, 2, 3, 4].map(() => store.proveWrite()));
      expect(await driver.query('SELECT * FROM world')).toEqual(before);
    });
  });

  describe('accounts', () => {
    test('have numbers of their own from 1, which stay', async () => {
      const { store } = await harness.fresh();
      const [one, two] = [await store.ensureAccount('one'), await store.ensureAccount('two')];
      expect([one, two]).toEqual([1, 2]);
      expect(await store.ensureAccount('one')).toBe(one);
      const many = await Promise.all(Array.from({ length: 8 }, () => store.ensureAccount('three')));
      expect(new Set(many).size).toBe(1);
      expect(await store.listAccounts()).toEqual(['one', 'two', 'three']);
    });

    test('give each taker a greater token, and nobody one of an unknown account', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      await store.ensureAccount('other');
      expect(await store.takeAccount('main', 'a')).toBe(1);
      const tokens = await Promise.all(['b', 'c', 'd'].map((owner) => store.takeAccount('main', owner)));
      expect(tokens.sort()).toEqual([2, 3, 4]);
      expect(await store.takeAccount('other', 'a')).toBe(1);
      await expect(store.takeAccount('nobody', 'a')).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    });

    test('keep access hashes, the last one of a peer, as int64', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      await store.ensureAccount('other');
      const [low, high] = ['-9223372036854775808', '9223372036854775807'];
      await store.transaction(async (tx) => {
        await tx.upsertEntities('main', []);
        await tx.upsertEntities('main', [
          { peerId: 5, accessHash: '1', username: null },
          { peerId: CHANNEL_ID, accessHash: low, username: 'habr_com' },
          { peerId: 5, accessHash: high, username: 'five' },
        ]);
        await tx.upsertEntities('main', [{ peerId: CHANNEL_ID, accessHash: '0', username: 'habr' }]);
        await tx.upsertEntities('other', [{ peerId: 5, accessHash: '2', username: null }]);
      });
      expect(await store.entities('main')).toEqual([
        { peerId: CHANNEL_ID, accessHash: '0', username: 'habr' },
        { peerId: 5, accessHash: high, username: 'five' },
      ]);
      expect(await store.entities('other')).toEqual([{ peerId: 5, accessHash: '2', username: null }]);
      expect(await store.entities('nobody')).toEqual([]);
    });

    test('are of the user who logged in first, also of two at once, and of nobody before', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      await store.ensureAccount('other');
      expect((await store.leases()).map(({ userId }) => userId)).toEqual([null, null]);
      const said = await Promise.all([7_000_000_001, 7_000_000_002].map((userId) => store.bindUser('main', userId)));
      expect(said[0]).toBe(said[1]);
      expect(await store.bindUser('main', 9)).toBe(said[0]);
      expect(await store.bindUser('other', 9)).toBe(9);
      expect((await store.leases()).map(({ userId }) => userId)).toEqual([said[0], 9]);
      await expect(store.bindUser('nobody', 1)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    });

    test('keep one position a box', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      const account = { box: 'account', pts: 10, qts: 3, date: 1_700_000_000, seq: 7 };
      const box = { box: `channel:${CHANNEL_ID}`, pts: 5_000_000_000, qts: 0, date: 0, seq: 0 };
      await store.transaction(async (tx) => {
        await tx.savePosition('main', box);
        await tx.savePosition('main', { ...account, pts: 1 });
        await tx.savePosition('main', account);
      });
      expect(await store.positions('main')).toEqual([account, box]);
      expect(await store.positions('nobody')).toEqual([]);
    });
  });

  describe('a position', () => {
    test.each([
      ['a lower pts', { pts: 9, qts: 9, seq: 9, date: 1_800_000_000 }, false],
      ['a higher pts', { pts: 11 }, true],
      ['the same pts and nothing else', {}, false],
      ['the same pts and a higher qts', { qts: 4 }, true],
      ['the same pts and a lower qts', { qts: 2, seq: 8 }, false],
      ['the same pts and a higher seq', { seq: 8 }, true],
      ['the same pts and a later date', { date: 1_700_000_001 }, true],
    ] as const)('with %s', async (_what, moved, taken) => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      const held = { box: 'account', pts: 10, qts: 3, date: 1_700_000_000, seq: 7 };
      await store.transaction((tx) => tx.savePosition('main', held));
      await store.transaction((tx) => tx.savePosition('main', { ...held, ...moved }));
      expect(await store.positions('main')).toEqual([taken ? { ...held, ...moved } : held]);
    });

    test('of a box that begins anew replaces what is stored, wherever that was', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      const held = { box: 'account', pts: 10, qts: 3, date: 1_700_000_000, seq: 7 };
      await store.transaction((tx) => tx.savePosition('main', held));
      await store.transaction((tx) => tx.savePosition('main', { ...held, pts: 1 }, true));
      expect(await store.positions('main')).toEqual([{ ...held, pts: 1 }]);
    });
  });

  describe('channels', () => {
    test('are listed as an account has met them, page by page', async () => {
      const { store } = await harness.fresh();
      await store.ensureAccount('main');
      const ids = [1, 2, 3, 4].map((n) => CHANNEL_ID - n);
      await store.transaction(async (tx) => {
        await tx.upsertChannels(ids.map((chatId, at) => channel({ chatId, username: null, title: `channel ${at}` })));
        await tx.upsertEntities(
          'main',
          [0, 2, 3].map((at) => ({ peerId: ids[at] ?? 0, accessHash: '1', username: null })),
        );
      });
      const listed = async (limit: number, after?: number) =>
        (await store.listChannels(limit, after, 'main')).map(({ chatId }) => ids.indexOf(chatId));
      expect(await listed(9)).toEqual([0, 2, 3]);
      expect(await listed(2)).toEqual([0, 2]);
      expect(await listed(2, ids[2])).toEqual([3]);
      expect(await store.listChannels(9, undefined, 'nobody')).toEqual([]);
    });

    test('are found by id and by username in any case', async () => {
      const { store } = await harness.fresh();
      await store.transaction((tx) => tx.upsertChannels([channel({ username: 'Habr_Com', about: 'news', participants: 3 })]));
      const stored = {
        ...channel({ username: 'Habr_Com', about: 'news', participants: 3 }),
        revision: 0,
        syncedAt: null,
        syncedDepth: 0,
        complete: false,
      };
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toEqual(stored);
      expect(await store.findChannel({ kind: 'username', username: 'hABR_cOM' })).toEqual(stored);
      expect(await store.findChannel({ kind: 'username', username: 'habrXcom' })).toBeUndefined();
      expect(await store.findChannel({ kind: 'id', chatId: -1 })).toBeUndefined();
    });

    test('keep what is not told again, and take over what is', async () => {
      const { store } = await harness.fresh();
      const upsert = (...rows: Parameters<typeof channel>[0][]): Promise<ChannelRevision[]> =>
        store.transaction((tx) => tx.upsertChannels(rows.map((row) => channel(row))));
      await upsert({ about: 'news', participants: 3 });
      await upsert({ title: 'Habr' });
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toMatchObject({
        title: 'Habr',
        about: 'news',
        participants: 3,
      });
      await upsert({ username: null, participants: 4 }, { username: null, about: 'other', kind: 'supergroup' });
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toMatchObject({
        username: null,
        title: 'Хабр',
        kind: 'supergroup',
        about: 'other',
        participants: 4,
      });
    });

    test('a username belongs to the one that was told last, also within a batch and when two swap theirs', async () => {
      const { store } = await harness.fresh();
      const holders = async (): Promise<unknown> => (await store.listChannels(10)).map((row) => [row.title, row.username]);
      const upsert = (rows: readonly (readonly [number, string | null])[]): Promise<ChannelRevision[]> =>
        store.transaction((tx) =>
          tx.upsertChannels(rows.map(([id, username]) => channel({ chatId: -id, title: `${id}`, username }))),
        );
      await upsert([
        [1, 'first'],
        [2, 'second'],
      ]);
      await upsert([[3, 'FIRST']]);
      expect(await holders()).toEqual([
        ['1', null],
        ['2', 'second'],
        ['3', 'FIRST'],
      ]);
      await upsert([
        [2, 'first'],
        [3, 'second'],
      ]);
      expect(await holders()).toEqual([
        ['1', null],
        ['2', 'first'],
        ['3', 'second'],
      ]);
      await upsert([
        [1, 'second'],
        [2, 'SECOND'],
      ]);
      expect(await holders()).toEqual([
        ['1', null],
        ['2', 'SECOND'],
        ['3', null],
      ]);
      expect((await store.findChannel({ kind: 'username', username: 'second' }))?.chatId).toBe(-2);
    });

    test('have a new revision when something of them changed, and only then; those that changed are named', async () => {
      const { store } = await harness.fresh();
      const upsert = (...rows: Parameters<typeof channel>[0][]): Promise<ChannelRevision[]> =>
        store.transaction((tx) => tx.upsertChannels(rows.map((row) => channel(row))));
      const revision = async (): Promise<number | undefined> =>
        (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision;
      expect(await upsert({ about: 'news', participants: 3 })).toEqual([]);
      const changes = [
        { title: 'Habr' },
        { title: 'Habr', username: 'habr' },
        { title: 'Habr', username: 'habr', about: 'other' },
        { title: 'Habr', username: 'habr', participants: 4 },
        { title: 'Habr', username: 'habr', kind: 'supergroup' },
      ] as const;
      for (const [before, change] of changes.entries()) {
        expect(await upsert(change)).toEqual([{ chatId: CHANNEL_ID, revision: before + 1 }]);
        expect(await upsert(change)).toEqual([]);
        expect(await revision()).toBe(before + 1);
      }
    });

    test('that lost their username to another have a new revision and are named too', async () => {
      const { store } = await harness.fresh();
      await store.transaction((tx) => tx.upsertChannels([channel(), channel({ chatId: -7, username: 'other' })]));
      const heir = channel({ chatId: -8, username: 'HABR_com' });
      expect(await store.transaction((tx) => tx.upsertChannels([heir]))).toEqual([{ chatId: CHANNEL_ID, revision: 1 }]);
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toMatchObject({ username: null, revision: 1 });
      expect(await store.findChannel({ kind: 'id', chatId: -7 })).toMatchObject({ username: 'other', revision: 0 });
      const swapped = [channel({ username: 'other' }), channel({ chatId: -7, username: null })];
      const changed = await store.transaction((tx) => tx.upsertChannels(swapped));
      expect(changed.map(({ chatId }) => chatId).sort()).toEqual([CHANNEL_ID, -7].sort());
      for (const { chatId, revision } of changed) {
        expect((await store.findChannel({ kind: 'id', chatId }))?.revision).toBe(revision);
      }
    });

    test('are listed by title, then id, page after page', async () => {
      const { store } = await harness.fresh();
      const titles = ['b', 'a', 'б', 'a', 'A', 'B b', ''];
      await store.transaction((tx) =>
        tx.upsertChannels(titles.map((title, at) => channel({ chatId: -100 - at, username: null, title }))),
      );
      const all = await store.listChannels(100);
      expect(all.map((row) => row.title)).toEqual(['', 'A', 'B b', 'a', 'a', 'b', 'б']);
      const paged: number[] = [];
      for (let page = await store.listChannels(2); page.length > 0; page = await store.listChannels(2, paged.at(-1))) {
        paged.push(...page.map((row) => row.chatId));
      }
      expect(paged).toEqual(all.map((row) => row.chatId));
    });

    test('say how far they are synced, with a new revision', async () => {
      const { store } = await harness.fresh();
      await store.transaction(async (tx) => {
        await tx.upsertChannels([channel()]);
        await tx.markSynced(CHANNEL_ID, NOW, 2000, true);
      });
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toMatchObject({
        syncedAt: NOW,
        syncedDepth: 2000,
        complete: true,
        revision: 1,
      });
      await expect(store.transaction((tx) => tx.markSynced(-5, NOW, 1, true))).rejects.toMatchObject({
        code: 'CHANNEL_NOT_FOUND',
      });
    });
  });

  jobsContract(() => harness);
  jobStepsContract(() => harness);
  jobDeskContract(() => harness);
  messagesContract(() => harness);
  messageHoursContract(() => harness, inChunks);
  updatesContract(() => harness);
  streamContract(() => harness);
  foreignContract(() => harness);
  actsContract(() => harness);
  loginErrandsContract(() => harness);
  removedAccountsContract(() => harness);
  processesContract(() => harness);
}
