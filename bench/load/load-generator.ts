import { once } from 'node:events';
import { kill, startChild } from '../harness/child.ts';
import type { Expectation } from './expectation.ts';
import type { LoadRequest } from './request-bytes.ts';

/** Whom a load is for, and what it asks. */
export interface LoadInput {
  readonly url: string;
  /** Sent in turn, over and over. */
  readonly requests: readonly LoadRequest[];
  /** Kept open all the while, one request at a time on each. */
  readonly connections: number;
  readonly expected: Expectation;
}

/** One load. */
export interface LoadOrder {
  /** Requests that are due in a second; absent: as many as are answered. */
  readonly perSecond?: number;
  readonly seconds: number;
}

/** What came of it. Every request was answered as expected; a load of which one was not fails. */
export interface LoadReport {
  readonly answered: number;
  readonly seconds: number;
  /** In ms, one a request. */
  readonly latenciesMs: readonly number[];
  /** Of the process that asks. */
  readonly cpuSeconds: number;
}

/** A process that asks a server. */
export interface LoadGenerator {
  /** One at a time. @throws Error when an answer is not as expected */
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): Promise<void>;
}

/** Starts it and opens its connections. It ends with the benchmark. */
export async function startLoad(input: LoadInput): Promise<LoadGenerator> {
  const child = startChild(new URL('./load.process.js', import.meta.url), input);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the load ended (${signal ?? code})`);
  });
  ended.catch(() => {});
  const next = async <Message>(): Promise<Message> => (await Promise.race([once(child, 'message'), ended]))[0] as Message;
  await next();
  return {
    run: (order) => {
      const report = next<LoadReport>();
      child.send(order);
      return report;
    },
    stop: () => kill(child),
  };
}
