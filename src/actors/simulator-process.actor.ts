import { type ChildProcess, fork } from 'node:child_process';
import type { Snapshot } from 'xstate';
import { aborted, type Clock } from '../clock.ts';
import { VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { DependencyHealth, JsonObject } from '../ports.ts';
import { ControlClient, type SimulatorInfo } from '../simulator/control.ts';
import { type ChildSpec, task } from './actor.ts';

/** How long the process may take to end, in ms. */
const END_MS = 3_000;

/** How the simulator's process is started: the program itself, with other words. */
export interface SimulatorCommand {
  readonly entry: string;
  readonly args: readonly string[];
}

interface SimulatorDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/** What is known of the simulator, for those who connect to it and for `/health`. */
export class SimulatorDesk {
  readonly #clock: Clock;
  #info: SimulatorInfo | undefined;
  /** Of its last life: the world's name and people do not change while the process is away. */
  #known: SimulatorInfo | undefined;
  #pid: number | undefined;
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** Names the world. Undefined before its first start. */
  get worldId(): string | undefined {
    return this.#known?.worldId;
  }

  /** Who can log in, in its world. Empty before its first start. */
  get accounts(): SimulatorInfo['accounts'] {
    return this.#known?.accounts ?? [];
  }

  /** Undefined while it is not running. */
  get info(): SimulatorInfo | undefined {
    return this.#info;
  }

  set(info: SimulatorInfo | undefined, pid: number | undefined): void {
    if ((info === undefined) !== (this.#info === undefined)) this.#since = this.#clock.now();
    this.#info = info;
    this.#known = info ?? this.#known;
    this.#pid = pid;
  }

  health(): DependencyHealth {
    const { address } = this.#info ?? {};
    return {
      kind: 'simulator',
      state: this.#info ? 'up' : this.#known ? 'down' : 'starting',
      since: this.#since,
      pid: this.#pid ?? null,
      address: address ? `${address.host}:${address.port}` : null,
    };
  }
}

/**
 * The simulator as a supervised child: a process of its own, ready once it listens. It ends with ours, however ours ends,
 * because it watches the IPC channel.
 */
export function simulatorSpec(desk: SimulatorDesk, command: SimulatorCommand, { clock, log }: SimulatorDeps): ChildSpec {
  return {
    id: 'simulator',
    kind: 'process',
    readyMs: 60_000,
    view: (_: Snapshot<unknown>): JsonObject => ({ ...desk.health(), channels: desk.info?.channels.length ?? null }),
    start: (life) => ({
      logic: task(async (signal) => {
        const child = fork(command.entry, [...command.args], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
        const exited = exitOf(child);
        const lastWords = tailOf(child);
        try {
          const client = new ControlClient(child);
          const listening = client.listening.catch(async (thrown: unknown) => {
            if (thrown instanceof VigiliaError) throw thrown;
            // The channel closes before the exit is told: its last words come with that.
            throw startFailure(await exited, lastWords());
          });
          const info = await Promise.race([listening, aborted(signal)]);
          if (!info) return;
          desk.set(info, child.pid);
          life.ready();
          const how = await Promise.race([exited, aborted(signal)]);
          if (how !== undefined)
            throw new VigiliaError('SIMULATOR_FAILED', `the simulator ended (${how.text}) ${lastWords()}`.trim());
        } finally {
          desk.set(undefined, undefined);
          const how = await endOf(child, exited, clock);
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

/** Asks the process to end, and ends it when it does not: a life that is over must leave nothing that holds the folder. */
async function endOf(child: ChildProcess, exited: Promise<Exit>, clock: Clock): Promise<Exit> {
  child.kill('SIGTERM');
  const timer = clock.setTimeout(() => child.kill('SIGKILL'), END_MS);
  const how = await exited;
  clock.clearTimeout(timer);
  return how;
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
