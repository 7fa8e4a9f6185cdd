import { describe, expect, it } from 'vitest';
import type { AccountHealth, HealthReport } from '../../src/ports.ts';
import { liesIn } from './honesty.ts';
import { judgeJobs, judgeStream } from './judge.ts';
import type { StreamRow } from './ledger.ts';
import { growthIn } from './memory.ts';
import type { Fault } from './plan.ts';
import { Recoveries } from './recoveries.ts';
import { Subscriber } from './subscriber.ts';

const NOW = 1_000_000;

function account(changes: Partial<AccountHealth> = {}): AccountHealth {
  return {
    id: 'main',
    state: 'authenticated',
    since: 0,
    lastPongAgeMs: 100,
    lastRpcAgeMs: 100,
    lastUpdateAgeMs: 100,
    gaps: 0,
    lease: { worker: 'one', token: 1, expiresInMs: 9_000, evidenceAgeMs: 100 },
    ...changes,
  };
}

function report(status: HealthReport['status'], accounts: readonly AccountHealth[]): HealthReport {
  const up = { kind: 'some', state: 'up', since: 0 };
  const dependencies = { store: up, broker: up, cache: up };
  return { status, accounts, dependencies, simulated: true, notes: [] } as unknown as HealthReport;
}

describe('the judge of jobs', () => {
  const accepted = new Map(['a', 'b'].map((jobId) => [jobId, { jobId, channel: 'x', key: undefined }]));
  const row = (id: string, status: string, ends: number) =>
    [id, { id, status, error: null, claims: 1, attempts: 1, ends }] as const;
  const once = new Map([
    ['a', 1],
    ['b', 1],
  ]);

  it('lets pass what ended once, well or not', () => {
    const { outcomes, findings } = judgeJobs(accepted, new Map([row('a', 'completed', 1), row('b', 'failed', 1)]), once);
    expect(findings).toEqual([]);
    expect([...outcomes]).toEqual([
      ['completed', 1],
      ['failed with null', 1],
    ]);
  });

  it.each([
    ['is not there', [row('a', 'completed', 1)], once, /there is no such job/],
    ['has not ended', [row('a', 'completed', 1), row('b', 'processing', 0)], once, /is processing/],
    ['ended twice', [row('a', 'completed', 2), row('b', 'completed', 1)], once, /ended 2 times/],
    ['was told of twice', [row('a', 'completed', 1), row('b', 'completed', 1)], new Map([...once, ['a', 2]]), /told 2 times/],
    ['was not told of', [row('a', 'completed', 1), row('b', 'completed', 1)], new Map([['a', 1]]), /told 0 times/],
  ])('finds one that %s', (_, rows, told, finding) => {
    expect(judgeJobs(accepted, new Map(rows), told).findings).toEqual([expect.stringMatching(finding)]);
  });
});

describe('the judge of the stream', () => {
  const rows: readonly StreamRow[] = ['job.completed', 'message.new.-1', 'job.failed'].map((topic, at) => ({
    position: at + 1,
    topic,
    payload: { jobId: `job-${at}` },
  }));
  const ledger = (some: readonly StreamRow[]) => ({
    async *stream() {
      yield* some;
    },
  });
  const subscriber = (topics: string | undefined, positions: readonly number[]): Subscriber => {
    const one = new Subscriber('one', '', topics, () => {});
    for (const position of positions) one.heard.set(position, { topic: rows[position - 1]?.topic ?? '', digest: 0 });
    return one;
  };

  it('lets pass who heard all that was for him', async () => {
    const { findings, endsTold, events } = await judgeStream(ledger(rows), [
      subscriber(undefined, [1, 2, 3]),
      subscriber('job', [1, 3]),
    ]);
    expect({ findings, events, ends: [...endsTold.keys()] }).toEqual({ findings: [], events: 3, ends: ['job-0', 'job-2'] });
  });

  it('finds what was not heard, what was too much, and holes in the stream itself', async () => {
    expect((await judgeStream(ledger(rows), [subscriber(undefined, [1, 3])])).findings[0]).toMatch(
      /has not heard 2, message.new/,
    );
    expect((await judgeStream(ledger(rows), [subscriber('job', [1, 2, 3])])).findings[0]).toMatch(
      /heard 2, which is message.new/,
    );
    expect((await judgeStream(ledger(rows.toSpliced(1, 1)), [])).findings[0]).toMatch(/has 3 where 2 should be/);
  });
});

describe('the judge of health', () => {
  const truth = { workerAwaySince: new Map<string, number>(), simulatorAwaySince: undefined };

  it('lets honest reports pass', () => {
    expect(liesIn(report('ok', [account()]), 200, NOW, truth)).toEqual([]);
    expect(liesIn(report('down', [account({ state: 'unknown' })]), 503, NOW, truth)).toEqual([]);
  });

  it('finds reports that say too much', () => {
    expect(liesIn(report('ok', [account(), account({ id: 'b', state: 'backoff' })]), 200, NOW, truth)).toHaveLength(1);
    expect(liesIn(report('degraded', [account({ lastPongAgeMs: 80_000 })]), 200, NOW, truth)).toHaveLength(1);
    expect(liesIn(report('down', [account({ state: 'unknown' })]), 200, NOW, truth)).toHaveLength(1);
    const away = { ...truth, workerAwaySince: new Map([['one', NOW - 13_000]]) };
    expect(liesIn(report('ok', [account()]), 200, NOW, away)).toHaveLength(1);
    expect(liesIn(report('ok', [account()]), 200, NOW, { ...truth, simulatorAwaySince: NOW - 13_000 })).toHaveLength(1);
  });
});

describe('recoveries', () => {
  const fault: Fault = { number: 1, target: 'worker-1', kind: 'kill', atMs: 0, forMs: 0, pairedWith: null };
  const sight = (askedAt: number, accounts: readonly AccountHealth[]) => ({
    askedAt,
    reports: { 'worker-1': report('ok', accounts) },
    isReady: true,
    lastAnswerAt: askedAt,
  });

  it('count from the end of the cause to the first evidence of after it', () => {
    const recoveries = new Recoveries();
    recoveries.note(sight(NOW, [account(), account({ id: 'second' })]));
    recoveries.begin(fault);
    recoveries.note(sight(NOW + 100, [account(), account({ id: 'second' })]));
    recoveries.end(fault, NOW + 200);
    // Heard before its end; not all of those it had.
    recoveries.note(sight(NOW + 250, [account(), account({ id: 'second' })]));
    recoveries.note(sight(NOW + 400, [account()]));
    expect(recoveries.pending).toEqual([fault]);
    recoveries.note(sight(NOW + 900, [account(), account({ id: 'second' })]));
    expect(recoveries).toMatchObject({ pending: [], done: [{ fault, tookMs: 700 }] });
  });
});

describe('the judge of memory', () => {
  const life = (rss: (at: number) => number, minutes = 30) =>
    Array.from({ length: minutes * 12 }, (_, at) => ({
      process: 'worker',
      life: 1,
      atMs: at * 5_000,
      rssBytes: rss(at / (minutes * 12)) * 2 ** 20,
    }));

  it('finds what grows without bound, and lets pass what fills up, and what lives shortly', () => {
    expect(growthIn(life((at) => 100 + 200 * at))).toEqual([expect.stringContaining('grows')]);
    expect(growthIn(life((at) => 200 - 100 * Math.exp(-10 * at)))).toEqual([]);
    expect(growthIn(life((at) => 100 + 200 * at, 5))).toEqual([]);
    expect(growthIn(life(() => 600, 1))).toEqual([expect.stringContaining('has come to hold')]);
  });
});
