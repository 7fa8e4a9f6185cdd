import { Redis } from 'ioredis';
import type { Store } from '../../src/ports.ts';
import { type BenchDatabase, startDatabase } from '../harness/database.ts';
import { TOKEN_HEADER, withGateway } from '../harness/gateway.ts';
import { describeMachine } from '../harness/machine.ts';
import { cpuSecondsOfFamily, usageOf } from '../harness/process-usage.ts';
import { type BenchRedis, startRedis } from '../harness/redis.ts';
import { interleaved } from '../harness/rounds.ts';
import { percentile } from '../harness/statistics.ts';
import { type LoadPlan, measureServer, type ServerSample } from '../load/measure-server.ts';
import type { RouteInput } from '../peers/route.ts';
import { servePeer } from '../peers/served.ts';
import { benchChannel, benchMessages } from '../store/messages.ts';
import { readsReport } from './reads-report.ts';

/** Who answers, in the order in which they are measured; the second is what the ratio is against. */
export const READS_PEERS = ['route', 'redis', 'vigilia'] as const;
export type ReadsPeer = (typeof READS_PEERS)[number];

/** What each is, for people. */
const NAMES: Readonly<Record<ReadsPeer, string>> = {
  route: 'bare Fastify route, the same bytes out of memory',
  redis: 'Fastify, the same bytes with one GET out of Redis',
  vigilia: 'Vigília, a window out of Redis',
};

/** What is measured. */
export interface ReadsOptions extends LoadPlan {
  readonly rounds: number;
  readonly peers: readonly ReadsPeer[];
}

/** Channels that are read in turn; what a process could keep of one of them is not enough. */
const CHANNELS = 20;
/** Messages stored in each, and asked for at once. */
const STORED = 600;
const LIMIT = 50;
const KEY = 'the-same-bytes';

/** Measures and @returns the section's text */
export async function runReads(options: ReadsOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const database = await startDatabase();
  const redis = await startRedis('none');
  const body = await sampleBody(database, redis);
  const measured = await interleaved(
    options.peers.map((peer) => ({ name: NAMES[peer], run: () => runPeer(peer, database, redis, body, options) })),
    options.rounds,
    (name, round, { perSecond, steadyMs }) =>
      say(
        `round ${round}: ${name}: ${perSecond.toFixed(0)}/s; at ${options.perSecond}/s p99 ${percentile(steadyMs, 0.99).toFixed(1)} ms`,
      ),
  );
  return readsReport({
    machine,
    plan: options,
    rounds: options.rounds,
    servers: [`${database.version}, ${redis.version}`],
    bytes: Buffer.byteLength(body),
    channels: CHANNELS,
    limit: LIMIT,
    reference: NAMES.redis,
    vigilia: NAMES.vigilia,
    measured,
  });
}

const pathOf = (channel: number): string =>
  `/api/telegram-gateway/channels/${benchChannel(channel).chatId}/messages?limit=${LIMIT}`;

async function fill(store: Store): Promise<void> {
  for (let number = 0; number < CHANNELS; number++) {
    const channel = benchChannel(number);
    await store.transaction(async (tx) => {
      await tx.upsertChannels([channel]);
      await tx.upsertMessages(0, benchMessages(channel.chatId, 1, STORED));
      await tx.markSynced(channel.chatId, Date.now(), STORED, true);
    });
  }
}

/** Reads every channel once, so that all windows are in Redis. @returns the last answer's body */
async function warm(url: string): Promise<string> {
  let body = '';
  for (let number = 0; number < CHANNELS; number++) {
    const answer = await fetch(url + pathOf(number), { headers: TOKEN_HEADER });
    body = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status}: ${body}`);
  }
  return body;
}

function sampleBody(database: BenchDatabase, redis: BenchRedis): Promise<string> {
  return database.withDatabase((databaseUrl) =>
    withGateway({ databaseUrl, redisUrl: redis.url }, fill, (gateway) => warm(gateway.url)),
  );
}

async function runPeer(
  peer: ReadsPeer,
  database: BenchDatabase,
  redis: BenchRedis,
  body: string,
  plan: LoadPlan,
): Promise<ServerSample> {
  if (peer === 'vigilia') return readVigilia(database, redis, plan);
  if (peer === 'route') return readRoute({ status: 200, body }, redis, body, plan);
  await redis.flush();
  const client = new Redis(redis.port, '127.0.0.1');
  await client.set(KEY, body);
  client.disconnect();
  return readRoute({ status: 200, redisPort: redis.port, key: KEY }, redis, body, plan);
}

async function readRoute(input: RouteInput, redis: BenchRedis, body: string, plan: LoadPlan): Promise<ServerSample> {
  const peer = await servePeer(new URL('../peers/route.process.js', import.meta.url), input);
  try {
    const requests = Array.from({ length: CHANNELS }, (_, at) => ({ method: 'GET' as const, path: pathOf(at) }));
    const expected = { status: 200, bytes: Buffer.byteLength(body) };
    return await measureServer({ url: peer.url, requests, expected }, plan, async () => ({
      server: await peer.cpuSeconds(),
      redis: await redis.cpuSeconds(),
    }));
  } finally {
    await peer.stop();
  }
}

/** @throws Error when an answer does not come out of the cache */
function readVigilia(database: BenchDatabase, redis: BenchRedis, plan: LoadPlan): Promise<ServerSample> {
  return database.withDatabase((databaseUrl) =>
    withGateway({ databaseUrl, redisUrl: redis.url }, fill, async (gateway) => {
      await warm(gateway.url);
      const requests = Array.from({ length: CHANNELS }, (_, at) => ({
        method: 'GET' as const,
        path: pathOf(at),
        headers: TOKEN_HEADER,
      }));
      const expected = { status: 200, header: '\r\nx-source: cache', text: `"id":${STORED},` };
      return measureServer({ url: gateway.url, requests, expected }, plan, async () => ({
        server: (await usageOf(gateway.pid)).cpuSeconds,
        redis: await redis.cpuSeconds(),
        database: cpuSecondsOfFamily(database.server.pid()),
      }));
    }),
  );
}
