import { once } from 'node:events';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import { resultOf, startChild } from '../harness/child.ts';
import { temporaryFolder } from '../harness/paths.ts';

/** How the simulator's process is started. */
export interface LiveSimulatorInput {
  /** Messages in each channel from the beginning. */
  readonly messages: number;
  readonly dataDir: string;
}

/** What it says once it listens. */
export type LiveSimulatorReady = SimulatorInfo;

/** Posts to be made. */
export interface PostOrder {
  /** Stands in each post. */
  readonly run: number;
  readonly ratePerSecond: number;
  readonly count: number;
}

/** Told when all of an order are posted. */
export interface PostReport {
  readonly run: number;
  readonly tookMs: number;
}

/** A server in whose channels posts come at a steady rate, in a process of its own. */
export interface LiveSimulator {
  readonly ready: LiveSimulatorReady;
  /** Logs the account in on a new key. @returns the session, as GramJS writes it */
  login(): Promise<string>;
  /** Posts, one order at a time. */
  post(order: PostOrder): Promise<PostReport>;
}

/** Starts it over the benchmarks' world. It ends with the benchmark. */
export async function startLiveSimulator(messages: number): Promise<LiveSimulator> {
  const { path: dataDir } = temporaryFolder();
  const child = startChild(new URL('./live-simulator.process.js', import.meta.url), {
    messages,
    dataDir,
  } satisfies LiveSimulatorInput);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the simulator ended');
  });
  ended.catch(() => {});
  const next = async <Message>(): Promise<Message> => (await Promise.race([once(child, 'message'), ended]))[0] as Message;
  const ready = await next<LiveSimulatorReady>();
  return {
    ready,
    login: () => resultOf<string>(new URL('../peers/login.process.js', import.meta.url), { info: ready }),
    post: (order) => {
      const report = next<PostReport>();
      child.send(order);
      return report;
    },
  };
}
