import { describe, expect, test } from 'vitest';
import type { ErrorRecord } from '../../src/errors.ts';
import type { Job, JobFilter, JobQuery, JobSubmission, NewJob, RequestKey, Store } from '../../src/ports.ts';
import { ending, newJob, step } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

const asking = (digest: string, slot = 'slot'): RequestKey => ({ slot, digest });

function submission(id: string, key?: RequestKey, changes: Partial<NewJob> = {}): JobSubmission {
  return { job: newJob({ id, ...changes }), ...(key && { key }) };
}

/** What every store does with requests that become jobs, and for people who look at jobs. */
export function jobDeskContract(harness: () => StoreHarness): void {
  describe('submissions', () => {
    test('are stored together, each as by itself, and told of in their order', async () => {
      const { store } = await harness().fresh();
      const params = { channelId: 'habr_com', text: 'a "quoted", {braced} \\ and \0 one' };
      const ids = Array.from({ length: 40 }, (_, at) => `sync-${String(99 - at)}`);
      const outcomes = await store.insertJobs(
        ids.map((id, at) => submission(id, undefined, { params: { ...params, at }, priority: (at % 10) + 1 })),
      );
      expect(outcomes).toEqual(ids.map((jobId) => ({ kind: 'stored', jobId })));
      await store.insertJob(newJob({ id: 'alone', params: { ...params, at: 7 }, priority: 8 }));
      const [together, alone] = [await store.findJob('sync-92'), await store.findJob('alone')];
      expect({ ...together, id: 'alone' }).toEqual(alone);
      expect((await store.jobEvents('sync-92')).map(({ event, at }) => [event, at])).toEqual([['SUBMIT', NOW]]);
      expect((await store.pickDue(['main'], NOW, 4)).map(({ id }) => id)).toEqual(['sync-69', 'sync-79', 'sync-89', 'sync-99']);
      expect(await store.insertJobs([])).toEqual([]);
    });

    test('for an account that was removed are refused alone, and leave their key free', async () => {
      const { store } = await harness().fresh();
      await store.makeAccount('gone');
      await store.removeAccount('gone');
      expect(
        await store.insertJobs([
          submission('a'),
          submission('b', asking('x'), { accountId: 'gone' }),
          submission('c', undefined, { accountId: 'without a row' }),
        ]),
      ).toEqual([{ kind: 'stored', jobId: 'a' }, { kind: 'account-removed' }, { kind: 'stored', jobId: 'c' }]);
      expect(await store.findSubmission(asking('x'), NOW)).toBeUndefined();
      expect(await store.findJob('b')).toBeUndefined();
    });

    test('of which the database refuses one are all refused, their keys too', async () => {
      const { store } = await harness().fresh();
      const batch = [submission('good', asking('x')), submission('bad', undefined, { priority: 11 })];
      await expect(store.insertJobs(batch)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(await store.findJob('good')).toBeUndefined();
      expect(await store.insertJobs([submission('later', asking('y'))])).toEqual([{ kind: 'stored', jobId: 'later' }]);
    });

    test('under one key are one job for a day; another request under it is refused', async () => {
      const { store, driver } = await harness().fresh();
      expect(await store.findSubmission(asking('x'), NOW)).toBeUndefined();
      expect(
        await store.insertJobs([submission('b', asking('x')), submission('a', asking('x')), submission('c', asking('y'))]),
      ).toEqual([{ kind: 'stored', jobId: 'b' }, { kind: 'replayed', jobId: 'b' }, { kind: 'key-reused' }]);
      const later = { createdAt: NOW + DAY - 1 };
      expect(await store.insertJobs([submission('d', asking('x'), later), submission('e', asking('x', 'other'), later)])).toEqual(
        [
          { kind: 'replayed', jobId: 'b' },
          { kind: 'stored', jobId: 'e' },
        ],
      );
      expect(await store.findSubmission(asking('x'), NOW + DAY - 1)).toEqual({ kind: 'replayed', jobId: 'b' });
      expect(await store.findSubmission(asking('y'), NOW + DAY - 1)).toEqual({ kind: 'key-reused' });
      expect(await store.findSubmission(asking('y'), NOW + DAY)).toBeUndefined();
      expect(await store.insertJobs([submission('f', asking('y'), { createdAt: NOW + DAY })])).toEqual([
        { kind: 'stored', jobId: 'f' },
      ]);
      expect(await store.prune(NOW + DAY + 1, 100)).toBe(0);
      expect(await store.prune(NOW + 2 * DAY, 100)).toBe(1);
      expect(await driver.query('SELECT slot, job_id FROM request_keys')).toEqual([{ slot: 'slot', job_id: 'f' }]);
    });

    test('under the same keys from many sides at once are one job each', async () => {
      const { store, driver } = await harness().fresh();
      const keys = ['k1', 'k2', 'k3'];
      const asked = await Promise.all(
        Array.from({ length: 24 }, (_, side) => {
          // In another order from each side.
          const mine = side % 2 === 0 ? keys : keys.toReversed();
          return store.insertJobs(mine.map((slot) => submission(`${side}-${slot}`, asking('same', slot))));
        }),
      );
      for (const slot of keys) {
        const outcomes = asked.map(
          (batch, side) => batch[side % 2 === 0 ? keys.indexOf(slot) : keys.length - 1 - keys.indexOf(slot)],
        );
        expect(outcomes.filter((outcome) => outcome?.kind === 'stored')).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome?.kind === 'replayed')).toHaveLength(23);
        expect(new Set(outcomes.map((outcome) => outcome && 'jobId' in outcome && outcome.jobId)).size).toBe(1);
      }
      expect(await driver.query('SELECT count(*) AS jobs, (SELECT count(*) FROM job_events) AS lines FROM jobs')).toEqual([
        { jobs: 3, lines: 0 },
      ]);
    });
  });

  describe('lists of jobs', () => {
    test('are newest first, in pages without a hole or a repetition whatever comes meanwhile', async () => {
      const { store } = await harness().fresh();
      for (let n = 0; n < 9; n += 1) await store.insertJob(newJob({ id: `j${n}`, createdAt: NOW + Math.floor(n / 3) }));
      const seen: string[] = [];
      let after: { at: number; id: string } | undefined;
      for (let page = 0; page < 4; page += 1) {
        const jobs = await store.listJobs({ by: 'createdAt', limit: 4, ...(after && { after }) });
        seen.push(...jobs.map(({ id }) => id));
        const last = jobs.at(-1);
        if (last) after = { at: last.createdAt, id: last.id };
        await store.insertJob(newJob({ id: `new-${page}`, createdAt: NOW + 50 + page }));
      }
      expect(seen).toEqual(['j8', 'j7', 'j6', 'j5', 'j4', 'j3', 'j2', 'j1', 'j0']);
    });

    test('hold what fits in every way, without what is large', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob({ id: 'a', params: { channelId: 'Habr_Com', limit: 1 } }));
      await store.insertJob(newJob({ id: 'b', action: 'get-channels', params: {}, createdAt: NOW + MINUTE }));
      await store.insertJob(newJob({ id: 'c', accountId: 'other', params: { channelId: '-1001' }, createdAt: NOW + 2 * MINUTE }));
      await store.makeAccount('other');
      await store.removeAccount('other');
      await store.stepJob('b', () =>
        step({ status: 'delayed', dueAt: NOW, error: failure('TELEGRAM_FLOOD', 'wait 100% of_it') }),
      );
      await store.stepJob('c', () => step({ result: { large: true }, checkpoint: { at: 1 }, reason: 'because' }));
      const ids = async (filter: JobFilter): Promise<string> =>
        (await store.listJobs({ ...filter, by: 'createdAt', limit: 9 })).map(({ id }) => id).join('');
      expect(await ids({})).toBe('cba');
      expect(await ids({ statuses: ['delayed', 'parked'] })).toBe('b');
      expect(await ids({ statuses: ['queued'] })).toBe('ca');
      expect(await ids({ action: 'sync-messages', accountId: 'main' })).toBe('a');
      expect(await ids({ channels: ['-1001', 'hABR_com'] })).toBe('ca');
      expect(await ids({ created: { from: NOW, to: NOW + 2 * MINUTE } })).toBe('ba');
      expect(await ids({ created: { from: NOW + 1 } })).toBe('cb');
      expect(await ids({ ended: { from: 0 } })).toBe('');
      expect(await ids({ code: 'TELEGRAM_FLOOD' })).toBe('b');
      expect(await ids({ text: '100% OF_' })).toBe('b');
      expect(await ids({ text: '100_ of' })).toBe('');
      expect(await ids({ text: 'BECAUSE' })).toBe('c');
      expect(await ids({ text: 'habr' })).toBe('a');
      expect(await ids({ servable: true })).toBe('ba');
      expect(await ids({ id: 'c', statuses: ['queued'] })).toBe('c');
      expect((await store.listJobs({ by: 'createdAt', limit: 1 }))[0]).toEqual({
        ...(await store.findJob('c')),
        result: null,
        checkpoint: null,
      });
    });

    test('of the dead begin with the last one, or the first, and count and delete as many as were asked for', async () => {
      const { store, driver } = await harness().fresh();
      for (const n of [1, 2, 3, 4, 5]) {
        await store.insertJob(newJob({ id: `d${n}` }));
        const status = n === 5 ? 'cancelled' : 'failed';
        await store.stepJob(`d${n}`, () => ({ ...ending(status, NOW - n * MINUTE)(), events: step({}, 'END').events }));
      }
      await store.insertJob(newJob({ id: 'alive' }));
      await store.stepJob('alive', () => step({}));
      const ids = async (query: Partial<JobQuery>): Promise<string[]> =>
        (await store.listJobs({ statuses: ['failed'], by: 'endedAt', limit: 9, ...query })).map(({ id }: Job) => id);
      expect(await ids({})).toEqual(['d1', 'd2', 'd3', 'd4']);
      expect(await ids({ oldestFirst: true, limit: 2 })).toEqual(['d4', 'd3']);
      expect(await ids({ oldestFirst: true, after: { at: NOW - 3 * MINUTE, id: 'd3' } })).toEqual(['d2', 'd1']);
      expect(await ids({ after: { at: NOW - 2 * MINUTE, id: 'd2' } })).toEqual(['d3', 'd4']);
      expect(await ids({ statuses: ['failed', 'cancelled', 'queued'] })).toEqual(['d1', 'd2', 'd3', 'd4', 'd5']);
      expect(await store.countJobsLike({ statuses: ['failed'] }, 100)).toBe(4);
      expect(await store.countJobsLike({ statuses: ['failed'] }, 3)).toBe(3);
      expect(await store.deleteFailed({ ended: { to: NOW - 2 * MINUTE } }, 1)).toBe(1);
      expect(await ids({})).toEqual(['d1', 'd2', 'd3']);
      expect(await store.deleteFailed({}, 100)).toBe(3);
      expect(await driver.query('SELECT DISTINCT job_id FROM job_events ORDER BY job_id')).toEqual([
        { job_id: 'alive' },
        { job_id: 'd5' },
      ]);
    });

    test('a history begins with the job’s submission once, stored as its first line or, since that is always the same, not', async () => {
      const { store, driver } = await harness().fresh();
      // The very first line that is stored has another number than the one that is not.
      await store.insertJob(newJob({ id: 'since' }));
      await store.stepJob('since', () => step({}, 'STEP'));
      await store.insertJob(newJob({ id: 'before' }));
      await driver.query(
        `INSERT INTO job_events (job_id, at, event, from_status, to_status, detail)
         SELECT id, created_at, 'SUBMIT', 'queued', 'queued', '{}' FROM jobs WHERE id = 'before'`,
      );
      await store.stepJob('before', () => step({}, 'STEP'));
      for (const id of ['before', 'since']) {
        for (const limit of [1, 2, 3]) expect(await walk(store, id, limit)).toEqual(['SUBMIT', 'STEP']);
        expect((await store.jobEvents(id))[0]).toMatchObject({ at: NOW, from: 'queued', to: 'queued', detail: {} });
      }
      const ids = (await store.jobEvents('since')).map(({ id }) => id);
      expect(ids).toEqual([1, expect.toSatisfy((id: number) => id > 1)]);
    });

    test('a history comes in pages too', async () => {
      const { store } = await harness().fresh();
      await store.insertJob(newJob());
      for (let n = 0; n < 5; n += 1) await store.stepJob('sync-1', () => step({}, `STEP-${n}`));
      const names = await walk(store, 'sync-1', 4);
      expect(names).toEqual(['SUBMIT', 'STEP-0', 'STEP-1', 'STEP-2', 'STEP-3', 'STEP-4']);
    });
  });
}

async function walk(store: Store, id: string, limit: number): Promise<string[]> {
  const names: string[] = [];
  for (let after = 0; ; ) {
    const lines = await store.jobEvents(id, { after, limit });
    names.push(...lines.map(({ event }) => event));
    const last = lines.at(-1);
    if (lines.length < limit || last === undefined) return names;
    after = last.id;
  }
}

function failure(code: ErrorRecord['code'], message: string): ErrorRecord {
  return { code, fault: 'throttled', message };
}
