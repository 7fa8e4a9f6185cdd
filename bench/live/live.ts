import { type BenchDatabase, startDatabase } from '../harness/database.ts';
import { describeMachine } from '../harness/machine.ts';
import { type Home, makeHome, RunningProgram } from '../harness/program.ts';
import { interleaved, type Measured } from '../harness/rounds.ts';
import { percentile } from '../harness/statistics.ts';
import { liveReport } from './live-report.ts';
import { type LiveSimulator, startLiveSimulator } from './live-simulator.ts';
import { measurePush, type PushSample } from './push.ts';
import { measureTakeover, type TakeoverSample } from './takeover.ts';

/** Where the program runs, in the order in which they are measured. */
export const LIVE_PEERS = ['pglite', 'postgresql', 'split'] as const;
export type LivePeer = (typeof LIVE_PEERS)[number];

/** What each is, for people. */
const LIVE_PEER_NAMES: Readonly<Record<LivePeer, string>> = {
  pglite: 'one process, PGlite',
  postgresql: 'one process, PostgreSQL',
  split: 'worker and gateway, PostgreSQL',
};

/** What is measured. */
export interface LiveOptions {
  readonly rounds: number;
  /** How long posts come at each rate. */
  readonly seconds: number;
  readonly ratesPerSecond: readonly number[];
  readonly peers: readonly LivePeer[];
  /** How often a worker is killed. */
  readonly kills: number;
}

/** Messages in the simulator's channels from the beginning. */
const MESSAGES = 100;

/** Measures and @returns the section's text */
export async function runLive(options: LiveOptions, say: (line: string) => void): Promise<string> {
  const { rounds, seconds, ratesPerSecond, peers, kills } = options;
  const machine = describeMachine();
  const simulator = await startLiveSimulator(MESSAGES);
  const database = await startDatabase();
  let run = 0;
  const push = await interleaved(
    peers.map((peer) => ({
      name: LIVE_PEER_NAMES[peer],
      run: () =>
        withPeer(peer, simulator, database, async (url) => {
          const samples: PushSample[] = [];
          for (const rate of ratesPerSecond) samples.push(await measurePush(simulator, url, ++run, rate, seconds));
          return samples;
        }),
    })),
    rounds,
    (name, round, samples) => {
      for (const { ratePerSecond, latenciesMs } of samples) {
        const [p50, p99] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
        say(`round ${round}: ${name}: ${ratePerSecond}/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
      }
    },
  );
  const takeovers = kills === 0 ? [] : await killWorkers(simulator, database, kills, () => ++run, say);
  return liveReport({
    machine,
    rounds,
    seconds,
    databaseVersion: database.version,
    databaseSettings: database.settings,
    push: push satisfies readonly Measured<readonly PushSample[]>[],
    takeovers,
  });
}

/** Starts the program as the peer has it, on an empty database and a session of its own. */
async function withPeer<T>(
  peer: LivePeer,
  simulator: LiveSimulator,
  database: BenchDatabase,
  use: (gatewayUrl: string) => Promise<T>,
): Promise<T> {
  const session = await simulator.login();
  if (peer === 'pglite') return withAll(await makeHome(simulator.ready, session, undefined), use);
  return database.withDatabase(async (databaseUrl) => {
    const home = await makeHome(simulator.ready, session, databaseUrl);
    if (peer === 'postgresql') return withAll(home, use);
    return withSplit(home, await makeHome(simulator.ready, undefined, databaseUrl), (_worker, gateway) => use(gateway.url));
  });
}

async function withAll<T>(home: Home, use: (url: string) => Promise<T>): Promise<T> {
  const program = await RunningProgram.start(home);
  try {
    await program.logged('connected');
    await program.answers('/health/ready');
    return await use(program.url);
  } finally {
    await program.stop();
    await home.remove();
  }
}

async function withSplit<T>(
  workerHome: Home,
  gatewayHome: Home,
  use: (worker: RunningProgram, gateway: RunningProgram) => Promise<T>,
): Promise<T> {
  const worker = await RunningProgram.start(workerHome, 'worker');
  let gateway: RunningProgram | undefined;
  try {
    await worker.logged('connected');
    gateway = await RunningProgram.start(gatewayHome, 'gateway');
    await gateway.answers('/health/ready');
    return await use(worker, gateway);
  } finally {
    await gateway?.stop();
    await worker.stop();
    await gatewayHome.remove();
    await workerHome.remove();
  }
}

async function killWorkers(
  simulator: LiveSimulator,
  database: BenchDatabase,
  kills: number,
  nextRun: () => number,
  say: (line: string) => void,
): Promise<TakeoverSample[]> {
  const session = await simulator.login();
  return database.withDatabase(async (databaseUrl) => {
    const workerHome = await makeHome(simulator.ready, session, databaseUrl);
    const gatewayHome = await makeHome(simulator.ready, undefined, databaseUrl);
    return withSplit(workerHome, gatewayHome, async (first, gateway) => {
      const samples: TakeoverSample[] = [];
      let worker = first;
      try {
        for (let kill = 1; kill <= kills; kill++) {
          const measured = await measureTakeover(simulator, worker, workerHome, gateway.url, nextRun());
          ({ worker } = measured);
          samples.push(measured.sample);
          const { authenticatedMs, caughtUpMs } = measured.sample;
          say(`kill ${kill}: authenticated after ${authenticatedMs.toFixed(0)} ms, caught up after ${caughtUpMs.toFixed(0)} ms`);
        }
      } finally {
        if (worker !== first) await worker.stop();
      }
      return samples;
    });
  });
}
