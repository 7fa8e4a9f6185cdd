import pg from 'pg';
import { resultOf } from '../harness/child.ts';
import type { BenchDatabase } from '../harness/database.ts';
import { BENCH_WORLD, withStore } from '../harness/gateway.ts';
import { cpuSecondsOfFamily } from '../harness/process-usage.ts';
import type { BenchRedis } from '../harness/redis.ts';
import type { BullEmptyInput } from '../peers/bullmq.ts';
import type { EmptyJobsInput, EmptyJobsReport, EmptyJobsSample } from './empty-jobs.ts';

/** How empty jobs are submitted. */
export interface EmptyPlan {
  readonly jobs: number;
  readonly adding: number;
}

/** Runs them in a process with everything of ours but HTTP and Telegram. @throws Error when not every one is stored as completed, with its history */
export function emptyVigilia(database: BenchDatabase, { jobs, adding }: EmptyPlan, accounts: number): Promise<EmptyJobsSample> {
  return database.withDatabase(async (databaseUrl) => {
    // The schema is not what is measured.
    await withStore(databaseUrl, async () => {});
    const pid = database.server.pid();
    const before = cpuSecondsOfFamily(pid);
    const input: EmptyJobsInput = { databaseUrl, world: BENCH_WORLD, accounts, jobs, adding };
    const report = await resultOf<EmptyJobsReport>(new URL('./empty-jobs.process.js', import.meta.url), input);
    const serverCpuSeconds = cpuSecondsOfFamily(pid) - before;
    await checkCompleted(databaseUrl, jobs);
    return { ...report, serverCpuSeconds };
  });
}

/** Runs them with BullMQ. @throws Error when not every one is completed */
export async function emptyBull(redis: BenchRedis, { jobs, adding }: EmptyPlan, concurrency: number): Promise<EmptyJobsSample> {
  await redis.flush();
  const before = await redis.cpuSeconds();
  const input: BullEmptyInput = { port: redis.port, jobs, adding, concurrency };
  const report = await resultOf<EmptyJobsReport>(new URL('../peers/bullmq-empty.process.js', import.meta.url), input);
  return { ...report, serverCpuSeconds: (await redis.cpuSeconds()) - before };
}

async function checkCompleted(url: string, jobs: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const [row] = (
      await client.query(`SELECT (SELECT count(*) FROM jobs WHERE status = 'completed') AS completed,
        (SELECT count(*) FROM jobs) AS all, (SELECT count(*) FROM job_events WHERE event = 'COMPLETE') AS told`)
    ).rows;
    const counts = [row.completed, row.all, row.told].map(Number);
    if (counts.some((count) => count !== jobs))
      throw new Error(`of ${jobs} jobs, completed, stored and told: ${counts.join(', ')}`);
  } finally {
    await client.end();
  }
}
