import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeSteps } from '../../src/actors/store/job-rows.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { Job, JobChange } from '../../src/ports.ts';
import { anyJson, anyText } from './any-json.ts';
import { claiming, ending, newJob, step } from './fixtures.ts';
import { NOW, type StoreHarness, storeOn } from './store-harness.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

const anyObject = fc.option(fc.dictionary(anyText, anyJson, { maxKeys: 4 }));
/** Times are often sums of monotonic ones. */
const anyTime = fc.double({ min: NOW, max: NOW + 1e9, noNaN: true });
const anyCount = fc.nat({ max: 1_000 });
/** What the table allows a job to be. */
const anyState: fc.Arbitrary<JobChange['set']> = fc.oneof(
  fc
    .record({ token: anyCount, number: anyCount }, { noNullPrototype: true })
    .map((claim) => ({ status: 'processing' as const, claim, dueAt: null })),
  fc
    .tuple(fc.constantFrom('queued', 'delayed'), fc.option(anyTime))
    .map(([status, dueAt]) => ({ status, dueAt, claim: null }) as const),
  fc.constant({ status: 'parked', claim: null, dueAt: null } as const),
  fc
    .tuple(fc.constantFrom('completed', 'failed', 'cancelled'), anyTime)
    .map(([status, endedAt]) => ({ status, endedAt, claim: null, dueAt: null }) as const),
);
const anySet: fc.Arbitrary<JobChange['set']> = fc
  .tuple(
    anyState,
    fc.record({
      priority: fc.integer({ min: 1, max: 10 }),
      attempts: anyCount,
      claims: anyCount,
      lostInARow: anyCount,
      progress: fc.option(fc.record({ done: anyCount, total: fc.option(anyCount) })),
      checkpoint: anyObject,
      result: anyObject,
      error: fc.option(
        fc.record({ code: fc.constant('INTERNAL' as const), fault: fc.constant('bug' as const), message: anyText }),
      ),
      reason: fc.option(anyText),
      cancelRequested: fc.boolean(),
      machineVersion: anyCount,
    }),
  )
  .map(([state, rest]) => ({ ...rest, ...state }));

/** What every store does with steps of several jobs that come together. */
export function jobStepsContract(harness: () => StoreHarness): void {
  async function withJobs() {
    const { store, driver } = await harness().fresh();
    await store.ensureAccount('main');
    for (const id of IDS) await store.insertJob(newJob({ id }));
    return { store, driver };
  }

  describe('steps that come together', () => {
    test('are read in one statement and written in another, and those of jobs that it runs are not even read', async () => {
      const { driver } = await withJobs();
      const statements: string[] = [];
      const query: SqlDriver['query'] = (text, values, work) => {
        statements.push(text);
        return driver.query(text, values, work);
      };
      const { store } = storeOn({ ...driver, query });
      const claimed = await Promise.all(IDS.map((id) => store.stepJob(id, claiming(1))));
      expect(claimed.map((job) => [job?.id, job?.status, job?.version])).toEqual(IDS.map((id) => [id, 'processing', 1]));
      expect(statements).toHaveLength(2);
      const ended = await Promise.all(IDS.map((id) => store.stepJob(id, ending('completed', NOW))));
      expect(ended.map((job) => [job?.id, job?.status, job?.endedAt])).toEqual(IDS.map((id) => [id, 'completed', NOW]));
      expect(statements).toHaveLength(3);
      expect(await store.findJob('c')).toEqual(ended[2]);
      expect((await store.jobEvents('c')).map(({ event }) => event)).toEqual(['SUBMIT', 'CLAIM', 'END']);
    });

    test('fare as if each were alone: one that throws, is refused, finds nothing to do or no row', async () => {
      const { store } = await withJobs();
      const thrown = new VigiliaError('JOB_NOT_CLAIMED', 'not yours');
      const outcomes = await Promise.allSettled([
        store.stepJob('a', claiming(1)),
        store.stepJob('b', () => {
          throw thrown;
        }),
        store.stepJob('c', () => step({ priority: 99 })),
        store.stepJob('d', () => undefined),
        store.stepJob('nobody', claiming(1)),
        store.stepJob('e', claiming(1)),
      ]);
      expect(outcomes).toMatchObject([
        { value: { id: 'a', status: 'processing' } },
        { reason: thrown },
        { reason: { code: 'STORE_REFUSED' } },
        { value: { id: 'd', status: 'queued', version: 0 } },
        { value: undefined },
        { value: { id: 'e', status: 'processing' } },
      ]);
      expect(await store.findJob('c')).toMatchObject({ priority: 5, version: 0 });
      expect(await store.jobEvents('c')).toHaveLength(1);
    });

    test('are taken one after the other where they are of one job', async () => {
      const { store } = await withJobs();
      const seen: Job['status'][] = [];
      const look =
        (decide: (job: Job) => JobChange | undefined) =>
        (job: Job): JobChange | undefined => {
          seen.push(job.status);
          return decide(job);
        };
      const both = await Promise.all([store.stepJob('a', look(claiming(1))), store.stepJob('a', look(ending('failed', NOW)))]);
      expect(both.map((job) => job?.status)).toEqual(['processing', 'failed']);
      expect(seen).toEqual(['queued', 'processing']);
    });

    test('are decided anew where another process has stepped the job since, and written once', async () => {
      const { store, driver } = await withJobs();
      const other = storeOn(driver).store;
      await store.stepJob('a', claiming(1));
      await other.stepJob('a', () => step({ cancelRequested: true }, 'CANCEL'));
      const seen: boolean[] = [];
      const ended = await store.stepJob('a', (job) => {
        seen.push(job.cancelRequested);
        return ending(job.cancelRequested ? 'cancelled' : 'completed', NOW)();
      });
      expect(ended).toMatchObject({ status: 'cancelled', version: 3 });
      expect(seen).toEqual([false, true]);
      expect((await store.jobEvents('a')).map(({ event }) => event)).toEqual(['SUBMIT', 'CLAIM', 'CANCEL', 'END']);
    });

    test('say of a job nothing that was true once only', async () => {
      const { store, driver } = await withJobs();
      const other = storeOn(driver).store;
      await store.stepJob('a', claiming(1));
      await other.stepJob('a', () => step({ status: 'queued', claim: null, dueAt: NOW }, 'RELEASE'));
      const decide = (job: Job): JobChange | undefined => {
        if (job.status === 'processing') throw new VigiliaError('JOB_NOT_CLAIMED', 'it is running');
        return step({ reason: 'seen' });
      };
      expect(await store.stepJob('a', decide)).toMatchObject({ status: 'queued', reason: 'seen' });
    });

    test('write nothing at all under a token that is not the account’s any more, or on another version of the row', async () => {
      const { store, driver } = await withJobs();
      const token = await store.takeAccount('main', 'one');
      const [stale, late, good] = await Promise.all(['a', 'b', 'c'].map((id) => store.findJob(id)));
      if (!stale || !late || !good) throw new Error('no jobs');
      const change: JobChange = { ...step({ reason: 'x' }), outbox: [{ topic: 'job.queued', payload: {} }] };
      const written = await writeSteps(
        driver,
        [
          { job: stale, fencingToken: token - 1, change },
          { job: { ...late, version: late.version + 1 }, fencingToken: undefined, change },
          { job: good, fencingToken: token, change },
        ],
        NOW,
      );
      expect([...written.keys()]).toEqual(['c']);
      expect(await store.findJob('a')).toEqual(stale);
      expect(await store.findJob('b')).toEqual(late);
      expect(await store.jobEvents('a')).toHaveLength(1);
      expect(await driver.query('SELECT count(*) AS rows FROM outbox')).toEqual([{ rows: 1 }]);
    });

    test('are told of exactly as the rows are read, whatever they hold', async () => {
      const { driver } = await withJobs();
      const { store, clock } = storeOn(driver);
      await fc.assert(
        fc.asyncProperty(fc.array(anySet, { minLength: 1, maxLength: IDS.length }), anyTime, async (sets, nowMs) => {
          clock.nowMs = nowMs;
          const jobs = await Promise.all(
            sets.map((set, at) => store.stepJob(IDS[at] ?? '', () => ({ ...step({ endedAt: null, ...set }), events: [] }))),
          );
          // Another store remembers nothing.
          const { store: other } = storeOn(driver);
          for (const job of jobs) expect(await other.findJob(job?.id ?? '')).toStrictEqual(job);
        }),
        { numRuns: 40 },
      );
    });

    test('are told of as JSON keeps it', async () => {
      const { store } = await withJobs();
      const result = { none: undefined, at: new Date(NOW), not: Number.NaN } as unknown as NonNullable<Job['result']>;
      const ended = await store.stepJob('a', () => step({ result }));
      expect(ended?.result).toStrictEqual({ at: new Date(NOW).toISOString(), not: null });
      expect(await store.findJob('a')).toStrictEqual(ended);
    });

    test('are due at whole milliseconds, whatever was waited for', async () => {
      const { store } = await withJobs();
      const late = await store.stepJob('a', () => step({ status: 'delayed', dueAt: NOW + 30_998.811438 }));
      expect(late?.dueAt).toBe(NOW + 30_998);
    });

    test('do not pay for one that cannot even be written down', async () => {
      const { store } = await withJobs();
      const bad = { big: 1n } as unknown as NonNullable<Job['result']>;
      const outcomes = await Promise.allSettled([
        store.stepJob('a', () => step({ result: bad })),
        store.stepJob('b', claiming(1)),
      ]);
      expect(outcomes).toMatchObject([{ reason: expect.any(TypeError) }, { value: { status: 'processing' } }]);
    });

    test('are written while others’ accounts are being taken, and the claim of such a one is compared afterwards', async () => {
      const { store, driver } = await withJobs();
      // On PGlite nobody else gets a turn meanwhile.
      if (driver.kind === 'pglite') return;
      const token = await store.takeAccount('main', 'one');
      await store.insertJob(newJob({ id: 'other', accountId: 'other' }));
      const taker = await driver.begin();
      await taker.query(`UPDATE accounts SET fencing_token = fencing_token + 1 WHERE id = 'main'`);
      const seen: unknown[] = [];
      const claimed = store.stepJob(
        'a',
        (job, { fencingToken }) => {
          seen.push(fencingToken);
          return fencingToken === token ? claiming(token)(job) : undefined;
        },
        undefined,
        { readFencing: true },
      );
      expect(await store.stepJob('other', claiming(1))).toMatchObject({ status: 'processing' });
      await taker.commit();
      expect(await claimed).toMatchObject({ status: 'queued', claim: null });
      expect(seen).toEqual([token, token + 1]);
    });

    test('are refused inside a transaction', async () => {
      const { store } = await withJobs();
      await expect(store.transaction(() => store.stepJob('a', claiming(1)))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    });

    test('wait for whoever holds their job, and nobody else waits with them', async () => {
      const { store, driver } = await withJobs();
      // On PGlite nobody else gets a turn meanwhile.
      if (driver.kind === 'pglite') return;
      const holder = await driver.begin();
      await holder.query('SELECT FROM jobs WHERE id = $1 FOR UPDATE', ['a']);
      const order: string[] = [];
      const held = store.stepJob('a', claiming(1)).then((job) => order.push(`a ${job?.status}`));
      await store.stepJob('b', claiming(1)).then((job) => order.push(`b ${job?.status}`));
      await store.stepJob('c', claiming(1)).then((job) => order.push(`c ${job?.status}`));
      await holder.rollback();
      await held;
      expect(order).toEqual(['b processing', 'c processing', 'a processing']);
    });
  });
}
