import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, test } from 'vitest';
import { freePort } from './free-port.ts';
import { until } from './program.ts';

/** Ends the server ($1) as soon as its standard input ends: also when the test's process is killed, which nothing inside it would live to see. */
const GUARDIAN = 'cat > /dev/null; kill -CONT "$1"; kill -KILL "$1"';

const BINARY = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'redis-server'))
  .find((path) => existsSync(path));
const MISSING = 'no redis-server found in PATH';

/** A suite that needs Redis. Where none is installed it is skipped, and its title says so; with `VIGILIA_TEST_REQUIRE=all` it fails. */
export function describeRedis(title: string, body: () => void): void {
  if (BINARY !== undefined) {
    describe(title, body);
  } else if (process.env.VIGILIA_TEST_REQUIRE === 'all') {
    describe(title, () => {
      test('needs Redis', () => {
        throw new Error(MISSING);
      });
    });
  } else {
    describe.skip(`${title}: SKIPPED, ${MISSING}`, () => {
      test('is skipped', () => {});
    });
  }
}

/** A Redis server, or a Sentinel, of a test's own: loopback, a free port, a temporary folder. */
export class PrivateRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #config: string;
  readonly #isSentinel: boolean;
  #child: ChildProcess | undefined;
  #guardian: ChildProcess | undefined;

  private constructor(port: number, folder: string, config: string, isSentinel: boolean) {
    this.port = port;
    this.#folder = folder;
    this.#config = config;
    this.#isSentinel = isSentinel;
  }

  /** @param config further lines of its file */
  static async start(config: readonly string[] = [], isSentinel = false): Promise<PrivateRedis> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'vigilia-redis-'));
    const file = join(folder, 'redis.conf');
    const own = ['bind 127.0.0.1', `port ${port}`, `dir ${folder}`, ...(isSentinel ? [] : ['save ""'])];
    await writeFile(file, [...own, ...config, ''].join('\n'));
    const server = new PrivateRedis(port, folder, file, isSentinel);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The server's process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const child = spawn(BINARY ?? '', [this.#config, ...(this.#isSentinel ? ['--sentinel'] : [])], { stdio: 'ignore' });
    this.#child = child;
    this.#guardian = spawn('sh', ['-c', GUARDIAN, 'sh', String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
    await until(async () => (await this.ask((client) => client.ping()).catch(() => undefined)) !== undefined || undefined);
  }

  /** Asks it something over a connection of its own. */
  async ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.port, '127.0.0.1', { lazyConnect: true, retryStrategy: null, commandTimeout: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return await question(client);
    } finally {
      client.disconnect();
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await exited;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#guardian?.stdin?.end();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A master, a replica of it, and three Sentinels that watch them. */
export class RedisCluster {
  readonly nodes: readonly PrivateRedis[];
  readonly sentinels: readonly PrivateRedis[];

  private constructor(nodes: readonly PrivateRedis[], sentinels: readonly PrivateRedis[]) {
    this.nodes = nodes;
    this.sentinels = sentinels;
  }

  static async start(name: string): Promise<RedisCluster> {
    const master = await PrivateRedis.start();
    const replica = await PrivateRedis.start([`replicaof 127.0.0.1 ${master.port}`]);
    const watch = [
      `sentinel monitor ${name} 127.0.0.1 ${master.port} 2`,
      // Not for production: a machine that is busy for a second would lose its master.
      `sentinel down-after-milliseconds ${name} 1500`,
      `sentinel failover-timeout ${name} 5000`,
    ];
    const sentinels = await Promise.all([1, 2, 3].map(() => PrivateRedis.start(watch, true)));
    const cluster = new RedisCluster([master, replica], sentinels);
    // Until they have met, and know of the replica, they cannot agree on another master.
    await until(async () => {
      const known = await Promise.all(
        sentinels.map((sentinel) => sentinel.ask((client) => client.call('SENTINEL', 'MASTER', name))),
      );
      const fields = known.map((list) => Object.fromEntries(pairs(list as string[])));
      const met = fields.every((seen) => seen['num-other-sentinels'] === '2' && seen['num-slaves'] === '1');
      return met || undefined;
    });
    return cluster;
  }

  /** @param name of the master */
  url(name: string): string {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${name}`;
  }

  async remove(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((node) => node.remove()));
  }
}

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((field, at) => (at % 2 === 0 ? [[field, list[at + 1] ?? ''] as [string, string]] : []));
}
