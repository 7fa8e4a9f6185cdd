import { describe, expect, test } from 'vitest';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import type { Job, Store } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';
import { CHANNEL_ID, channel, claiming, ending, history, newJob, step } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What every store does with jobs. */
export function jobsContract(harness: () => StoreHarness): void {
  describe('jobs', () => {
    test('stores a job with its first event and gives back the whole row', async () => {
      const { store } = await harness().fresh();
      const expected: Job = {
        ...newJob(),
        status: 'queued',
        attempts: 0,
        claims: 0,
        lostInARow: 0,
        claim: null,
        dueAt: NOW,
        progress: null,
        checkpoint: null,
        result: null,
        error: null,
        reason: null,
        cancelRequested: false,
        version: 0,
        updatedAt: NOW,
        endedAt: null,
      };
      expect(await store.insertJob(newJob())).toEqual(expected);
      expect(await store.findJob('sync-1')).toEqual(expected);
      expect(await store.jobEvents('sync-1')).toEqual([
        { id: expect.any(Number), at: NOW, event: 'SUBMIT', from: 'queued', to: 'queued', detail: {} },
      ]);
      expect(await store.findJob('sync-2')).toBeUndefined();
      expect(await store.jobEvents('sync-2')).toEqual([]);
    });

    test('the same id again changes nothing and gives back what is stored', async () => {
      const { store } = await harness().fresh();
      const first = await store.insertJob(newJob());
      expect(await store.insertJob(newJob({ action: 'get-channels', params: {}, priority: 1, createdAt: NOW + 5 }))).toEqual(
        first,
      );
      expect(await store.jobEvents('sync-1')).toHaveLength(1);
    });

    test('the same id inserted many times at once is one job with one event', async () => {
      const { store } = await harness().fresh();
      const rows = await Promise.all(
        Array.from({ length: 12 }, (_, priority) => store.insertJob(newJob({ priority: (priority % 10) + 1 }))),
      );
      expect(new Set(rows.map((row) => row.priority)).size).toBe(1);
      expect(await store.jobEvents('sync-1')).toHaveLength(1);
    });

    test('a step writes the row, its events, what the world shall hear and the effect together', async () => {
      const { store, driver, clock } = await harness().fresh();
      await store.insertJob(newJob());
      clock.nowMs = NOW + 1500;
      let seen: Job | undefined;
      const after = await store.stepJob(
        'sync-1',
        () => ({
          set: {
            status: 'processing',
            claim: { token: 3, number: 1 },
            claims: 1,
            dueAt: null,
            progress: { done: 10, total: null },
            checkpoint: { offsetId: 7 },
            error: { code: 'TELEGRAM_FLOOD', fault: 'throttled', message: 'wait' },
            reason: 'because',
            cancelRequested: true,
          },
          events: [
            { event: 'CLAIM', from: 'queued', to: 'processing', detail: { token: 3 } },
            { event: 'PROGRESS', from: 'processing', to: 'processing', detail: { done: 10 } },
          ],
          outbox: [
            { topic: 'job.processing', payload: { jobId: 'sync-1' } },
            { topic: 'job.progress', payload: { done: 10 } },
          ],
        }),
        async (tx, job) => {
          seen = job;
          await tx.upsertChannels([channel()]);
          await tx.upsertMessages(0, history(3));
        },
      );
      expect(after).toMatchObject({
        status: 'processing',
        claim: { token: 3, number: 1 },
        dueAt: null,
        progress: { done: 10, total: null },
        checkpoint: { offsetId: 7 },
        error: { code: 'TELEGRAM_FLOOD', fault: 'throttled', message: 'wait' },
        reason: 'because',
        cancelRequested: true,
        version: 1,
        createdAt: NOW,
        updatedAt: NOW + 1500,
      });
      expect(seen).toEqual(after);
      expect(await store.findJob('sync-1')).toEqual(after);
      expect((await store.jobEvents('sync-1')).map(({ event, at }) => [event, at])).toEqual([
        ['SUBMIT', NOW],
        ['CLAIM', NOW + 1500],
        ['PROGRESS', NOW + 1500],
      ]);
      expect(await driver.query('SELECT topic, payload, position FROM outbox ORDER BY id')).toEqual([
        { topic: 'job.processing', payload: { jobId: 'sync-1' }, position: null },
        { topic: 'job.progress', payload: { done: 10 }, position: null },
      ]);
      expect(await store.countMessages(CHANNEL_ID)).toBe(3);
    });

    test('a step that decides nothing leaves the row alone and runs no effect; a missing job is no job', async () => {
      const { store } = await harness().fresh();
      const before = await store.insertJob(newJob());
      let ran = 0;
      const effect = async (): Promise<void> => {
        ran += 1;
      };
      expect(await store.stepJob('sync-1', () => undefined, effect)).toEqual(before);
      expect(await store.stepJob('nothing', () => step({}), effect)).toBeUndefined();
      expect(ran).toBe(0);
      expect(await store.findJob('sync-1')).toEqual(before);
    });

    test('a step whose decision or effect throws leaves nothing behind and throws the same', async () => {
      const { store, driver } = await harness().fresh();
      const before = await store.insertJob(newJob());
      const failure = new Error('Telegram is elsewhere');
      const decide = store.stepJob('sync-1', () => {
        throw failure;
      });
      await expect(decide).rejects.toBe(failure);
      const effect = store.stepJob(
        'sync-1',
        () => ({ ...step({ reason: 'never' }), outbox: [{ topic: 'job.failed', payload: {} }] }),
        async (tx) => {
          await tx.upsertChannels([channel()]);
          await tx.upsertMessages(0, history(5));
          throw failure;
        },
      );
      await expect(effect).rejects.toBe(failure);
      expect(await store.findJob('sync-1')).toEqual(before);
      expect(await store.jobEvents('sync-1')).toHaveLength(1);
      expect(await store.countMessages(CHANNEL_ID)).toBe(0);
      expect(await store.findChannel({ kind: 'id', chatId: CHANNEL_ID })).toBeUndefined();
      expect(await driver.query('SELECT * FROM outbox')).toEqual([]);
    });

    test('of many claims at once exactly one wins', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      let wins = 0;
      const claims = Array.from({ length: 10 }, (_, token) =>
        store.stepJob('sync-1', claiming(token + 1), async () => {
          wins += 1;
        }),
      );
      const rows = await Promise.all(claims);
      expect(wins).toBe(1);
      expect(new Set(rows.map((row) => row?.claim?.token)).size).toBe(1);
      expect((await store.findJob('sync-1'))?.version).toBe(1);
    });

    test('steps of one job at once all count, none is lost', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      await Promise.all(Array.from({ length: 15 }, () => store.stepJob('sync-1', (job) => step({ attempts: job.attempts + 1 }))));
      expect(await store.findJob('sync-1')).toMatchObject({ attempts: 15, version: 15 });
      expect(await store.jobEvents('sync-1')).toHaveLength(16);
    });

    test('refuses a running job without a claim and an ended one without its time', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      await expect(store.stepJob('sync-1', () => step({ status: 'processing' }))).rejects.toMatchObject({
        code: 'STORE_REFUSED',
      });
      await expect(store.stepJob('sync-1', () => step({ status: 'failed' }))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      await expect(store.insertJob(newJob({ id: 'sync-2', priority: 11 }))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    });
  });

  describe('due jobs', () => {
    test('are picked by priority, a minute of waiting being worth a step, then the longest due', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob({ id: 'waited', priority: 9, createdAt: NOW - 9 * MINUTE }));
      await store.insertJob(newJob({ id: 'urgent', priority: 1, createdAt: NOW }));
      await store.insertJob(newJob({ id: 'later', priority: 5, createdAt: NOW - 1 }));
      await store.insertJob(newJob({ id: 'earlier', priority: 5, createdAt: NOW - 2 }));
      await store.insertJob(newJob({ id: 'future', priority: 1, createdAt: NOW + 1 }));
      expect(await pickIds(store, ['main'], NOW, 10)).toEqual(['waited', 'urgent', 'earlier', 'later']);
    });

    test('of the given accounts only, and no more than asked for', async () => {
      const { store } = await harness().fresh();
      for (const accountId of ['a', 'b', 'c']) {
        for (const n of [1, 2]) await store.insertJob(newJob({ id: `${accountId}-${n}`, accountId, createdAt: NOW + n - 10 }));
      }
      expect(await pickIds(store, [], NOW, 10)).toEqual([]);
      expect(await pickIds(store, ['a'], NOW, 0)).toEqual([]);
      expect(await pickIds(store, ['a', 'c'], NOW, 3)).toEqual(['a-1', 'c-1', 'a-2']);
      expect(await pickIds(store, ['a', 'b', 'c'], NOW, 10)).toEqual(['b-1', 'b-2', 'c-2']);
    });

    test('are picked again after 1 s, 2 s, 4 s … 60 s, until a step starts the interval anew', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      let at = NOW;
      for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
        expect(await pickIds(store, ['main'], at, 1)).toEqual(['sync-1']);
        expect(await store.nextDue(['main'], at)).toBe(at + seconds * 1000);
        expect(await pickIds(store, ['main'], at + seconds * 1000 - 1, 1)).toEqual([]);
        at += seconds * 1000;
      }
      await store.stepJob('sync-1', () => step({ reason: 'touched' }));
      expect(await pickIds(store, ['main'], at, 1)).toEqual(['sync-1']);
      expect(await store.nextDue(['main'], at)).toBe(at + 1000);
    });

    test('delayed ones are due at their time; running, parked and ended ones never', async () => {
      const { store } = await harness().fresh();
      for (const id of ['delayed', 'running', 'parked', 'done']) await store.insertJob(newJob({ id }));
      await store.stepJob('delayed', () => step({ status: 'delayed', dueAt: NOW + 5000 }));
      await store.stepJob('running', claiming(1));
      await store.stepJob('parked', () => step({ status: 'parked', dueAt: null }));
      await store.stepJob('done', ending('completed', NOW));
      expect(await pickIds(store, ['main'], NOW, 10)).toEqual([]);
      expect(await store.nextDue(['main'], NOW)).toBe(NOW + 5000);
      expect(await store.nextDue(['other'], NOW)).toBeUndefined();
      expect(await pickIds(store, ['main'], NOW + 5000, 10)).toEqual(['delayed']);
    });

    test('none is skipped for ever: more urgent ones that keep coming are overtaken in the end', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob({ id: 'patient', priority: 10 }));
      let picked: string[] = [];
      let rounds = 0;
      for (; rounds < 20 && !picked.includes('patient'); rounds += 1) {
        const at = NOW + rounds * MINUTE;
        await store.insertJob(newJob({ id: `urgent-${rounds}`, priority: 1, createdAt: at }));
        picked = await pickIds(store, ['main'], at, 1);
        for (const id of picked) if (id !== 'patient') await store.stepJob(id, ending('completed', at));
      }
      expect(picked).toEqual(['patient']);
      expect(rounds).toBeLessThanOrEqual(11);
    });

    test('are picked without reading those behind them, however many wait', async () => {
      const { store, driver } = await harness().fresh();
      // Planned before there is anything, as at a first start: the plan is kept.
      const transaction = await driver.begin();
      try {
        const pick = async (): Promise<number> => {
          const rows = await transaction.query('SELECT due_id FROM pick_due($1::text[], $2::timestamptz, 16, 8)', [
            ['main', 'other'],
            new Date(NOW).toISOString(),
          ]);
          return rows.length;
        };
        const read = async (): Promise<number> => {
          const [row] = await transaction.query("SELECT pg_stat_get_xact_blocks_fetched('jobs_queue'::regclass) AS blocks");
          return row?.blocks as number;
        };
        expect(await pick()).toBe(0);
        for (let part = 0; part < 10; part += 1) {
          const jobs = Array.from({ length: 200 }, (_, at) => ({
            ...{ id: `j-${part}-${at}`, action: 'x', params: {}, account_id: at % 2 === 0 ? 'main' : 'other', priority: 5 },
            ...{ machine_version: 1, created: NOW - 1_000_000 + part, urgent: NOW - 700_000 + part, slot: null, digest: null },
          }));
          await transaction.query('SELECT insert_jobs($1::json)', [JSON.stringify(jobs)]);
        }
        const before = await read();
        expect(await pick()).toBe(16);
        // To find them, and to write down that each was woken: 36. With a look through the whole index for each: 140, and more with each that waits.
        expect((await read()) - before).toBeLessThan(70);
      } finally {
        await transaction.rollback();
      }
      expect(await store.countJobs()).toMatchObject({ queued: 0 });
    });

    test('of one account only as many as there is room for, so that what is urgent and comes later goes before the rest', async () => {
      const { store } = await harness().fresh();
      for (const n of [1, 2, 3, 4, 5]) await store.insertJob(newJob({ id: `early-${n}`, createdAt: NOW - 10 + n }));
      await store.insertJob(newJob({ id: 'elsewhere', accountId: 'other' }));
      const pick = async (at: number) => (await store.pickDue(['main', 'other'], at, 16, 3)).map(({ id }) => id);
      expect(await pick(NOW)).toEqual(['early-1', 'early-2', 'early-3', 'elsewhere']);
      expect(await pick(NOW)).toEqual([]);
      await store.stepJob('early-1', claiming(1));
      await store.stepJob('early-2', claiming(1));
      await store.insertJob(newJob({ id: 'urgent', priority: 1 }));
      expect(await pick(NOW)).toEqual([]);
      await store.stepJob('early-1', ending('completed', NOW));
      expect(await pick(NOW)).toEqual(['urgent']);
      // Whatever nobody takes, however often it is woken, does not stand before the others for ever.
      let at = NOW;
      const seen = new Set<string>();
      for (let looks = 0; looks < 6; looks += 1) {
        at += MINUTE;
        for (const id of await pick(at)) seen.add(id);
        for (const id of await pick(at)) seen.add(id);
      }
      expect([...seen]).toEqual(expect.arrayContaining(['early-4', 'early-5']));
    });

    test('picked by several callers at once, each goes to one of them', async () => {
      const { store } = await harness().fresh();
      const ids = Array.from({ length: 40 }, (_, at) => `sync-${at}`);
      for (const id of ids) await store.insertJob(newJob({ id }));
      const picks = await Promise.all(Array.from({ length: 8 }, () => pickIds(store, ['main'], NOW, 5)));
      const picked = picks.flat();
      expect(new Set(picked).size).toBe(picked.length);
      const rest: string[] = [];
      for (let more = await pickIds(store, ['main'], NOW, 7); more.length > 0; more = await pickIds(store, ['main'], NOW, 7))
        rest.push(...more);
      expect([...picked, ...rest].sort()).toEqual(ids.sort());
    });
  });

  describe('jobs in other hands', () => {
    test('finds jobs as lost whose claim is older than the account, of the given accounts', async () => {
      const { store } = await harness().fresh();
      for (const accountId of ['main', 'other']) {
        await store.ensureAccount(accountId);
        const token = await store.takeAccount(accountId, 'one');
        await store.insertJob(newJob({ id: accountId, accountId }));
        await store.stepJob(accountId, claiming(token));
      }
      expect(await store.findLost(['main', 'other'])).toEqual([]);
      await store.takeAccount('main', 'two');
      expect(await store.findLost(['main', 'other'])).toEqual(['main']);
      expect(await store.findLost(['other'])).toEqual([]);
      await store.takeAccount('other', 'two');
      expect((await store.findLost(['main', 'other'])).sort()).toEqual(['main', 'other']);
      expect(await store.findLost([])).toEqual([]);
    });

    test('tells a step the present token of the account where it asks, so that a claim of a taken account is refused', async () => {
      const { store } = await harness().fresh();
      await store.ensureAccount('main');
      const older = await store.takeAccount('main', 'one');
      await store.insertJob(newJob());
      const claim = (token: number) =>
        store.stepJob(
          'sync-1',
          (job, { fencingToken }) => (fencingToken === token ? claiming(token)(job) : undefined),
          undefined,
          { readFencing: true },
        );
      const newer = await store.takeAccount('main', 'two');
      expect(await claim(older)).toMatchObject({ status: 'queued', claim: null, version: 0 });
      expect(await claim(newer)).toMatchObject({ status: 'processing', claim: { token: newer, number: 1 } });
    });

    test('lets nobody take the account while a step that asked for its token is not over', async () => {
      const { store, driver } = await harness().fresh();
      await store.ensureAccount('main');
      const token = await store.takeAccount('main', 'one');
      await store.insertJob(newJob());
      const order: string[] = [];
      const looked = deferred();
      const taking = looked.promise.then(() => store.takeAccount('main', 'two')).finally(() => order.push('taken'));
      await store.stepJob(
        'sync-1',
        (job, { fencingToken }) => {
          looked.resolve();
          return fencingToken === token ? claiming(token)(job) : undefined;
        },
        async (tx) => {
          await tx.upsertMessages(0, history(3));
          // On PGlite nobody else gets a turn; PostgreSQL tells who waits for whom.
          while (driver.kind === 'postgresql' && order.length === 0 && !(await waits(driver))) {}
          order.push('written');
        },
        { readFencing: true },
      );
      await taking;
      expect(order).toEqual(['written', 'taken']);
      expect(await store.findLost(['main'])).toEqual(['sync-1']);
    });

    test('tells a step no token that it did not ask for, and 0 of an account that nobody took', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      const seen: unknown[] = [];
      const look = (_job: Job, account: unknown): undefined => void seen.push(account);
      await store.stepJob('sync-1', look);
      await store.stepJob('sync-1', look, undefined, { readFencing: true });
      expect(seen).toEqual([{ fencingToken: undefined }, { fencingToken: 0 }]);
    });

    test('finds jobs that are claimed under just one token of an account', async () => {
      const { store } = await harness().fresh();
      for (const id of ['a', 'b', 'older', 'ended', 'waiting']) await store.insertJob(newJob({ id }));
      await store.insertJob(newJob({ id: 'others', accountId: 'other' }));
      for (const id of ['a', 'b', 'ended', 'others']) await store.stepJob(id, claiming(2));
      await store.stepJob('older', claiming(1));
      await store.stepJob('ended', ending('completed', NOW));
      expect(await store.findOwn('main', 2)).toEqual(['a', 'b']);
      expect(await store.findOwn('main', 1)).toEqual(['older']);
      expect(await store.findOwn('main', 3)).toEqual([]);
    });

    test('finds parked jobs of an account, oldest first', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob({ id: 'second', createdAt: NOW + 1 }));
      await store.insertJob(newJob({ id: 'first' }));
      await store.insertJob(newJob({ id: 'others', accountId: 'other' }));
      await store.insertJob(newJob({ id: 'queued' }));
      for (const id of ['second', 'first', 'others']) await store.stepJob(id, () => step({ status: 'parked', dueAt: null }));
      expect(await store.findParked('main')).toEqual(['first', 'second']);
    });

    test('counts jobs by status, with zeros', async () => {
      const { store } = await harness().fresh();
      const none = { queued: 0, processing: 0, delayed: 0, parked: 0, completed: 0, failed: 0, cancelled: 0 };
      expect(await store.countJobs()).toEqual(none);
      for (const id of ['a', 'b', 'c']) await store.insertJob(newJob({ id }));
      await store.stepJob('b', claiming(1));
      await store.stepJob('c', ending('failed', NOW));
      expect(await store.countJobs()).toEqual({ ...none, queued: 1, processing: 1, failed: 1 });
    });

    test('prunes completed jobs after 7 days, other ended ones after 30, the outbox after 7, and their history with them', async () => {
      const { store, driver, clock } = await harness().fresh();
      const ages = { completed: [6, 8], failed: [8, 29, 31], cancelled: [31] } as const;
      for (const [status, days] of Object.entries(ages)) {
        for (const age of days) {
          const id = `${status}-${age}`;
          await store.insertJob(newJob({ id, createdAt: NOW - 40 * DAY }));
          await store.stepJob(id, ending(status as keyof typeof ages, NOW - age * DAY));
        }
      }
      await store.insertJob(newJob({ id: 'waiting', createdAt: NOW - 40 * DAY }));
      for (const age of [8, 6]) {
        clock.nowMs = NOW - age * DAY;
        await store.transaction((tx) => tx.appendOutbox([{ topic: `message.new.${age}`, payload: {} }]));
      }
      clock.nowMs = NOW;
      await placeAll(store);
      // Three old jobs, a line of history each, and a row of the outbox.
      expect(await store.prune(NOW, 100)).toBe(7);
      const left = await driver.query('SELECT id FROM jobs ORDER BY id');
      expect(left.map((row) => row.id)).toEqual(['completed-6', 'failed-29', 'failed-8', 'waiting']);
      expect(await store.jobEvents('failed-31')).toEqual([]);
      expect(await driver.query('SELECT topic FROM outbox')).toEqual([{ topic: 'message.new.6' }]);
      expect(await store.prune(NOW, 100)).toBe(0);
    });

    test('prunes no more rows at once than it is told to, lines of history first, and in the end all of them', async () => {
      const { store, driver, clock } = await harness().fresh();
      for (const id of ['a', 'b']) {
        await store.insertJob(newJob({ id, createdAt: NOW - 40 * DAY }));
        for (let lines = 0; lines < 4; lines += 1) await store.stepJob(id, () => step({}));
        await store.stepJob(id, ending('completed', NOW - 10 * DAY));
      }
      clock.nowMs = NOW - 10 * DAY;
      await store.transaction((tx) => tx.appendOutbox([1, 2, 3].map((n) => ({ topic: `message.new.${n}`, payload: {} }))));
      await placeAll(store);
      const rows = async (): Promise<number> => {
        const [row] = await driver.query(
          'SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM job_events) + (SELECT count(*) FROM outbox) AS rows',
        );
        return row?.rows as number;
      };
      let left = await rows();
      expect(left).toBe(2 + 10 + 3);
      const parts: number[] = [];
      do {
        parts.push(await store.prune(NOW, 5));
        const now = await rows();
        expect(left - now).toBe(parts.at(-1));
        left = now;
      } while (parts.at(-1) === 5);
      expect(parts).toEqual([5, 5, 5, 0]);
      expect(left).toBe(0);
    });
  });
}

async function pickIds(store: Store, accountIds: readonly string[], nowMs: number, limit: number): Promise<string[]> {
  return (await store.pickDue(accountIds, nowMs, limit)).map(({ id }) => id);
}

async function placeAll(store: Store): Promise<void> {
  const token = (await store.takeSequencer('test', MINUTE)) as number;
  await store.placeEvents('test', token, 1_000, MINUTE);
}

/** Whether a session waits for what another one has locked. */
async function waits(driver: SqlDriver): Promise<boolean> {
  const [row] = await driver.query(
    `SELECT count(*) AS sessions FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return (row?.sessions as number) > 0;
}
