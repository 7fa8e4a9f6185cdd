import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { HealthReport } from '../../src/ports.ts';
import type { GeneratedChannelOptions } from '../../src/simulator/generated-channel.ts';
import { SHORT_LIVED } from './short-lived.ts';

const run = promisify(execFile);

/** The built program: `npm test` builds it first. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Environment that must not leak from whoever runs the tests into the programs under test. */
const FOREIGN =
  /^(VIGILIA_|GATEWAY_|TELEGRAM_|SIMULATOR_|SESSION_(KEY|STORE|BACKUP)|HTTP_|OPS_|DATABASE_|REDIS_|RABBITMQ_|NODE_ENV$|LOG_LEVEL$)/;

export type Env = Readonly<Record<string, string>>;

/** A job as `GET …/jobs/:id` gives it. */
export interface JobAnswer {
  readonly status: string;
  readonly attempts: number;
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly nextAttemptAt: string | null;
}

const JOB_HAS_ENDED = ['completed', 'failed', 'cancelled'];

/** @returns a fresh folder that is removed when the function given to `onEnd` runs */
export async function temporaryFolder(onEnd: (remove: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vigilia-'));
  onEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Makes a world of generated channels. @returns its folder, for `SIMULATOR_WORLD` */
export async function writeWorld(folder: string, channels: readonly GeneratedChannelOptions[]): Promise<string> {
  const world = join(folder, 'world');
  await mkdir(world, { recursive: true });
  await writeFile(join(world, 'world.json'), JSON.stringify({ channels }));
  return world;
}

/** Whether a process runs; one that only waits for its parent to notice its end does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

/** @returns ids of the running processes whose command line has this text in it */
export async function processesNaming(text: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,stat=,args='], { maxBuffer: 2 ** 24 });
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[3]?.includes(text) && !match[2]?.startsWith('Z'))
    .map((match) => Number(match?.[1]));
}

/** One line of the log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Env;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

export interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A process of the program, as its users see it. */
export class Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly log: LogLine[] = [];
  stdout = '';
  stderr = '';
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** It is gone, and all it wrote is read. */
  #ended = false;
  #listeners = new Set<() => void>();

  /** @param nodeOptions none, and it runs as its users run it */
  constructor(args: readonly string[], env: Env, cwd: string, nodeOptions = SHORT_LIVED) {
    const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    this.url = `http://127.0.0.1:${env.VIGILIA_ROLE === 'worker' ? env.OPS_PORT : env.HTTP_PORT}`;
    this.child = spawn(process.execPath, [...nodeOptions, MAIN, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
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
        this.#ended = true;
        resolve(signal ?? code ?? 0);
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** Resolves with the first log line, past or future, that fits. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.log.find(fits);
      if (found) return found;
      if (this.#ended) throw new Error(`the program ended before it logged that\n${this.tail()}`);
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

  /** Any request, with any headers, over any connection. */
  async ask(path: string, { method = 'GET', headers = {}, body, agent }: AskOptions = {}): Promise<Asked> {
    return new Promise((resolve, reject) => {
      const asking = request(this.url + path, { method, headers, ...(agent && { agent }) }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        answer.on('error', reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });
  }

  async health(): Promise<{ status: number; report: HealthReport }> {
    const { status, body } = await this.get('/health');
    return { status, report: body as HealthReport };
  }

  /** Asks for a channel's messages. @returns where the accepted job can be asked for */
  async sync(channelId: string, limit: number): Promise<string> {
    const { status, body } = await this.post('/api/telegram-gateway/sync-messages', { channelId, limit, force: true });
    if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
    return String(body.pollUrl);
  }

  /** @returns the job once it is as wanted; by default, once it has ended */
  async job(
    pollUrl: string,
    wanted: (job: JobAnswer) => boolean = ({ status }) => JOB_HAS_ENDED.includes(status),
  ): Promise<JobAnswer> {
    return until(async () => {
      const job = (await this.get(pollUrl)).body as JobAnswer;
      return wanted(job) ? job : undefined;
    });
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

/** The pauses of {@link until}, in ms: a hundredth of what has been waited, within these. */
const PAUSE_MS = { least: 25, most: 100 } as const;

/**
 * Asks again and again until there is an answer that counts: as fast as the answers come at first, and not so often where it takes long, since
 * whoever is asked shares the machine with everybody else. The test's own time-out bounds it.
 * @param mostMs the longest pause, in ms: for what comes after a long wait and is soon over
 */
export async function until<T>(ask: () => Promise<T | undefined>, mostMs: number = PAUSE_MS.most): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    const pauseMs = Math.min(Math.max((performance.now() - startedAt) / 100, PAUSE_MS.least), mostMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
