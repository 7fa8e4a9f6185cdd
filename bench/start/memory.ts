import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf, usageOf } from '../harness/process-usage.ts';
import { type Home, RunningProgram } from '../harness/program.ts';

/** A process at rest. */
export interface RestingMemory {
  readonly name: string;
  readonly rssBytes: number;
  /** What it is meant to stay below, where there is an aim. */
  readonly aimBytes: number | undefined;
}

/** A role in its home, and its aim. */
export interface Resident {
  readonly name: string;
  readonly role: 'all' | 'gateway' | 'worker';
  readonly home: Home;
  readonly aimBytes?: number;
}

/**
 * Starts all of them beside each other, lets them rest, and reads how much memory each holds.
 * @returns in the same order; a child process (the simulator of a program that has its own) follows its parent
 */
export async function memoryAtRest(residents: readonly Resident[], restSeconds: number): Promise<RestingMemory[]> {
  const running: { readonly resident: Resident; readonly program: RunningProgram }[] = [];
  try {
    for (const resident of residents) {
      const program = await RunningProgram.start(resident.home, resident.role);
      running.push({ resident, program });
      if (resident.role === 'gateway') await program.answers('/health/ready');
      else await program.logged('connected');
    }
    await pause(restSeconds * 1000);
    const found: RestingMemory[] = [];
    for (const { resident, program } of running) {
      const { rssBytes } = await usageOf(program.pid);
      found.push({ name: resident.name, rssBytes, aimBytes: resident.aimBytes });
      for (const child of await childrenOf(program.pid)) {
        found.push({ name: `${resident.name}: its simulator`, rssBytes: (await usageOf(child)).rssBytes, aimBytes: undefined });
      }
    }
    return found;
  } finally {
    await Promise.all(running.map(({ program }) => program.stop()));
  }
}
