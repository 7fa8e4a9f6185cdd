import { describe, expect, it } from 'vitest';
import type { Machine } from '../../bench/harness/machine.ts';
import type { HistoryRun } from '../../bench/history/history-peers.ts';
import { historyReport } from '../../bench/history/history-report.ts';
import { liveReport } from '../../bench/live/live-report.ts';
import { runtimeReport } from '../../bench/runtime/runtime-report.ts';
import { startReport } from '../../bench/start/start-report.ts';

const MACHINE: Machine = {
  cpu: 'CPU',
  cores: 2,
  memoryBytes: 2 ** 34,
  os: 'OS',
  node: '20.19.0',
  date: '2026-01-02',
  loadBefore: 0,
};

/** A run that read 1,000 messages in these seconds. */
function run(seconds: number, changes: Partial<HistoryRun> = {}): HistoryRun {
  return {
    kind: 'light',
    messages: 1_000,
    seconds,
    cpuSeconds: seconds,
    rssBytes: 100e6,
    peakRssBytes: 120e6,
    wireBytes: 70_000,
    actorEvents: Number.NaN,
    simulatorCpuSeconds: 0.01,
    databaseCpuSeconds: Number.NaN,
    pages: { asked: 11, remembered: 11 },
    ...changes,
  };
}

function history(theirs: readonly HistoryRun[], ours: readonly HistoryRun[]): string {
  return historyReport({
    machine: MACHINE,
    messages: 1_000,
    rounds: theirs.length,
    seed: 1,
    tlBytes: { light: 255, rich: 1_600 },
    database: { version: 'PostgreSQL 17.1', settings: 'fsync=on' },
    recorderMicros: 2,
    kinds: [
      {
        kind: 'light',
        peers: [
          { name: 'gramjs', samples: theirs },
          { name: 'postgresql', samples: ours },
        ],
      },
    ],
  });
}

describe('the history section', () => {
  // The second round is a slow one for both.
  const theirs = [run(1), run(4), run(1)];

  it('has a row for each peer: absolute figures, and the ratio to the first of the same round', () => {
    const ours = [0.5, 2, 0.5].map((seconds) =>
      run(seconds, { databaseCpuSeconds: 0.2, wireBytes: Number.NaN, actorEvents: 10 }),
    );
    const text = history(theirs, ours);
    expect(text).toContain(
      '| bare GramJS loop, nothing stored | 1,000 (250–1,000) | **1.00** (1.00–1.00) | 1 (1–4) | – | 0.01 (0.01–0.01) | 120 (120–120) | 100 (100–100) |',
    );
    expect(text).toContain(
      '| Vigília into PostgreSQL | 2,000 (500–2,000) | **2.00** (2.00–2.00) | 0.5 (0.5–2) | 0.2 (0.2–0.2) |',
    );
    expect(text).toContain('255 B of TL a message, 70 B on the wire');
    expect(text).toContain('Aim: Vigília into PostgreSQL at 1.5 times the bare loop: met (2.00).');
    // 10 events of 2 µs in half a second.
    expect(text).toContain('handle 10 events, and recording one costs 2 µs: at most 0.004 % of');
    expect(text).toContain('PostgreSQL 17.1; 2026-01-02');
    expect(text).toContain('fsync=on');
  });

  it('says when the aim was missed', () => {
    expect(history(theirs, [run(1), run(4), run(1)])).toContain('**missed** (1.00)');
  });

  it('says when the simulator, and not a peer, may have set the speed', () => {
    expect(history(theirs, theirs)).not.toContain('may limit');
    const slowed = [run(1), run(1), run(1, { simulatorCpuSeconds: 0.7 })];
    expect(history(theirs, slowed)).toContain('busy for 70 % of a run — **so it may limit the fastest peer**');
  });

  it('says when the machine was full, and with whom', () => {
    const full = [0, 1, 2].map(() => run(1, { cpuSeconds: 1.2, databaseCpuSeconds: 0.7 }));
    expect(history(theirs, full)).toContain("The machine's 2 cores were full with: Vigília into PostgreSQL.");
  });
});

describe('the runtime section', () => {
  it('has a row for each operation, with the ratio to bare actors', () => {
    const sample = (micros: number) => ({ spawn: micros, stop: micros, restart: micros, send: micros });
    const text = runtimeReport({
      machine: MACHINE,
      rounds: 2,
      count: 100,
      peers: [
        { name: 'bare', samples: [sample(10), sample(20)] },
        { name: 'supervised', samples: [sample(30), sample(80)] },
      ],
      rest: {
        restSeconds: 60,
        databaseVersion: 'PostgreSQL 17.1',
        parts: { nothing: 0.001, gauge: 0.004, presence: 0.011 },
        worker: { alone: 0.02, lookedAt: 0.03 },
        gateway: { alone: 0.01, lookedAt: 0.04 },
      },
    });
    expect(text.match(/\| 15 \(10–20\) \| 55 \(30–80\) \| \*\*3\.50\*\* \(3\.00–4\.00\) \|$/gm)).toHaveLength(4);
    expect(text).toContain('Events per CPU second: bare XState actors 66,667; supervised 18,182.');
    expect(text).toContain('| `gateway`, a page looks at the worker | 4.00 % | 3.00 % |');
    expect(text).toContain('costs 1.00 % of a core at rest: below the 2.00 %');
  });
});

describe('the start section', () => {
  it('compares start times and memory with their aims', () => {
    const text = startReport({
      machine: MACHINE,
      rounds: 1,
      restSeconds: 30,
      databaseVersion: 'PostgreSQL 17.1',
      starts: [
        { name: 'bare', samples: [{ startMs: 400 }], aimMs: undefined },
        { name: 'ours', samples: [{ startMs: 900 }], aimMs: 1_000 },
      ],
      memory: [
        { name: 'gateway', rssBytes: 119e6, aimBytes: 120e6 },
        { name: 'worker', rssBytes: 151e6, aimBytes: 150e6 },
        { name: 'all', rssBytes: 300e6, aimBytes: undefined },
      ],
    });
    expect(text).toContain('| bare | 400 (400–400) | **1.00** (1.00–1.00) |  |');
    expect(text).toContain('| ours | 900 (900–900) | **2.25** (2.25–2.25) | ≤ 1,000: met |');
    expect(text).toContain('| gateway | 119 | ≤ 120: met |');
    expect(text).toContain('| worker | 151 | ≤ 150: **missed** |');
    expect(text).toContain('| all | 300 |  |');
  });
});

describe('the live report', () => {
  const push = (latenciesMs: readonly number[], ratePerSecond: number) => ({
    ratePerSecond,
    postedPerSecond: ratePerSecond,
    posts: latenciesMs.length,
    twice: 0,
    latenciesMs,
  });
  const report = (rounds: readonly (readonly number[])[], rate: number, caughtUpMs: readonly number[]): string =>
    liveReport({
      machine: MACHINE,
      rounds: rounds.length,
      seconds: 10,
      databaseVersion: 'PostgreSQL 16',
      databaseSettings: 'fsync=on',
      push: [{ name: 'one process', samples: rounds.map((latencies) => [push(latencies, rate)]) }],
      takeovers: caughtUpMs.map((ms) => ({ authenticatedMs: ms / 2, caughtUpMs: ms })),
    });

  it('gives the median of the rounds of each percentile, and says whether the aim is met', () => {
    const met = report(
      [
        [1, 2, 3],
        [5, 6, 40],
        [8, 9, 10],
      ],
      500,
      [1_000, 1_500],
    );
    expect(met).toContain('| one process | 500 | 500 | 6 (2–9) | 10 (3–40) | 10 (3–40) | ≤ 10 and ≤ 50: met |');
    expect(met).toContain('| authenticated | 625 (500–750) |  |');
    expect(met).toContain('| caught up | 1,250 (1,000–1,500) | ≤ 2,000: met |');
    expect(report([[11, 12]], 500, [2_001])).toContain('≤ 10 and ≤ 50: **missed** |');
    expect(report([[11, 12]], 500, [2_001])).toContain('≤ 2,000: **missed** |');
    expect(report([[1, 1, 51]], 10, [])).toContain('**missed**');
  });

  it('has no aim above 500 a second, and no table of kills where there were none', () => {
    const text = report([[100]], 1_000, []);
    expect(text).toContain('| one process | 1,000 | 1,000 | 100 (100–100) | 100 (100–100) | 100 (100–100) |  |');
    expect(text).not.toContain('caught up');
  });
});
