import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Ends the server's processes (group $1) and its epmd ($2) as soon as its standard input ends, and deletes its folder ($3): also when the test's process is killed. */
const GUARDIAN =
  'while read -r _; do :; done; kill -s CONT -- "-$1"; kill -s KILL -- "-$1"; kill -s KILL "$2"; sleep 1; rm -rf "$3"';

/** The scripts in the path ask for another user first. */
const FOLDER = '/usr/lib/rabbitmq/bin';
const IS_INSTALLED = existsSync(join(FOLDER, 'rabbitmq-server'));
const MISSING = `no rabbitmq-server found in ${FOLDER}`;

/** A suite that needs RabbitMQ. Where none is installed it is skipped, and its title says so; with `VIGILIA_TEST_REQUIRE=all` it fails. */
export function describeRabbitmq(title: string, body: () => void): void {
  if (IS_INSTALLED) {
    describe(title, body);
  } else if (process.env.VIGILIA_TEST_REQUIRE === 'all') {
    describe(title, () => {
      test('needs RabbitMQ', () => {
        throw new Error(MISSING);
      });
    });
  } else {
    describe.skip(`${title}: SKIPPED, ${MISSING}`, () => {
      test('is skipped', () => {});
    });
  }
}

/** A RabbitMQ server of a test's own, with an epmd of its own: loopback, free ports, a temporary folder. It takes about ten seconds to start: one a file. */
export class PrivateRabbitmq {
  readonly port: number;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #epmd: ChildProcess;
  #child: ChildProcess | undefined;
  #guardian: ChildProcess | undefined;

  private constructor(port: number, folder: string, env: Readonly<Record<string, string>>, epmd: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#env = env;
    this.#epmd = epmd;
  }

  /** @param more further lines of its file */
  static async start(more: readonly string[] = []): Promise<PrivateRabbitmq> {
    const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
    const folder = await mkdtemp(join(tmpdir(), 'vigilia-rabbitmq-'));
    const config = join(folder, 'rabbitmq.conf');
    // Its users: guest, who may everything from loopback.
    const lines = [`listeners.tcp.default = 127.0.0.1:${port}`, 'log.console = false', 'log.file.level = warning', ...more];
    await writeFile(config, `${lines.join('\n')}\n`);
    await writeFile(join(folder, 'enabled_plugins'), '[].\n');
    const epmd = spawn('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      LANG: 'C.UTF-8',
      RABBITMQ_NODENAME: `vigilia-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distPort),
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
    };
    const server = new PrivateRabbitmq(port, folder, env, epmd);
    await server.start();
    return server;
  }

  get url(): string {
    return this.urlAs('guest', 'guest');
  }

  /** @param vhost as in a URL @default the server's first one */
  urlAs(user: string, password: string, vhost = '', port = this.port): string {
    return `amqp://${user}:${password}@127.0.0.1:${port}/${vhost}`;
  }

  /** Starts it, with what it had on disk. */
  async start(): Promise<void> {
    // A group of its own: what its script starts ends with it.
    const child = spawn(join(FOLDER, 'rabbitmq-server'), [], {
      env: this.#env,
      cwd: this.#folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    // The one before would end the epmd with what it guarded.
    this.#guardian?.kill('SIGKILL');
    this.#guardian = spawn('sh', ['-c', GUARDIAN, 'sh', String(child.pid), String(this.#epmd.pid), this.#folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      const hear = (text: Buffer): void => {
        said += text.toString();
        if (/completed with \d+ plugins/.test(said)) resolve();
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      child.once('exit', () => reject(new Error(`RabbitMQ did not start:\n${said}`)));
    });
  }

  /** `rabbitmqctl`, which takes about a second. @returns what it prints */
  async ctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(join(FOLDER, 'rabbitmqctl'), ['-q', '-n', this.#env.RABBITMQ_NODENAME ?? '', ...args], {
      env: this.#env,
      cwd: this.#folder,
    });
    return stdout;
  }

  /** Before a kill: it keeps what it knows of new quorum queues in memory for up to three seconds, and one it has forgotten never answers. */
  async settle(): Promise<void> {
    await this.ctl('eval', '[dets:sync(Table) || Table <- dets:all()].');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    this.#signal('SIGCONT');
    this.#signal('SIGKILL');
    await exited;
  }

  /** Every thread of it stands still afterwards: one that still runs on another core could answer what comes next. */
  freeze(): void {
    this.#signal('SIGSTOP');
    const giveUpAt = performance.now() + 2_000;
    while (!this.#standsStill() && performance.now() < giveUpAt) {}
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#epmd.kill('SIGKILL');
    this.#guardian?.stdin?.end();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #standsStill(): boolean {
    const threads = execFileSync('ps', ['-eLo', 'pgid=,stat=']).toString().split('\n');
    const own = threads.map((line) => line.trim().split(/\s+/)).filter(([group]) => group === String(this.#child?.pid));
    return own.every(([, state]) => /^[TZ]/.test(state ?? ''));
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) process.kill(-pid, signal);
  }
}
