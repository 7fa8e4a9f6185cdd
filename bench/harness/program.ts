import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { silentLog } from '../../src/log.ts';
import { worldPlace } from '../../src/worlds.ts';
import type { SimulatorReady } from '../simulator/bench-simulator.ts';
import { kill } from './child.ts';
import { atEnd } from './cleanup.ts';
import { PROGRAM, temporaryFolder } from './paths.ts';

/** The program is given nothing of ours but these. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
/** How long a program may take for anything before it counts as stuck, in ms. */
const PATIENCE_MS = 300_000;

type Environment = Readonly<Record<string, string>>;

/** A program's home: where it runs, and with which settings. It is used for one start after another. */
export interface Home {
  readonly folder: string;
  readonly env: Environment;
  remove(): Promise<void>;
}

/**
 * Makes a place for a program that talks to a simulator which runs already.
 * @param session what it is logged in with; stored as the program itself stores it. Absent for a role that has none
 * @param databaseUrl absent: the embedded database
 */
export async function makeHome(
  { address, publicKeyPem }: Pick<SimulatorReady, 'address' | 'publicKeyPem'>,
  session: string | undefined,
  databaseUrl: string | undefined,
): Promise<Home> {
  const { path: folder, remove } = temporaryFolder();
  const keyFile = join(folder, 'server-public-key.pem');
  writeFileSync(keyFile, publicKeyPem);
  const env: Environment = {
    VIGILIA_DATA_DIR: join(folder, 'data'),
    TELEGRAM_SERVER: `${address.host}:${address.port}`,
    TELEGRAM_SERVER_KEY: keyFile,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
  if (session !== undefined) {
    const config = readConfig(
      env,
      () => publicKeyPem,
      () => true,
    );
    const world = worldPlace(config.telegram);
    const sessions = join(config.dataDir, 'worlds', world, 'sessions');
    await openFileVault(sessions, { key: null }, { world, clock: systemClock, log: silentLog }).write('main', session);
  }
  return { folder, env, remove };
}

/** A place for a program with everything in it: the built-in demo world, the embedded database. */
export function makeEmbeddedHome(): Home {
  const { path: folder, remove } = temporaryFolder();
  return { folder, env: { VIGILIA_DATA_DIR: join(folder, 'data'), SIMULATOR_RATE: '0' }, remove };
}

/** A job as the gateway tells it, as far as we look. */
interface JobAnswer {
  readonly status: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: unknown;
}

/** An actor as the gateway shows it, as far as we look. */
interface ActorAnswer {
  readonly events: { readonly handled: number };
  readonly children: readonly ActorAnswer[];
}

/** The program as its users run it: `vigilia start` in a process of its own. */
export class RunningProgram {
  readonly child: ChildProcess;
  readonly url: string;
  readonly #startedAt = performance.now();
  readonly #lines: string[] = [];
  readonly #waiting = new Set<{ readonly text: string; resolve(atMs: number): void }>();
  readonly #seen = new Map<string, number>();
  readonly #ended: Promise<never>;

  private constructor(home: Home, role: string, port: number) {
    const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
    const env = { ...Object.fromEntries(inherited), ...home.env, VIGILIA_ROLE: role };
    this.url = `http://127.0.0.1:${port}`;
    this.child = spawn(process.execPath, ['--enable-source-maps', PROGRAM, 'start'], {
      cwd: home.folder,
      env: { ...env, [role === 'worker' ? 'OPS_PORT' : 'HTTP_PORT']: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const forget = atEnd(() => kill(this.child));
    this.#ended = once(this.child, 'exit').then(([code, signal]) => {
      void forget();
      throw new Error(`the program ended (${signal ?? code}):\n${this.#lines.slice(-10).join('\n')}`);
    });
    this.#ended.catch(() => {});
    if (this.child.stdout) createInterface(this.child.stdout).on('line', (line) => this.#onLine(line));
  }

  /** Starts it. The clock of {@link logged} begins here. */
  static async start(home: Home, role: 'all' | 'gateway' | 'worker' = 'all'): Promise<RunningProgram> {
    return new RunningProgram(home, role, await freePort());
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /**
   * Waits for a line of the log.
   * @returns when it came, in ms since the process was started
   */
  async logged(message: string): Promise<number> {
    const seenAt = this.#seen.get(message);
    if (seenAt !== undefined) return seenAt;
    return this.#patiently(new Promise((resolve) => this.#waiting.add({ text: message, resolve })), `"${message}" in the log`);
  }

  /** Posts and expects a job. @returns the job's own address */
  async submit(path: string, body: unknown): Promise<string> {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (answer.status !== 202) throw new Error(`${path} was not accepted: ${answer.status} ${text}`);
    return (JSON.parse(text) as { readonly pollUrl: string }).pollUrl;
  }

  /** Asks for a job every 100 ms until it has ended. @throws Error unless it was completed */
  async completed(pollUrl: string): Promise<JobAnswer> {
    return this.#patiently(this.#poll(pollUrl), `the end of ${pollUrl}`);
  }

  /** @returns how many events its actors have handled so far, all of them together */
  async eventsHandled(): Promise<number> {
    const sum = ({ events, children }: ActorAnswer): number => children.reduce((all, child) => all + sum(child), events.handled);
    return sum((await (await fetch(`${this.url}/api/state`)).json()) as ActorAnswer);
  }

  /** Waits until it answers at the path with 200. */
  async answers(path: string): Promise<void> {
    for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt; ) {
      const status = await Promise.race([
        fetch(this.url + path).then(
          (answer) => answer.status,
          () => 0,
        ),
        this.#ended,
      ]);
      if (status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${this.url}${path} did not answer in time`);
  }

  /** Asks it to stop and waits until it has. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
  }

  async #poll(pollUrl: string): Promise<JobAnswer> {
    for (;;) {
      const job = (await (await fetch(this.url + pollUrl)).json()) as JobAnswer;
      if (job.status === 'completed') return job;
      if (job.status === 'failed' || job.status === 'cancelled')
        throw new Error(`the job ${job.status}: ${JSON.stringify(job.error)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #patiently<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const impatience = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${what} did not come in time:\n${this.#lines.slice(-10).join('\n')}`)),
        PATIENCE_MS,
      );
    });
    return Promise.race([work, this.#ended, impatience]).finally(() => clearTimeout(timer));
  }

  #onLine(line: string): void {
    const atMs = performance.now() - this.#startedAt;
    this.#lines.push(line);
    if (this.#lines.length > 100) this.#lines.shift();
    const message = line.startsWith('{') ? String((JSON.parse(line) as { msg?: unknown }).msg) : line;
    if (!this.#seen.has(message)) this.#seen.set(message, atMs);
    for (const waiting of this.#waiting) {
      if (waiting.text !== message) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(atMs);
    }
  }
}

/** @returns a port that was free a moment ago */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
