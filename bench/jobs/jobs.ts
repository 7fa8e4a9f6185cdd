import { startDatabase } from '../harness/database.ts';
import { describeMachine } from '../harness/machine.ts';
import { startRedis } from '../harness/redis.ts';
import { interleaved } from '../harness/rounds.ts';
import { percentile } from '../harness/statistics.ts';
import type { LoadPlan } from '../load/measure-server.ts';
import { acceptBull, acceptNothing, acceptVigilia } from './accept.ts';
import { jobsReport } from './jobs-report.ts';
import { emptyBull, emptyVigilia } from './run-empty.ts';

/** What is measured. */
export interface JobsOptions extends LoadPlan {
  readonly rounds: number;
  /** Empty jobs of ours in a sample; of BullMQ twice as many, so that both take seconds. */
  readonly jobs: number;
}

/** Who accepts. */
const ACCEPT = {
  nothing: 'bare Fastify route, nothing stored',
  everysec: 'Fastify and BullMQ, synced every second',
  always: 'Fastify and BullMQ, synced always',
  vigilia: 'Vigília into PostgreSQL',
} as const;
/** Who runs empty jobs. */
const EMPTY = {
  everysec: 'BullMQ, 5 at once, synced every second',
  always: 'BullMQ, 5 at once, synced always',
  one: 'Vigília, one account (4 at once)',
  four: 'Vigília, four accounts (16 at once)',
  sixteen: 'Vigília, sixteen accounts (64 at once)',
} as const;
/** Submissions under way at once. */
const ADDING = 100;
const BULL_TIMES = 2;
const BULL_CONCURRENCY = 5;

/** Measures and @returns the section's text */
export async function runJobs(options: JobsOptions, say: (line: string) => void): Promise<string> {
  const { rounds, jobs, perSecond: rate } = options;
  const machine = describeMachine();
  const database = await startDatabase();
  // As durable as the other side: what an accepted job is worth is that it is there after a power cut.
  if (!database.settings.includes('fsync=on, synchronous_commit=on')) throw new Error(`not durable: ${database.settings}`);
  const [always, everysec] = [await startRedis('always'), await startRedis('everysec')];
  const accept = await interleaved(
    [
      { name: ACCEPT.nothing, run: () => acceptNothing(options) },
      { name: ACCEPT.everysec, run: () => acceptBull(everysec, options) },
      { name: ACCEPT.always, run: () => acceptBull(always, options) },
      { name: ACCEPT.vigilia, run: () => acceptVigilia(database, options) },
    ],
    rounds,
    (name, round, { perSecond, steadyMs }) =>
      say(`round ${round}: ${name}: ${perSecond.toFixed(0)}/s; at ${rate}/s p99 ${percentile(steadyMs, 0.99).toFixed(1)} ms`),
  );
  const [ours, theirs] = [
    { jobs, adding: ADDING },
    { jobs: jobs * BULL_TIMES, adding: ADDING },
  ];
  const empty = await interleaved(
    [
      { name: EMPTY.everysec, run: () => emptyBull(everysec, theirs, BULL_CONCURRENCY) },
      { name: EMPTY.always, run: () => emptyBull(always, theirs, BULL_CONCURRENCY) },
      { name: EMPTY.one, run: () => emptyVigilia(database, ours, 1) },
      { name: EMPTY.four, run: () => emptyVigilia(database, ours, 4) },
      { name: EMPTY.sixteen, run: () => emptyVigilia(database, ours, 16) },
    ],
    rounds,
    (name, round, sample) => say(`round ${round}: ${name}: ${(sample.jobs / sample.seconds).toFixed(0)} empty jobs/s`),
  );
  return jobsReport({
    machine,
    plan: options,
    rounds,
    servers: [`${database.version} (${database.settings})`, always.version],
    accept: { measured: accept, reference: ACCEPT.always, vigilia: ACCEPT.vigilia },
    empty: { measured: empty, reference: EMPTY.always, vigilia: EMPTY.four, adding: ADDING },
  });
}
