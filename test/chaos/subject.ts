import { setTimeout as pause } from 'node:timers/promises';
import type { FaultKind } from './plan.ts';

/** A process or server that faults befall. Whatever is done to it, it comes back by itself. */
export interface Subject {
  /** Ends it as `kill -9` does, and has it started again after so many ms. Resolves when it is started. */
  kill(awayMs: number): Promise<void>;
  /** SIGSTOP to all of its processes. */
  freeze(): Promise<void> | void;
  /** SIGCONT. */
  thaw(): Promise<void> | void;
  /** Asks it to stop, and has it started again. Resolves when it is started. */
  restart(awayMs: number): Promise<void>;
}

/** The way to a server, as `test/support/tcp-proxy.ts` has it. */
interface Way {
  cut(): void;
  mend(): void;
  block(): void;
  unblock(): void;
}

/** Does one fault to a subject. Resolves when its cause is over: then the time of recovery begins. */
export async function befall(subject: Subject, kind: FaultKind, forMs: number): Promise<void> {
  if (kind === 'kill') await subject.kill(forMs);
  else if (kind === 'restart') await subject.restart(forMs);
  else {
    await subject.freeze();
    await pause(forMs);
    await subject.thaw();
  }
}

/** The same for a way. */
export async function obstruct(way: Way, kind: FaultKind, forMs: number): Promise<void> {
  if (kind === 'cut') way.cut();
  else way.block();
  await pause(forMs);
  if (kind === 'cut') way.mend();
  else way.unblock();
}
