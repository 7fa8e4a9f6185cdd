import { type ChildProcess, fork } from 'node:child_process';
import type { Snapshot } from 'xstate';
import { aborted } from '../clock.ts';
import { VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { JsonObject } from '../ports.ts';
import { ControlClient, type SimulatorInfo } from '../simulator/control.ts';
import { type ChildSpec, task } from './actor.ts';

/** How the simulator's process is started: the program itself, with other words. */
export interface SimulatorCommand {
  readonly entry: string;
  readonly args: readonly string[];
}

/** What is known of the simulator now, for those who connect to it. */
export class SimulatorDesk {
  #info: SimulatorInfo | undefined;
  #pid: number | undefined;
  #worldId: string | undefined;

  /** Names the world; stays known while the process is away. Undefined before its first start. */
  get worldId(): string | undefined {
    return this.#worldId;
  }

  /** Undefined while it is not running. */
  get info(): SimulatorInfo | undefined {
    return this.#info;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  set(info: SimulatorInfo | undefined, pid: number | undefined): void {
    this.#info = info;
    this.#worldId = info?.worldId ?? this.#worldId;
    this.#pid = pid;
  }
}

/**
 * The simulator as a supervised child: a process of its own, ready once it listens. It ends with ours, however ours ends,
 * because it watches the IPC channel.
 */
export function simulatorSpec(desk: SimulatorDesk, command: SimulatorCommand, log: Log): ChildSpec {
  return {
    id: 'simulator',
    kind: 'process',
    readyMs: 60_000,
    view: (_: Snapshot<unknown>): JsonObject => ({
      pid: desk.pid ?? null,
      address: desk.info ? `${desk.info.address.host}:${desk.info.address.port}` : null,
      channels: desk.info?.channels.length ?? null,
    }),
    start: (life) => ({
      logic: task(async (signal) => {
        const child = fork(command.entry, [...command.args], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
        const exited = exitOf(child);
        const lastWords = tailOf(child);
        try {
          const client = new ControlClient(child);
          const info = await client.listening.catch(async (thrown: unknown) => {
            if (thrown instanceof VigiliaError) throw thrown;
            // The channel closes before the exit is told: its last words come with that.
            throw startFailure(await exited, lastWords());
          });
          desk.set(info, child.pid);
          life.ready();
          const how = await Promise.race([exited, aborted(signal)]);
          if (how !== undefined)
            throw new VigiliaError('SIMULATOR_FAILED', `the simulator ended (${how.text}) ${lastWords()}`.trim());
        } finally {
          desk.set(undefined, undefined);
          child.kill('SIGTERM');
          const how = await exited;
          log.debug({ how: how.text }, 'simulator ended');
        }
      }),
    }),
  };
}

/** Of a process that did not say why by the channel: a signal is somebody else's doing and passes; else its last words have to do. */
function startFailure(how: Exit, words: string): VigiliaError {
  if (how.signal) return new VigiliaError('SIMULATOR_FAILED', `the simulator was ended by ${how.signal} while it started`);
  return new VigiliaError('SIMULATOR_REFUSED', words.replace(/^vigilia: /, '') || `the simulator ended with ${how.text}`);
}

interface Exit {
  readonly signal: string | null;
  readonly text: string;
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ signal: null, text: error.message }));
    child.once('close', (code, signal) => resolve({ signal, text: signal ?? `exit code ${code}` }));
  });
}

/** @returns a function that gives the last of what the child wrote on stderr */
function tailOf(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4_000);
  });
  return () => tail.trim();
}
