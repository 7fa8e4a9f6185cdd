import { beforeEach, describe, expect, test } from 'vitest';
import { JobBatches } from '../../src/actors/jobs/job-batches.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { JobSubmission, SubmissionOutcome } from '../../src/ports.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const UNAVAILABLE = { code: 'STORE_UNAVAILABLE', retryAfterMs: expect.any(Number) };

function job(id: string): JobSubmission {
  return { job: { id, action: 'x', params: {}, accountId: 'main', priority: 5, machineVersion: 1, createdAt: 0 } };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('jobs that come together', () => {
  let clock: VirtualClock;
  let batches: JobBatches;
  /** Statements: their jobs, and what ends them. */
  let written: { ids: string[]; end: Deferred<void> }[];
  /** Jobs that were stored. */
  let heard: string[];
  /** Jobs that the database refuses. */
  let bad: Set<string>;

  beforeEach(() => {
    clock = new VirtualClock();
    written = [];
    bad = new Set();
    const insertJobs = async (submissions: readonly JobSubmission[]): Promise<SubmissionOutcome[]> => {
      const ids = submissions.map(({ job: { id } }) => id);
      const end = deferred<void>();
      written.push({ ids, end });
      await end.promise;
      if (ids.some((id) => bad.has(id))) throw new VigiliaError('STORE_REFUSED', 'a row does not fit');
      return ids.map((jobId) => ({ kind: 'stored', jobId }));
    };
    heard = [];
    batches = new JobBatches({ insertJobs }, clock, (outcomes) => {
      for (const outcome of outcomes) if ('jobId' in outcome) heard.push(outcome.jobId);
    });
  });

  const insert = (id: string, expiresAt?: number): Promise<unknown> =>
    batches.insert(job(id), expiresAt).then(
      (outcome) => ('jobId' in outcome ? outcome.jobId : outcome.kind),
      (error: unknown) => error,
    );

  /** Statements under way that take their time: as many as there may be at once. */
  async function fillLanes(): Promise<void> {
    for (const id of ['a', 'b', 'c']) {
      void insert(id);
      await turn();
      await clock.advance(10);
    }
  }

  async function endAll(): Promise<void> {
    for (let at = 0; at < written.length; at += 1) {
      written[at]?.end.resolve();
      await turn();
      await turn();
    }
  }

  test('go in one statement, and one that comes alone goes at once', async () => {
    const alone = insert('a');
    await turn();
    expect(written.map(({ ids }) => ids)).toEqual([['a']]);
    const together = ['b', 'c', 'd'].map((id) => insert(id));
    await turn();
    written[0]?.end.resolve();
    await turn();
    await turn();
    expect(written.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c', 'd']]);
    await endAll();
    expect(await Promise.all([alone, ...together])).toEqual(['a', 'b', 'c', 'd']);
  });

  test('wait while three statements are under way, and go together as soon as one has ended, 200 at most', async () => {
    await fillLanes();
    const rest = Array.from({ length: 250 }, (_, at) => insert(`r${at}`));
    await turn();
    expect(written).toHaveLength(3);
    written[1]?.end.resolve();
    await turn();
    await turn();
    expect(written.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 200]);
    await endAll();
    expect(written.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 200, 50]);
    expect(await Promise.all(rest)).toEqual(rest.map((_, at) => `r${at}`));
  });

  test('go beside a statement that takes its time, and wait for one that does not', async () => {
    void insert('a');
    await turn();
    const next = ['b', 'c'].map((id) => insert(id));
    await clock.advance(4);
    await turn();
    expect(written.map(({ ids }) => ids)).toEqual([['a']]);
    await clock.advance(1);
    expect(written.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
    await endAll();
    expect(await Promise.all(next)).toEqual(['b', 'c']);
  });

  test('do not wait for anybody once they fill a statement', async () => {
    void insert('a');
    await turn();
    for (let at = 0; at < 250; at += 1) void insert(`r${at}`);
    await turn();
    expect(written.map(({ ids }) => ids.length)).toEqual([1, 200]);
    await endAll();
  });

  test('do not pay for one that the database refuses', async () => {
    bad.add('c');
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => insert(id));
    await turn();
    await endAll();
    const [a, b, c, d, e] = await Promise.all(all);
    expect([a, b, d, e]).toEqual(['a', 'b', 'd', 'e']);
    expect(c).toMatchObject({ code: 'STORE_REFUSED' });
  });

  test('all hear at once of a database that is away', async () => {
    const all = ['a', 'b'].map((id) => insert(id));
    await turn();
    written[0]?.end.reject(new VigiliaError('STORE_UNAVAILABLE', 'gone', { retryAfterMs: 1 }));
    expect(await Promise.all(all)).toEqual([expect.objectContaining(UNAVAILABLE), expect.objectContaining(UNAVAILABLE)]);
    expect(written).toHaveLength(1);
  });

  test('are not stored any more once their time is over', async () => {
    await fillLanes();
    const late = insert('late', clock.monotonic() + 500);
    const patient = insert('patient', clock.monotonic() + 501);
    await clock.advance(500);
    await endAll();
    expect(await late).toMatchObject(UNAVAILABLE);
    expect(await patient).toBe('patient');
    expect(written.flatMap(({ ids }) => ids)).toEqual(['a', 'b', 'c', 'patient']);
  });

  test('hear at the end of their time, whatever their statement does, each at its own', async () => {
    const told: string[] = [];
    const wait = (id: string, ms: number) =>
      insert(id, clock.monotonic() + ms).then((what) => told.push(typeof what === 'string' ? what : `no ${id}`));
    const all = [wait('second', 800), wait('first', 500), wait('third', 1_000)];
    await turn();
    expect(written.map(({ ids }) => ids)).toEqual([['second', 'first', 'third']]);
    await clock.advance(499);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['no first']);
    await clock.advance(300);
    expect(told).toEqual(['no first', 'no second']);
    await endAll();
    await Promise.all(all);
    expect(told).toEqual(['no first', 'no second', 'third']);
    expect(clock.pending).toBe(0);
    // Those who gave up do not hear of it; somebody has to.
    expect(heard).toEqual(['second', 'first', 'third']);
  });

  test('of a statement that the database refuses are not stored any more either once their time is over', async () => {
    bad.add('b');
    const patient = insert('a', clock.monotonic() + 900);
    const late = ['b', 'c'].map((id) => insert(id, clock.monotonic() + 500));
    await turn();
    await clock.advance(500);
    await endAll();
    expect(await patient).toBe('a');
    expect(await Promise.all(late)).toEqual([expect.objectContaining(UNAVAILABLE), expect.objectContaining(UNAVAILABLE)]);
    expect(written.map(({ ids }) => ids)).toEqual([['a', 'b', 'c'], ['a']]);
  });

  test('are refused at once behind statements that get no answer, until one has ended', async () => {
    await fillLanes();
    await clock.advance(1_970);
    const before = insert('before');
    await clock.advance(20);
    expect(await insert('behind')).toMatchObject({ ...UNAVAILABLE, retryAfterMs: 5_000 });
    await endAll();
    expect(await before).toBe('before');
    const after = insert('after');
    await turn();
    await endAll();
    expect(await after).toBe('after');
  });

  test('are refused at once behind 5,000 others, of which those whose time is over do not count', async () => {
    await fillLanes();
    const all = Array.from({ length: 5_000 }, (_, at) => insert(`w${at}`, clock.monotonic() + 1_000));
    expect(await insert('one too many')).toMatchObject({ ...UNAVAILABLE, retryAfterMs: 1_000 });
    await clock.advance(1_000);
    const next = insert('next');
    expect(await all[0]).toMatchObject(UNAVAILABLE);
    await endAll();
    expect(await next).toBe('next');
  });
});
