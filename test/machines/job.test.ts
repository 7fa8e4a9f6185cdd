import { describe, expect, test } from 'vitest';
import type { ErrorRecord } from '../../src/errors.ts';
import { JOB_MACHINE_VERSION, type JobMachineEvent, MAX_ATTEMPTS, MAX_LOST_IN_A_ROW } from '../../src/machines/job.machine.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import { JOB_STATUSES, type Job, type JobStatus, type OutboxEntry } from '../../src/ports.ts';
import { jobRow } from '../support/jobs.ts';

const NOW = 50_000;
const OWN = { token: 7, number: 2 };
const error: ErrorRecord = { code: 'TELEGRAM_TIMEOUT', fault: 'transient', message: 'no answer' };
const cancelled: ErrorRecord = { code: 'JOB_CANCELLED', fault: 'permanent', message: 'not wanted any more' };
const poison: ErrorRecord = { code: 'JOB_POISON', fault: 'permanent', message: 'five in a row' };
const earlier: ErrorRecord = { code: 'TELEGRAM_TRANSIENT', fault: 'transient', message: 'earlier' };
const checkpoint = { offsetId: 700 };

/** A row as it would be in each status, with an attempt and a loss behind it, so that a field that is wrongly reset shows. */
const ROWS: Readonly<Record<JobStatus, Job>> = {
  queued: jobRow({ status: 'queued', attempts: 1, claims: 1, lostInARow: 1, dueAt: NOW, checkpoint }),
  processing: jobRow({ status: 'processing', attempts: 1, claims: 2, lostInARow: 1, claim: OWN, dueAt: null, checkpoint }),
  delayed: jobRow({
    status: 'delayed',
    attempts: 1,
    claims: 1,
    lostInARow: 1,
    dueAt: NOW,
    error: earlier,
    reason: 'earlier',
    checkpoint,
  }),
  parked: jobRow({
    status: 'parked',
    attempts: 1,
    claims: 1,
    lostInARow: 1,
    dueAt: null,
    error: earlier,
    reason: 'earlier',
    checkpoint,
  }),
  completed: jobRow({ status: 'completed', attempts: 2, claims: 2, dueAt: null, result: { count: 1 }, endedAt: 40_000 }),
  failed: jobRow({ status: 'failed', attempts: 3, claims: 3, dueAt: null, error: earlier, reason: 'earlier', endedAt: 40_000 }),
  cancelled: jobRow({
    status: 'cancelled',
    attempts: 1,
    claims: 1,
    dueAt: null,
    error: cancelled,
    reason: 'x',
    endedAt: 40_000,
    cancelRequested: true,
  }),
};

/** One event of each kind, as the owner of the claim would send it. */
const EVENTS: { readonly [Type in JobMachineEvent['type']]: JobMachineEvent & { type: Type } } = {
  CLAIM: { type: 'CLAIM', now: NOW, token: 9 },
  PROGRESS: { type: 'PROGRESS', now: NOW, claim: OWN, progress: { done: 300, total: 500 }, checkpoint: { offsetId: 400 } },
  COMPLETE: { type: 'COMPLETE', now: NOW, claim: OWN, result: { count: 500 } },
  FAIL: { type: 'FAIL', now: NOW, claim: OWN, error, retryable: true, retryAt: NOW + 2_000 },
  THROTTLE: { type: 'THROTTLE', now: NOW, claim: OWN, error, retryAt: NOW + 86_400_000 },
  PARK: { type: 'PARK', now: NOW, claim: OWN, error },
  RELEASE: { type: 'RELEASE', now: NOW, claim: OWN, retryAt: NOW },
  LOST: { type: 'LOST', now: NOW, token: OWN.token + 1, poison },
  DUE: { type: 'DUE', now: NOW },
  UNPARK: { type: 'UNPARK', now: NOW },
  CANCEL: { type: 'CANCEL', now: NOW, error: cancelled },
  RETRY: { type: 'RETRY', now: NOW },
};

interface Row {
  readonly name: string;
  readonly from: JobStatus;
  readonly row?: Partial<Job>;
  readonly event: JobMachineEvent;
  /** What the step writes, besides the machine's version: no more and no less. */
  readonly set: Partial<Job>;
}

const ended = { claim: null, checkpoint: null, endedAt: NOW } as const;
const why = `${error.code}: ${error.message}`;
const whyCancelled = `${cancelled.code}: ${cancelled.message}`;

const ACCEPTED: readonly Row[] = [
  {
    name: 'queued + CLAIM: taken, with the next number and the owner’s token',
    from: 'queued',
    event: EVENTS.CLAIM,
    set: { status: 'processing', claims: 2, claim: { token: 9, number: 2 }, dueAt: null },
  },
  {
    name: 'queued + CANCEL: ends at once',
    from: 'queued',
    event: EVENTS.CANCEL,
    set: { status: 'cancelled', error: cancelled, reason: whyCancelled, dueAt: null, checkpoint: null, endedAt: NOW },
  },
  {
    name: 'processing + PROGRESS: keeps progress and checkpoint, and forgets earlier losses',
    from: 'processing',
    event: EVENTS.PROGRESS,
    set: { status: 'processing', progress: { done: 300, total: 500 }, checkpoint: { offsetId: 400 }, lostInARow: 0 },
  },
  {
    name: 'processing + PROGRESS, cancel wanted: the commit is the last one',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.PROGRESS,
    set: { status: 'cancelled', progress: { done: 300, total: 500 }, lostInARow: 0, ...ended },
  },
  {
    name: 'processing + COMPLETE: ends with its result, an attempt spent, an earlier error gone',
    from: 'processing',
    row: { error: earlier, reason: 'earlier' },
    event: EVENTS.COMPLETE,
    set: { status: 'completed', attempts: 2, result: { count: 500 }, error: null, reason: null, ...ended },
  },
  {
    name: 'processing + COMPLETE, cancel wanted: cancelled, without a result',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.COMPLETE,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + FAIL that may be retried: waits for its time, an attempt spent, its checkpoint kept',
    from: 'processing',
    event: EVENTS.FAIL,
    set: { status: 'delayed', attempts: 2, error, reason: why, dueAt: NOW + 2_000, claim: null },
  },
  {
    name: 'processing + FAIL of the last attempt: failed',
    from: 'processing',
    row: { attempts: MAX_ATTEMPTS - 1 },
    event: EVENTS.FAIL,
    set: { status: 'failed', attempts: MAX_ATTEMPTS, error, reason: why, ...ended },
  },
  {
    name: 'processing + FAIL that no retry can help: failed at once',
    from: 'processing',
    row: { attempts: 0 },
    event: { ...EVENTS.FAIL, retryable: false },
    set: { status: 'failed', attempts: 1, error, reason: why, ...ended },
  },
  {
    name: 'processing + FAIL, cancel wanted: cancelled, not retried',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.FAIL,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + THROTTLE: waits for Telegram’s time and spends no attempt',
    from: 'processing',
    event: EVENTS.THROTTLE,
    set: { status: 'delayed', error, reason: why, dueAt: NOW + 86_400_000, claim: null },
  },
  {
    name: 'processing + THROTTLE, cancel wanted: cancelled instead of waiting a day',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.THROTTLE,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + PARK: waits for its account, without a time, and spends no attempt',
    from: 'processing',
    event: EVENTS.PARK,
    set: { status: 'parked', error, reason: why, claim: null },
  },
  {
    name: 'processing + PARK, cancel wanted: cancelled',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.PARK,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + RELEASE: due again at once, its checkpoint kept, no attempt spent',
    from: 'processing',
    event: EVENTS.RELEASE,
    set: { status: 'queued', dueAt: NOW, claim: null },
  },
  {
    name: 'processing + RELEASE, cancel wanted: cancelled',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.RELEASE,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + LOST: due again at once; counts a loss, not an attempt',
    from: 'processing',
    event: EVENTS.LOST,
    set: { status: 'queued', lostInARow: 2, dueAt: NOW, claim: null },
  },
  {
    name: 'processing + LOST for the fifth time in a row: poison',
    from: 'processing',
    row: { lostInARow: MAX_LOST_IN_A_ROW - 1 },
    event: EVENTS.LOST,
    set: { status: 'failed', lostInARow: MAX_LOST_IN_A_ROW, error: poison, reason: poison.message, ...ended },
  },
  {
    name: 'processing + LOST, cancel wanted: cancelled',
    from: 'processing',
    row: { cancelRequested: true },
    event: EVENTS.LOST,
    set: { status: 'cancelled', ...ended },
  },
  {
    name: 'processing + CANCEL: noted for the next commit',
    from: 'processing',
    event: EVENTS.CANCEL,
    set: { status: 'processing', cancelRequested: true, error: cancelled, reason: whyCancelled },
  },
  {
    name: 'delayed + DUE: queued, the reason of its waiting gone',
    from: 'delayed',
    event: EVENTS.DUE,
    set: { status: 'queued', reason: null },
  },
  {
    name: 'delayed + CANCEL: ends at once',
    from: 'delayed',
    event: EVENTS.CANCEL,
    set: { status: 'cancelled', error: cancelled, reason: whyCancelled, dueAt: null, checkpoint: null, endedAt: NOW },
  },
  {
    name: 'parked + UNPARK: due at once',
    from: 'parked',
    event: EVENTS.UNPARK,
    set: { status: 'queued', dueAt: NOW, reason: null, error: null },
  },
  {
    name: 'parked + CANCEL: ends at once',
    from: 'parked',
    event: EVENTS.CANCEL,
    set: { status: 'cancelled', error: cancelled, reason: whyCancelled, checkpoint: null, endedAt: NOW },
  },
  {
    name: 'failed + RETRY: due at once as if it were new, but for the numbers of its claims',
    from: 'failed',
    row: { lostInARow: 5, progress: { done: 3, total: 9 } },
    event: EVENTS.RETRY,
    set: { status: 'queued', attempts: 0, lostInARow: 0, dueAt: NOW, progress: null, error: null, reason: null, endedAt: null },
  },
  {
    name: 'cancelled + RETRY: due at once, and not wanted to end any more',
    from: 'cancelled',
    event: EVENTS.RETRY,
    set: {
      status: 'queued',
      attempts: 0,
      dueAt: NOW,
      error: null,
      reason: null,
      cancelRequested: false,
      endedAt: null,
    },
  },
];

const TERMINAL = ['completed', 'failed', 'cancelled'];

describe('a job takes these events', () => {
  test.each(ACCEPTED)('$name', ({ from, row, event, set }) => {
    const job = { ...ROWS[from], ...row };
    const change = stepJob(job, [event]);
    expect(change?.set).toEqual({ ...set, machineVersion: JOB_MACHINE_VERSION });
    expect(change?.events).toEqual([{ event: event.type, from, to: set.status, detail: expect.any(Object) }]);
    const status = set.status ?? from;
    const after = { ...job, ...set };
    const shown = status === 'parked' ? 'delayed' : status;
    const news = {
      topic: `job.${shown}`,
      payload: {
        jobId: job.id,
        action: job.action,
        accountId: job.accountId,
        status: shown,
        attempts: after.attempts,
        progress: after.progress,
        reason: after.reason,
        error: after.error,
        nextAttemptAt: status === 'delayed' ? new Date(after.dueAt ?? 0).toISOString() : null,
      },
    };
    const progress = { topic: 'job.progress', payload: news.payload };
    expect(change?.outbox).toEqual(status !== from ? [news] : event.type === 'PROGRESS' ? [progress] : []);
  });
});

const REFUSED = JOB_STATUSES.flatMap((from) =>
  Object.values(EVENTS)
    .filter((event) => !ACCEPTED.some((row) => row.from === from && row.event.type === event.type))
    .map((event) => ({ from, event })),
);

describe('a job refuses every other event, and its row stays as it is', () => {
  test.each(REFUSED.filter(({ event }) => !('claim' in event)))('$from + $event.type', ({ from, event }) => {
    expect(stepJob(ROWS[from], [event])).toBeUndefined();
  });

  test.each(REFUSED.filter(({ event }) => 'claim' in event))('$from + $event.type: JOB_NOT_CLAIMED', ({ from, event }) => {
    expect(() => stepJob(ROWS[from], [event])).toThrow(expect.objectContaining({ code: 'JOB_NOT_CLAIMED' }));
  });

  const reports = Object.values(EVENTS).filter((event) => 'claim' in event);
  const stale = [
    ['an older token', { token: 6, number: 2 }],
    ['a newer token', { token: 8, number: 2 }],
    ['an earlier claim of the same owner', { token: 7, number: 1 }],
  ] as const;
  test.each(reports.flatMap((event) => stale.map(([what, claim]) => ({ event, what, claim }))))(
    'processing + $event.type under $what: JOB_NOT_CLAIMED',
    ({ event, claim }) => {
      for (const cancelRequested of [false, true]) {
        expect(() => stepJob({ ...ROWS.processing, cancelRequested }, [{ ...event, claim } as JobMachineEvent])).toThrow(
          expect.objectContaining({ code: 'JOB_NOT_CLAIMED' }),
        );
      }
    },
  );

  test.each(['queued', 'delayed'] as const)('%s before it is due', (from) => {
    const event = from === 'queued' ? EVENTS.CLAIM : EVENTS.DUE;
    expect(stepJob({ ...ROWS[from], dueAt: NOW + 1 }, [event])).toBeUndefined();
  });

  test.each([OWN.token, OWN.token - 1])('processing + LOST by an owner that is not newer than the claim (token %d)', (token) => {
    for (const cancelRequested of [false, true]) {
      expect(stepJob({ ...ROWS.processing, cancelRequested }, [{ ...EVENTS.LOST, token }])).toBeUndefined();
    }
  });
});

describe('stepping a row', () => {
  test('takes several events as one change, with a line of history each', () => {
    const change = stepJob(ROWS.delayed, [EVENTS.DUE, EVENTS.CLAIM]);
    expect(change?.set).toMatchObject({ status: 'processing', claim: { token: 9, number: 2 }, dueAt: null, reason: null });
    expect(change?.events.map(({ event, from, to }) => [event, from, to])).toEqual([
      ['DUE', 'delayed', 'queued'],
      ['CLAIM', 'queued', 'processing'],
    ]);
  });

  test('takes none of several events when one of them is refused', () => {
    expect(stepJob(ROWS.delayed, [EVENTS.DUE, EVENTS.UNPARK])).toBeUndefined();
  });

  test('refuses a row that a newer machine has stepped', () => {
    expect(() => stepJob(jobRow({ machineVersion: JOB_MACHINE_VERSION + 1 }), [EVENTS.CLAIM])).toThrow(
      expect.objectContaining({ code: 'SCHEMA_TOO_NEW' }),
    );
  });

  test('leaves the row it was given alone', () => {
    const job = Object.freeze({ ...ROWS.processing, claim: Object.freeze({ ...OWN }) });
    expect(stepJob(job, [EVENTS.COMPLETE])?.set.status).toBe('completed');
    expect(job.claim).toEqual(OWN);
  });

  test.each([
    [EVENTS.CLAIM, 'queued', { token: 9 }],
    [EVENTS.PROGRESS, 'processing', { done: 300, total: 500 }],
    [EVENTS.COMPLETE, 'processing', {}],
    [EVENTS.FAIL, 'processing', { error, retryAt: NOW + 2_000 }],
    [EVENTS.THROTTLE, 'processing', { error, retryAt: NOW + 86_400_000 }],
    [EVENTS.PARK, 'processing', { error }],
    [EVENTS.CANCEL, 'queued', { error: cancelled }],
  ] as const)('keeps of %o what its history needs, and neither result nor checkpoint', (event, from, detail) => {
    expect(stepJob(ROWS[from], [event])?.events[0]?.detail).toEqual(detail);
  });
});

/** A row that is carried through its life, as the store would. */
class Life {
  job: Job = jobRow();
  readonly outbox: OutboxEntry[] = [];
  #now = 2_000;

  /** What the world was told of how it ended. */
  get ends(): readonly OutboxEntry[] {
    return this.outbox.filter(({ payload }) => TERMINAL.includes(String(payload.status)));
  }

  take(...events: readonly Record<string, unknown>[]): this {
    for (const event of events) {
      this.#now = Math.max(this.#now, this.job.dueAt ?? 0) + 1;
      const filled = { now: this.#now, claim: this.job.claim, error, poison, ...event } as unknown as JobMachineEvent;
      const change = stepJob(this.job, [filled]);
      if (!change) throw new Error(`${filled.type} was refused by a ${this.job.status} job`);
      this.job = { ...this.job, ...change.set };
      this.outbox.push(...change.outbox);
    }
    return this;
  }
}

const claim = { type: 'CLAIM', token: 1 };
const fail = { type: 'FAIL', retryable: true, retryAt: 9_000 };

describe('over a job’s life', () => {
  test('three failed attempts in all', () => {
    const life = new Life().take(claim, fail);
    expect(life.job).toMatchObject({ status: 'delayed', attempts: 1 });
    life.take({ type: 'DUE' }, claim, fail);
    expect(life.job).toMatchObject({ status: 'delayed', attempts: 2 });
    life.take({ type: 'DUE' }, claim, fail);
    expect(life.job).toMatchObject({ status: 'failed', attempts: 3, claims: 3 });
    expect(life.ends).toHaveLength(1);
  });

  test('any number of flood waits spends no attempt', () => {
    const life = new Life();
    for (let i = 0; i < 50; i++) {
      life.take(...(i === 0 ? [] : [{ type: 'DUE' }]), claim, { type: 'THROTTLE', retryAt: 5_000 + i * 1_000 });
    }
    expect(life.job).toMatchObject({ status: 'delayed', attempts: 0, claims: 50 });
    expect(life.take({ type: 'DUE' }, claim, { type: 'COMPLETE', result: {} }).job).toMatchObject({
      status: 'completed',
      attempts: 1,
    });
  });

  test('five workers lost in a row without progress are poison', () => {
    const life = new Life();
    for (let token = 1; token <= MAX_LOST_IN_A_ROW; token++) {
      life.take({ type: 'CLAIM', token }, { type: 'LOST', token: token + 1 });
    }
    expect(life.job).toMatchObject({ status: 'failed', attempts: 0, error: { code: 'JOB_POISON' } });
    expect(life.ends).toHaveLength(1);
  });

  test('a page between losses is progress: the counting begins anew', () => {
    const life = new Life();
    for (let token = 1; token <= 20; token++) {
      const page = { type: 'PROGRESS', progress: { done: token, total: null }, checkpoint: { token } };
      life.take({ type: 'CLAIM', token }, ...(token % 4 === 0 ? [page] : []), { type: 'LOST', token: token + 1 });
    }
    expect(life.job).toMatchObject({ status: 'queued', claims: 20, progress: { done: 20 }, checkpoint: { token: 20 } });
  });

  test('a job that was told to end never starts again, whatever becomes of its run', () => {
    for (const end of [
      { type: 'PROGRESS', progress: { done: 1, total: 2 }, checkpoint: {} },
      { type: 'COMPLETE', result: {} },
      fail,
      { type: 'THROTTLE', retryAt: 99_000 },
      { type: 'PARK' },
      { type: 'RELEASE', retryAt: 99_000 },
      { type: 'LOST', token: 2 },
    ]) {
      const life = new Life().take(claim, { type: 'CANCEL', error: cancelled }, end);
      expect(life.job, end.type).toMatchObject({ status: 'cancelled', result: null, error: cancelled });
      expect(life.ends).toHaveLength(1);
    }
  });

  test('the world hears of each change once, and of progress once a second at most', () => {
    const progress = (done: number) => ({ type: 'PROGRESS', progress: { done, total: 9 }, checkpoint: {} });
    let job: Job = jobRow({ updatedAt: 10_000 });
    const told: string[] = [];
    const take = (now: number, event: Record<string, unknown>): void => {
      const filled = { now, claim: job.claim, error, poison, ...event } as unknown as JobMachineEvent;
      const change = stepJob(job, [filled]);
      if (!change) throw new Error(`${filled.type} was refused`);
      job = { ...job, ...change.set, updatedAt: now };
      for (const { topic, payload } of change.outbox)
        told.push(`${now} ${topic} ${(payload.progress as { done: number } | null)?.done ?? '-'}`);
    };
    take(10_100, claim);
    take(10_200, progress(1));
    take(10_999, progress(2));
    take(11_000, progress(3));
    take(11_500, progress(4));
    take(13_700, progress(5));
    take(13_800, { type: 'PARK' });
    take(13_900, { type: 'UNPARK' });
    take(14_000, claim);
    take(15_000, { type: 'COMPLETE', result: {} });
    expect(told).toEqual([
      '10100 job.processing -',
      '11000 job.progress 3',
      '13700 job.progress 5',
      '13800 job.delayed 5',
      '13900 job.queued 5',
      '14000 job.processing 5',
      '15000 job.completed 5',
    ]);
  });
});
