import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { startDatabase } from '../harness/database.ts';
import { TOKEN_HEADER } from '../harness/gateway.ts';
import { describeMachine } from '../harness/machine.ts';
import { usageOf } from '../harness/process-usage.ts';
import { freePort, type Home, makeHome, RunningProgram } from '../harness/program.ts';
import { startRedis } from '../harness/redis.ts';
import { type LiveSimulator, startLiveSimulator } from '../live/live-simulator.ts';
import { startLoad } from '../load/load-generator.ts';
import { judgeGrowth } from './growth.ts';
import { HeapInspector } from './heap.ts';
import { CountingListener } from './listener.ts';
import { ALLOWED_BYTES, type SoakedProcess, type SoakOptions, type SoakWork, soakReport } from './soak-report.ts';

/** Rest before the load, and after it, before memory is read. */
const REST_S = 10;
/** Between two looks at the heaps. */
const LOOK_MS = 5_000;
/** Of the time, in which caches fill and code is compiled. */
const WARM_UP = 0.4;
const BASE = '/api/telegram-gateway';
/** Stored before; the newest of them are what is read. */
const MESSAGES = 1_000;
/** Posted first of all: a gateway keeps the last 10,000 events at hand, and it is no leak that it comes to have so many. */
const FILLING = { run: 0, ratePerSecond: 500, count: 10_500 } as const;
/** How long what was posted may be on its way at the end, in ms. */
const PATIENCE_MS = 30_000;

/** A process that is looked into. */
interface Looked {
  readonly name: SoakedProcess['name'];
  readonly program: RunningProgram;
  readonly heap: HeapInspector;
}

/**
 * Lets a worker and a gateway work for a while, and judges whether they grow.
 * @returns the section's text @throws Error when one of them does, or something is lost
 */
export async function runSoak(options: SoakOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const simulator = await startLiveSimulator(MESSAGES);
  const database = await startDatabase();
  const redis = await startRedis('none');
  return database.withDatabase(async (databaseUrl) => {
    const session = await simulator.login();
    const env = { REDIS_URL: redis.url, RATE_LIMIT: '0', GATEWAY_TOKENS: `write:${TOKEN_HEADER['x-gateway-token']}` };
    return withProgram(await makeHome(simulator.ready, session, databaseUrl), env, 'worker', 'connected', (worker) =>
      makeHome(simulator.ready, undefined, databaseUrl).then((home) =>
        withProgram(home, env, 'gateway', undefined, async (gateway) => {
          const looked = [worker, gateway];
          const { processes, work } = await soak(simulator, looked, databaseUrl, options, say);
          const text = soakReport({
            machine,
            options,
            servers: [database.version, redis.version],
            warmUp: WARM_UP,
            processes,
            work,
          });
          const growing = processes.filter(({ heap }) => heap.isGrowing);
          if (growing.length > 0) throw new Error(`${growing.map(({ name }) => name).join(' and ')} grew:\n\n${text}`);
          return text;
        }),
      ),
    );
  });
}

async function withProgram<T>(
  home: Home,
  more: Readonly<Record<string, string>>,
  role: SoakedProcess['name'],
  line: string | undefined,
  use: (looked: Looked) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const env = { ...home.env, ...more, NODE_OPTIONS: `--inspect=127.0.0.1:${port} --inspect-publish-uid=http` };
  const program = await RunningProgram.start({ ...home, env }, role);
  try {
    if (line !== undefined) await program.logged(line);
    await program.answers('/health/live');
    const heap = await HeapInspector.open(port);
    try {
      return await use({ name: role, program, heap });
    } finally {
      heap.close();
    }
  } finally {
    await program.stop();
    await home.remove();
  }
}

async function soak(
  simulator: LiveSimulator,
  looked: readonly Looked[],
  databaseUrl: string,
  { minutes, posts, reads }: SoakOptions,
  say: (line: string) => void,
): Promise<{ readonly processes: SoakedProcess[]; readonly work: SoakWork }> {
  const gateway = looked.find(({ name }) => name === 'gateway') as Looked;
  const { url } = gateway.program;
  const channels = await storeChannels(url);
  await pause(REST_S * 1000);
  const idle = await Promise.all(looked.map(({ program }) => usageOf(program.pid)));
  const listener = await CountingListener.open(url, TOKEN_HEADER);
  await simulator.post(FILLING);
  await allArrived(listener, FILLING.count, databaseUrl);
  const paths = channels.map((id) => `${BASE}/channels/${id}/messages?limit=50`);
  const requests = paths.map((path) => ({ method: 'GET' as const, path, headers: TOKEN_HEADER }));
  const load = await startLoad({ url, requests, connections: 8, expected: { status: 200 } });
  const seconds = minutes * 60;
  const postsAll = posts * seconds;
  const posting = simulator.post({ run: 1, ratePerSecond: posts, count: postsAll });
  const reading = load.run({ seconds, perSecond: reads });
  const readings = looked.map(() => [] as { atMs: number; rssBytes: number; usedBytes: number; totalBytes: number }[]);
  const startedAt = performance.now();
  let jobs = 0;
  for (let look = 1; performance.now() - startedAt < seconds * 1000; look++) {
    // One that stores no messages: a post that a sync brings first is told of as a part of the sync, and not once more.
    await post(`${url}${BASE}/get-channels`, {});
    jobs += 1;
    await pause(Math.max(0, startedAt + look * LOOK_MS - performance.now()));
    for (const [at, { program, heap }] of looked.entries()) {
      // Before the collection: what the process holds when nobody looks.
      const { rssBytes } = await usageOf(program.pid);
      readings[at]?.push({ atMs: performance.now() - startedAt, rssBytes, ...(await heap.read()) });
    }
    if (look % 6 === 0)
      say(
        looked
          .map(
            ({ name }, at) => `${name} ${mb(readings[at]?.at(-1)?.rssBytes)} MB, heap ${mb(readings[at]?.at(-1)?.usedBytes)} MB`,
          )
          .join('; '),
      );
  }
  const [, { answered }] = await Promise.all([posting, reading]);
  await load.stop();
  await allArrived(listener, FILLING.count + postsAll, databaseUrl);
  listener.close();
  await pause(REST_S * 1000);
  const after = await Promise.all(looked.map(({ program }) => usageOf(program.pid)));
  const fromMs = seconds * 1000 * WARM_UP;
  const processes = looked.map(({ name }, at): SoakedProcess => {
    const own = readings[at] ?? [];
    return {
      name,
      idleRssBytes: idle[at]?.rssBytes ?? Number.NaN,
      loadedRssBytes: own.map(({ rssBytes }) => rssBytes),
      restedRssBytes: after[at]?.rssBytes ?? Number.NaN,
      usedBytes: own.map(({ usedBytes }) => usedBytes),
      totalBytes: own.map(({ totalBytes }) => totalBytes),
      heap: judgeGrowth(
        own.map(({ atMs, usedBytes }) => ({ atMs, bytes: usedBytes })),
        { fromMs, allowedBytes: ALLOWED_BYTES },
      ),
      rss: judgeGrowth(
        own.map(({ atMs, rssBytes }) => ({ atMs, bytes: rssBytes })),
        { fromMs, allowedBytes: Number.POSITIVE_INFINITY },
      ),
    };
  });
  return { processes, work: { posts: postsAll, reads: answered, jobs } };
}

const mb = (bytes: number | undefined): string => ((bytes ?? Number.NaN) / 1e6).toFixed(1);

/** Has the account's channels, and their newest messages, stored. @returns their ids */
async function storeChannels(url: string): Promise<number[]> {
  const list = async (): Promise<number[]> => {
    const answer = await fetch(`${url}${BASE}/channels`, { headers: TOKEN_HEADER });
    return ((await answer.json()) as { readonly channels: readonly { readonly id: number }[] }).channels.map(({ id }) => id);
  };
  await post(`${url}${BASE}/get-channels`, {});
  for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt; await pause(100)) {
    const ids = await list();
    if (ids.length === 0) continue;
    for (const channelId of ids) await post(`${url}${BASE}/sync-messages`, { channelId, limit: 500, force: true });
    return ids;
  }
  throw new Error('the channels were not stored in time');
}

async function post(url: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json', ...TOKEN_HEADER };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
}

/** @throws Error when a post did not come to the subscriber, or a job did not end well, in time */
async function allArrived(listener: CountingListener, posts: number, databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    let unended = Number.NaN;
    for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt; await pause(200)) {
      unended = Number((await client.query(`SELECT count(*) FROM jobs WHERE status <> 'completed'`)).rows[0].count);
      if (unended === 0 && listener.heard >= posts) return;
    }
    throw new Error(`${listener.heard} of ${posts} posts were heard of, ${unended} jobs are not completed`);
  } finally {
    await client.end();
  }
}
