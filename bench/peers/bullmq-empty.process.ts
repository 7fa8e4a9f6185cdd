import { Queue, Worker } from 'bullmq';
import { childInput, tellParent } from '../harness/child.ts';
import { type EmptyJobsReport, inParallel } from '../jobs/empty-jobs.ts';
import { type BullEmptyInput, QUEUE } from './bullmq.ts';

// Adds empty jobs and runs them, in one process, with BullMQ's own defaults but for the concurrency.
const { port, jobs, adding, concurrency } = childInput<BullEmptyInput>();
const connection = { host: '127.0.0.1', port };
const queue = new Queue(QUEUE, { connection });
const worker = new Worker(QUEUE, async () => ({}), { connection: { ...connection, maxRetriesPerRequest: null }, concurrency });
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
let left = jobs;
const allDone = new Promise<void>((resolve) => {
  worker.on('completed', () => {
    left -= 1;
    if (left === 0) resolve();
  });
});
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await inParallel(jobs, adding, () => queue.add('empty', {}));
await allDone;
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const completed = await queue.getCompletedCount();
if (completed !== jobs) throw new Error(`${jobs} jobs were added, ${completed} are completed`);
await worker.close();
await queue.close();
tellParent({ jobs, seconds, cpuSeconds: (user + system) / 1e6 } satisfies EmptyJobsReport);
