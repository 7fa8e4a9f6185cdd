import { setTimeout as pause } from 'node:timers/promises';
import { resultOf } from '../harness/child.ts';
import { startDatabase } from '../harness/database.ts';
import { usageOf } from '../harness/process-usage.ts';
import { makeHome, RunningProgram } from '../harness/program.ts';
import { startBenchSimulator } from '../simulator/bench-simulator.ts';
import { REST_PARTS, type RestInput, type RestPart, type RestSample } from './rest-parts.ts';

/** How long processes settle before CPU time is taken, in s: what is compiled late, and the last of the start. */
const SETTLE_SECONDS = 15;
const MESSAGES = 100;
const SEED = 1;

/** CPU at rest, as shares of one core. */
export interface RestResults {
  readonly restSeconds: number;
  readonly databaseVersion: string;
  /** Of processes that do nothing else. */
  readonly parts: Readonly<Record<RestPart, number>>;
  readonly worker: Looked;
  readonly gateway: Looked;
}

/** A process while nobody looks into the worker, and while a page does. */
interface Looked {
  readonly alone: number;
  readonly lookedAt: number;
}

/**
 * Measures what looking inside costs a program at rest: the parts of it alone, in processes that do nothing else; and a worker and a gateway over one
 * database, while nobody looks, and while a page of the gateway shows the worker's tree and one of its actors.
 */
export async function measureRest(restSeconds: number, say: (line: string) => void): Promise<RestResults> {
  const database = await startDatabase();
  return database.withDatabase(async (databaseUrl) => {
    const simulator = await startBenchSimulator(MESSAGES, SEED);
    const worker = await RunningProgram.start(await makeHome(simulator.ready, await simulator.login(), databaseUrl), 'worker');
    await worker.logged('connected');
    const gateway = await RunningProgram.start(await makeHome(simulator.ready, undefined, databaseUrl), 'gateway');
    try {
      await gateway.answers('/health/ready');
      // Looked at first, so that what is compiled late and caught up with after the start is not taken for rest.
      say(`a page looks for ${restSeconds} s`);
      const end = look(gateway.url, await idOf(gateway.url, 'worker'));
      await pause(SETTLE_SECONDS * 1000);
      const [workerLooked, gatewayLooked] = await shares([worker, gateway], restSeconds);
      await end();
      // Longer than a process goes on showing itself after the last look.
      await pause(SETTLE_SECONDS * 1000);
      say(`at rest for ${restSeconds} s`);
      const [workerAlone, gatewayAlone] = await shares([worker, gateway], restSeconds);
      say(`the parts for ${restSeconds} s each, beside each other`);
      const parts = await Promise.all(
        REST_PARTS.map(async (part) => {
          const input: RestInput = { part, databaseUrl, settleSeconds: SETTLE_SECONDS, restSeconds };
          return [part, (await resultOf<RestSample>(new URL('./rest.process.js', import.meta.url), input)).cpuShare] as const;
        }),
      );
      return {
        restSeconds,
        databaseVersion: database.version,
        parts: Object.fromEntries(parts) as Record<RestPart, number>,
        worker: { alone: workerAlone, lookedAt: workerLooked },
        gateway: { alone: gatewayAlone, lookedAt: gatewayLooked },
      };
    } finally {
      await Promise.all([worker.stop(), gateway.stop()]);
    }
  });
}

/** @returns what part of a core each program used meanwhile */
async function shares(programs: readonly [RunningProgram, RunningProgram], restSeconds: number): Promise<[number, number]> {
  const seconds = (): Promise<number[]> => Promise.all(programs.map(async ({ pid }) => (await usageOf(pid)).cpuSeconds));
  const before = await seconds();
  await pause(restSeconds * 1000);
  const after = await seconds();
  const share = (at: number): number => ((after[at] ?? Number.NaN) - (before[at] ?? Number.NaN)) / restSeconds;
  return [share(0), share(1)];
}

async function idOf(url: string, role: string): Promise<string> {
  const { processes } = (await (await fetch(`${url}/api/processes`)).json()) as {
    readonly processes: readonly { readonly id: string; readonly role: string }[];
  };
  const found = processes.find((process) => process.role === role);
  if (!found) throw new Error(`there is no ${role}`);
  return found.id;
}

/** Asks what a page asks that shows an actor of a process, as often. @returns what ends it */
function look(url: string, process: string): () => Promise<void> {
  const asked: readonly (readonly [string, number])[] = [
    ['/health', 2_000],
    ['/api/processes', 2_000],
    [`/api/state?process=${process}`, 2_000],
    [`/api/state/root/accounts/main/connection?process=${process}`, 1_000],
  ];
  let ended = false;
  const loops = asked.map(async ([path, everyMs]) => {
    while (!ended) {
      const answer = await fetch(url + path);
      // Its answer when no account is served is an answer too.
      if (answer.status !== 200 && path !== '/health') throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      await answer.text();
      await pause(everyMs);
    }
  });
  const all = Promise.all(loops);
  // Told where it is waited for.
  all.catch(() => {});
  return async () => {
    ended = true;
    await all;
  };
}
