import { describe, expect, it } from 'vitest';
import { aimText } from '../../bench/harness/aim.ts';
import type { Machine } from '../../bench/harness/machine.ts';
import { jobsReport } from '../../bench/jobs/jobs-report.ts';
import type { ServerSample } from '../../bench/load/measure-server.ts';
import { readCommand } from '../../bench/options.ts';
import { readsReport } from '../../bench/reads/reads-report.ts';
import { judgeGrowth } from '../../bench/soak/growth.ts';
import { soakReport } from '../../bench/soak/soak-report.ts';
import { storeReport } from '../../bench/store/store-report.ts';

const MACHINE: Machine = {
  cpu: 'CPU',
  cores: 2,
  memoryBytes: 2 ** 34,
  os: 'OS',
  node: '20.19.0',
  date: '2026-01-02',
  loadBefore: 0,
};
const PLAN = { connections: 32, seconds: 6, warmUpSeconds: 2, perSecond: 1_000 };

/** A server that takes so much CPU for a request, its database as much again. */
function server(perSecond: number, p99Ms: number, micros: number): ServerSample {
  const ms = Array.from({ length: 100 }, (_, at) => (at < 98 ? 1 : p99Ms));
  return { answered: 1, perSecond, saturatedMs: ms, steadyMs: ms, cpuMicros: { server: micros, database: micros, load: 20 } };
}

describe('the jobs section', () => {
  const text = jobsReport({
    machine: MACHINE,
    plan: PLAN,
    rounds: 2,
    servers: ['PostgreSQL 17.1', 'Redis 7.0'],
    accept: {
      measured: [
        { name: 'theirs', samples: [server(10_000, 4, 50), server(20_000, 6, 50)] },
        { name: 'ours', samples: [server(7_000, 8, 100), server(14_000, 30, 100)] },
      ],
      reference: 'theirs',
      vigilia: 'ours',
    },
    empty: {
      measured: [
        { name: 'bull', samples: [{ jobs: 1_000, seconds: 1, cpuSeconds: 0.1, serverCpuSeconds: 0.2 }] },
        { name: 'one', samples: [{ jobs: 100, seconds: 0.2, cpuSeconds: 0.1, serverCpuSeconds: 0.05 }] },
      ],
      reference: 'bull',
      vigilia: 'one',
      adding: 100,
    },
  });

  it('compares servers within their rounds, by requests and by CPU time', () => {
    expect(text).toMatch(/^\| ours \| 10,500 \(7,000–14,000\) \| \*\*0\.70\*\* \(0\.70–0\.70\) \|/m);
    // 200 µs against 100 µs, the generator's own left out.
    expect(text).toMatch(
      /^\| ours \|.*\| 100 \(100–100\) \| 100 \(100–100\) \| 20 \(20–20\) \| \*\*0\.50\*\* \(0\.50–0\.50\) \|$/m,
    );
    expect(text).toContain('requests/s against BullMQ synced always: aim ≥ 0.8: **missed** (0.7).');
    expect(text).toContain('p99 at 1,000/s: aim ≤ 10 ms: **missed** (19 ms).');
  });

  it('compares empty jobs', () => {
    expect(text).toContain('| one | 500 (500–500) | **0.50** (0.50–0.50) | 1,000 (1,000–1,000) | 500 (500–500) |');
    expect(text).toContain('jobs/s against BullMQ synced always: aim ≥ 0.3: met (0.5).');
  });
});

it('the section of reads says whom the ratio is against, and leaves out what was not measured', () => {
  const results = { machine: MACHINE, plan: PLAN, rounds: 1, servers: [], bytes: 34_000, channels: 20, limit: 50 };
  const measured = [
    { name: 'redis', samples: [server(10_000, 2, 50)] },
    { name: 'ours', samples: [server(9_000, 3, 50)] },
  ];
  const text = readsReport({ ...results, reference: 'redis', vigilia: 'ours', measured });
  expect(text).toContain('requests/s against one GET of Redis behind Fastify: aim ≥ 0.8: met (0.9).');
  expect(text).toContain('p99 at 1,000/s: aim ≤ 5 ms: met (3 ms).');
  const alone = readsReport({ ...results, reference: 'redis', vigilia: 'ours', measured: measured.slice(0, 1) });
  expect(alone).not.toContain('Aims');
});

it('the section of the store judges polls, de-duplication and analytics', () => {
  const poll = { polls: 1_000, posts: 10, waitedSeconds: 1 };
  const text = storeReport({
    machine: MACHINE,
    rounds: 1,
    servers: [],
    pattern: { channels: 20, consumers: 3, pollMs: 5_000, postMs: 60_000, spanMs: 600_000 },
    polling: {
      measured: [
        { name: 'query', samples: [{ ...poll, hitRate: Number.NaN, cpuSeconds: 2 }] },
        { name: 'reader', samples: [{ ...poll, hitRate: 0.96, cpuSeconds: 0.2 }] },
      ],
      reference: 'query',
      vigilia: 'reader',
    },
    dedup: [
      [
        { batch: 200, perMessageMs: 0.05, batchP99Ms: 20 },
        { batch: 1, perMessageMs: 2, batchP99Ms: 9 },
      ],
    ],
    messages: 1_000_000,
    analytics: [
      { question: 'a week', tookMs: [1, 2], hours: 168 },
      { question: 'a year', tookMs: [30, 60], hours: 8_640 },
    ],
  });
  expect(text).toContain(
    '| reader | 200 (200–200) | **0.10** (0.10–0.10) | 1,000 (1,000–1,000) | **1.00** (1.00–1.00) | 96 (96–96) |',
  );
  expect(text).toContain('against a query a poll: aim ≤ 0.05: **missed** (0.1).');
  expect(text).toContain('polls that Redis answers: aim ≥ 0.75: met (0.96).');
  expect(text).toContain('batched: aim ≤ 0.2 ms: met (0.05 ms).');
  expect(text).toContain('hours of a year, p99: aim ≤ 50 ms: **missed** (60 ms).');
});

it('the soak section says what grows', () => {
  const bytes = Array.from({ length: 60 }, (_, at) => 40e6 + at * 1e6);
  const growth = judgeGrowth(
    bytes.map((value, at) => ({ atMs: at * 5_000, bytes: value })),
    { fromMs: 0, allowedBytes: 3e6 },
  );
  const process = {
    loadedRssBytes: bytes,
    restedRssBytes: 100e6,
    usedBytes: bytes,
    totalBytes: bytes,
    heap: growth,
    rss: growth,
  };
  const text = soakReport({
    machine: MACHINE,
    options: { minutes: 5, posts: 20, reads: 100 },
    servers: [],
    warmUp: 0.4,
    processes: [
      { name: 'worker', idleRssBytes: 151e6, ...process },
      { name: 'gateway', idleRssBytes: 80e6, ...process, heap: { ...growth, isGrowing: false } },
    ],
    work: { posts: 6_000, reads: 30_000, jobs: 60 },
  });
  expect(text).toMatch(/^\| worker \| 151 \|.*\| 12,000 \(\*\*grows\*\*\) \| 1 \|/m);
  expect(text).toMatch(/^\| gateway \| 80 \|.*\| 12,000 \| 1 \|/m);
  expect(text).toContain('finds 1,000 KB a minute');
});

it('aims of which nothing was measured are not spoken of', () => {
  expect(aimText([{ what: 'nothing', value: Number.NaN, atMost: 1 }])).toBe('');
});

it.each([
  ['jobs', { rounds: 3, seconds: 6, perSecond: 1_000, connections: 32, jobs: 9_000 }],
  ['reads', { rounds: 3, perSecond: 1_000, peers: ['route', 'redis', 'vigilia'] }],
  ['store', { rounds: 3, messages: 1_000_000, postSeconds: 60 }],
  ['soak', { minutes: 5, posts: 20, reads: 100 }],
])('%s has its sizes by default', (name, options) => {
  expect(readCommand([name])).toMatchObject({ name, options });
});
