import { resultOf } from '../harness/child.ts';
import { type Home, RunningProgram } from '../harness/program.ts';
import type { Peer } from '../harness/rounds.ts';
import type { GramJsStartInput } from '../peers/gramjs-start.ts';

/** From a process's start to the account being authenticated, in ms. */
export interface StartSample {
  readonly startMs: number;
}

/** A GramJS script with a stored session, up to its first answered call. */
export function gramjsStart(input: GramJsStartInput): Peer<StartSample> {
  return {
    name: 'bare GramJS script',
    run: async () => {
      const startedAt = performance.now();
      await resultOf<string>(new URL('../peers/gramjs-start.process.js', import.meta.url), input);
      return { startMs: performance.now() - startedAt };
    },
  };
}

/**
 * The program in a home where it was started before, so that session and database are there.
 * @returns the peer, after one start that is not counted
 */
export async function programStart(name: string, home: Home, role: 'all' | 'worker'): Promise<Peer<StartSample>> {
  const run = async (): Promise<StartSample> => {
    const program = await RunningProgram.start(home, role);
    try {
      return { startMs: await program.logged('connected') };
    } finally {
      await program.stop();
    }
  };
  await run();
  return { name, run };
}
