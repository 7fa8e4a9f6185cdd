import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { kill, startChild } from '../harness/child.ts';
import { usageOf } from '../harness/process-usage.ts';

/** A peer that answers over HTTP, in a process of its own. */
export interface ServedPeer {
  readonly url: string;
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** @param module tells its parent its URL once it listens */
export async function servePeer(module: URL, input: unknown): Promise<ServedPeer> {
  const child = startChild(module, input);
  const [url] = (await Promise.race([once(child, 'message'), failed(child)])) as [string];
  return { url, cpuSeconds: async () => (await usageOf(child.pid ?? 0)).cpuSeconds, stop: () => kill(child) };
}

async function failed(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`a peer ended before it listened (${signal ?? code})`);
}
