import { Queue } from 'bullmq';
import pg from 'pg';
import type { BenchDatabase } from '../harness/database.ts';
import { TOKEN_HEADER, withGateway } from '../harness/gateway.ts';
import { cpuSecondsOfFamily, usageOf } from '../harness/process-usage.ts';
import type { BenchRedis } from '../harness/redis.ts';
import type { Expectation } from '../load/expectation.ts';
import { type LoadPlan, measureServer, type ServerSample } from '../load/measure-server.ts';
import type { LoadRequest } from '../load/request-bytes.ts';
import { type BullAcceptInput, QUEUE } from '../peers/bullmq.ts';
import type { RouteInput } from '../peers/route.ts';
import { servePeer } from '../peers/served.ts';

const ACCEPTED: Expectation = { status: 202, text: '"jobId":"' };
/** Different channels, so that nothing can answer one request with what it knows of another. */
const CHANNELS = 100;

function requests(path: string, headers: Readonly<Record<string, string>> = {}): LoadRequest[] {
  return Array.from({ length: CHANNELS }, (_, at) => ({
    method: 'POST',
    path,
    headers,
    body: { channelId: `channel_${1000 + at}`, limit: 50, force: true },
  }));
}

/** Accepts with the gateway as it is shipped; no worker runs, so every job stays a row. @throws Error when the rows are not as many as the answers */
export function acceptVigilia(database: BenchDatabase, plan: LoadPlan): Promise<ServerSample> {
  return database.withDatabase((databaseUrl) =>
    withGateway(
      { databaseUrl },
      (store) => store.makeAccount('main').then(() => {}),
      async (gateway) => {
        const path = '/api/telegram-gateway/sync-messages';
        const sample = await measureServer(
          { url: gateway.url, requests: requests(path, TOKEN_HEADER), expected: ACCEPTED },
          plan,
          async () => ({
            server: (await usageOf(gateway.pid)).cpuSeconds,
            database: cpuSecondsOfFamily(database.server.pid()),
          }),
        );
        sameNumber(await countRows(databaseUrl), sample.answered);
        return sample;
      },
    ),
  );
}

/** Accepts with Fastify and BullMQ. @throws Error when the jobs are not as many as the answers */
export async function acceptBull(redis: BenchRedis, plan: LoadPlan): Promise<ServerSample> {
  await redis.flush();
  const input: BullAcceptInput = { port: redis.port };
  const peer = await servePeer(new URL('../peers/bullmq-accept.process.js', import.meta.url), input);
  const queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port: redis.port } });
  try {
    const sample = await measureServer(
      { url: peer.url, requests: requests('/sync-messages'), expected: ACCEPTED },
      plan,
      async () => ({
        server: await peer.cpuSeconds(),
        database: await redis.cpuSeconds(),
      }),
    );
    sameNumber(await queue.getWaitingCount(), sample.answered);
    return sample;
  } finally {
    await queue.close();
    await peer.stop();
  }
}

/** Answers and stores nothing: the most that Fastify and the generator do together. */
export async function acceptNothing(plan: LoadPlan): Promise<ServerSample> {
  const body = JSON.stringify({ jobId: 'sync-0', status: 'queued', pollUrl: '/jobs/sync-0' });
  const input: RouteInput = { status: 202, body };
  const peer = await servePeer(new URL('../peers/route.process.js', import.meta.url), input);
  try {
    return await measureServer({ url: peer.url, requests: requests('/sync-messages'), expected: ACCEPTED }, plan, async () => ({
      server: await peer.cpuSeconds(),
    }));
  } finally {
    await peer.stop();
  }
}

async function countRows(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return Number((await client.query('SELECT count(*) FROM jobs')).rows[0].count);
  } finally {
    await client.end();
  }
}

function sameNumber(stored: number, answered: number): void {
  if (stored !== answered) throw new Error(`${answered} requests were accepted, ${stored} jobs are stored`);
}
