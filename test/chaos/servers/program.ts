import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Env } from '../../support/program.ts';
import type { Subject } from '../subject.ts';

/** The built program: `npm test` and `npm run chaos` build it first. */
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
/**
 * Ends the process that it was told of last as soon as its standard input ends: also when the run itself is killed, which nothing inside it would live to
 * see.
 */
const GUARDIAN = 'while read -r pid; do last=$pid; done; kill -CONT "$last"; kill -KILL "$last"';
/** How long it may take to stop, in ms: what the systemd units allow. */
const STOP_MS = 30_000;
/** After an end that nobody asked for, in ms: systemd's own pause would be `RestartSec`. */
const RESPAWN_MS = 1_000;

/** One life of a process. */
interface Life {
  readonly child: ChildProcess;
  readonly number: number;
  readonly gone: Promise<void>;
  /** What it was told, so that its end is no surprise. */
  told: 'nothing' | 'to die' | 'to stop';
}

/** A process of the program that is started again whenever it ends, as systemd does. */
export class RespawnedProgram implements Subject {
  readonly name: string;
  readonly #env: Env;
  readonly #folder: string;
  readonly #logFile: string;
  readonly #complain: (finding: string) => void;
  readonly #guardian = spawn('sh', ['-c', GUARDIAN], { stdio: ['pipe', 'ignore', 'ignore'] });
  #life: Life;
  #isOver = false;

  /**
   * @param folder where it runs, and has its data
   * @param logFile what it writes, all its lives together
   * @param complain is told of every end that nobody asked for
   */
  constructor(name: string, env: Env, folder: string, logFile: string, complain: (finding: string) => void) {
    this.name = name;
    this.#env = env;
    this.#folder = folder;
    this.#logFile = logFile;
    this.#complain = complain;
    this.#life = this.#spawn(1);
  }

  /** Of the life that runs now, and which one that is. */
  get life(): { readonly pid: number | undefined; readonly number: number } {
    return { pid: this.#life.child.pid, number: this.#life.number };
  }

  async kill(): Promise<void> {
    await this.#finish('to die', 'SIGKILL');
  }

  freeze(): void {
    this.#life.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#life.child.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.#finish('to stop', 'SIGTERM');
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#life.child.kill('SIGCONT');
    await this.#finish('to stop', 'SIGTERM');
  }

  /** Ends it, also where it stands still. */
  async abandon(): Promise<void> {
    this.#isOver = true;
    await this.#finish('to die', 'SIGKILL');
  }

  async #finish(told: 'to die' | 'to stop', signal: NodeJS.Signals): Promise<void> {
    const life = this.#life;
    life.told = told;
    life.child.kill(signal);
    const late = new AbortController();
    const inTime = await Promise.race([
      life.gone.then(() => true),
      pause(STOP_MS, false, { signal: late.signal }).catch(() => true),
    ]);
    late.abort();
    if (inTime) return;
    this.#complain(`${this.name} (life ${life.number}) did not stop within ${STOP_MS} ms of ${signal}`);
    life.told = 'to die';
    life.child.kill('SIGKILL');
    await life.gone;
  }

  #spawn(number: number): Life {
    const log = openSync(this.#logFile, 'a');
    writeSync(log, `--- life ${number} of ${this.name}\n`);
    const { PATH = '', HOME = '', TMPDIR } = process.env;
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN, 'start'], {
      cwd: this.#folder,
      env: { PATH, HOME, ...(TMPDIR !== undefined && { TMPDIR }), ...this.#env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#guardian.stdin.write(`${child.pid}\n`);
    const life: Life = { child, number, told: 'nothing', gone: once(child, 'exit').then(() => this.#onExit(life)) };
    return life;
  }

  async #onExit(life: Life): Promise<void> {
    const { exitCode, signalCode } = life.child;
    const how = signalCode ?? `code ${exitCode}`;
    if (life.told === 'nothing') this.#complain(`${this.name} (life ${life.number}) ended by itself: ${how}`);
    if (life.told === 'to stop' && exitCode !== 0) this.#complain(`${this.name} (life ${life.number}) was asked to stop: ${how}`);
    if (this.#isOver) {
      this.#guardian.kill('SIGKILL');
      return;
    }
    if (life.told === 'nothing') await pause(RESPAWN_MS);
    this.#life = this.#spawn(life.number + 1);
  }
}
