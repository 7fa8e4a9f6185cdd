import { once } from 'node:events';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import { resultOf, startChild } from '../harness/child.ts';
import { temporaryFolder } from '../harness/paths.ts';
import type { AnswerCounts } from './answers.ts';
import type { MessageKind } from './world.ts';

/** How the simulator's process is started. */
export interface SimulatorInput {
  /** Messages in each channel. */
  readonly messages: number;
  readonly seed: number;
  readonly dataDir: string;
}

/** What it says once it listens. */
export interface SimulatorReady extends SimulatorInfo {
  /** Mean size of a message as TL, before packing. */
  readonly tlBytes: Readonly<Record<MessageKind, number>>;
}

/** What it has used and done so far. */
export interface SimulatorUsage extends AnswerCounts {
  readonly cpuSeconds: number;
}

/** The server of all peers, in a process of its own. */
export interface BenchSimulator {
  readonly ready: SimulatorReady;
  /** Logs the account in on a new key. @returns the session, as GramJS writes it */
  login(): Promise<string>;
  usage(): Promise<SimulatorUsage>;
}

/** Starts the simulator over the benchmarks' world. It ends with the benchmark. */
export async function startBenchSimulator(messages: number, seed: number): Promise<BenchSimulator> {
  const { path: dataDir } = temporaryFolder();
  const input: SimulatorInput = { messages, seed, dataDir };
  const child = startChild(new URL('./simulator.process.js', import.meta.url), input);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the simulator ended');
  });
  ended.catch(() => {});
  const next = async <Message>(): Promise<Message> => (await Promise.race([once(child, 'message'), ended]))[0] as Message;
  const ready = await next<SimulatorReady>();
  return {
    ready,
    login: () => resultOf<string>(new URL('../peers/login.process.js', import.meta.url), { info: ready }),
    usage: () => {
      const answer = next<SimulatorUsage>();
      child.send('usage');
      return answer;
    },
  };
}
