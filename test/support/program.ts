import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HealthReport } from '../../src/ports.ts';

/** The built program: `npm test` builds it first. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Environment that must not leak from whoever runs the tests into the programs under test. */
const FOREIGN =
  /^(VIGILIA_|GATEWAY_|TELEGRAM_|SIMULATOR_|SESSION_KEY|HTTP_|OPS_|DATABASE_|REDIS_|RABBITMQ_|NODE_ENV$|LOG_LEVEL$)/;

type Env = Readonly<Record<string, string>>;

/** @returns a fresh folder that is removed when the function given to `onEnd` runs */
export async function temporaryFolder(onEnd: (remove: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vigilia-'));
  onEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** @returns a port that was free a moment ago */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One line of the log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A process of the program, as its users see it. */
export class Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly log: LogLine[] = [];
  stderr = '';
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  #listeners = new Set<() => void>();

  constructor(args: readonly string[], env: Env, cwd: string) {
    const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    this.url = `http://127.0.0.1:${env.HTTP_PORT}`;
    this.child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
      for (const listener of this.#listeners) listener();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        resolve(signal ?? code ?? 0);
        for (const listener of this.#listeners) listener();
      });
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the first log line, past or future, that fits. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.log.find(fits);
      if (found) return found;
      if (!this.running) throw new Error(`the program ended before it logged that\n${this.tail()}`);
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  /** Resolves once `/health` says `ok`. */
  async healthy(): Promise<HealthReport> {
    await this.logged(({ msg }) => msg === 'connected');
    return until(async () => {
      const report = (await this.get('/health')).body as HealthReport;
      return report.status === 'ok' ? report : undefined;
    });
  }

  async get(path: string, headers: Env = {}): Promise<{ status: number; body: unknown; headers: Headers }> {
    const answer = await fetch(this.url + path, { headers });
    return { status: answer.status, body: await answer.json(), headers: answer.headers };
  }

  async post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /** Asks it to stop. @returns its exit code */
  async stop(): Promise<number | string> {
    this.child.kill('SIGTERM');
    return this.exited;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  tail(): string {
    return `${this.log
      .slice(-15)
      .map((line) => JSON.stringify(line))
      .join('\n')}\n${this.stderr.slice(-2000)}`;
  }
}

/** Asks again and again, as fast as the answers come, until there is one that counts. The test's own time-out bounds it. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
