import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { type Env, until } from '../support/program.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { logEverybodyIn } from './log-in.ts';
import type { Fault } from './plan.ts';
import { PROGRAMS, WORKERS, wayName } from './rules.ts';
import { type Backends, startBackends } from './servers/backends.ts';
import { RespawnedProgram } from './servers/program.ts';
import { RespawnedSimulator } from './servers/simulator.ts';
import { befall, obstruct, type Subject } from './subject.ts';
import { WORLD } from './world.ts';

const API = '/api/telegram-gateway';

/** The name of a process of the program. */
export type ProgramName = (typeof PROGRAMS)[number];

/** Takes what is to be ended, in the order in which it was started. */
export type OnEnd = (end: () => Promise<void>) => void;

/** Everything that runs: servers, the simulator, the processes of the program, and the ways between them. */
export class Stage {
  /** All that is written down, and kept where the run fails. */
  readonly folder: string;
  readonly simulator: RespawnedSimulator;
  readonly programs = {} as Record<ProgramName, RespawnedProgram>;
  /** Each process itself, past the ways. */
  readonly directUrls = {} as Record<ProgramName, string>;
  readonly #backends: Backends;
  readonly #ways = new Map<string, TcpProxy>();
  readonly #onEnd: OnEnd;
  readonly #complain: (finding: string) => void;

  private constructor(
    folder: string,
    simulator: RespawnedSimulator,
    backends: Backends,
    onEnd: OnEnd,
    complain: (finding: string) => void,
  ) {
    this.folder = folder;
    this.simulator = simulator;
    this.#backends = backends;
    this.#onEnd = onEnd;
    this.#complain = complain;
  }

  /**
   * Starts all of it, and logs the accounts in.
   * @param folder where all is written down
   * @param complain is told of what should never happen: a process that ends by itself, or does not stop
   */
  static async open(folder: string, complain: (finding: string) => void, onEnd: OnEnd): Promise<Stage> {
    const worldPath = join(folder, 'world');
    for (const path of [worldPath, join(folder, 'logs')]) mkdirSync(path);
    writeFileSync(join(worldPath, 'world.json'), JSON.stringify(WORLD));
    const [backends, simulator] = await Promise.all([
      startBackends(onEnd),
      RespawnedSimulator.start({ worldPath, dataDir: join(folder, 'simulator') }, complain),
    ]);
    onEnd(() => simulator.end());
    const stage = new Stage(folder, simulator, backends, onEnd, complain);
    for (const name of PROGRAMS) await stage.#startProgram(name);
    await stage.#way('clients', 'gateway', Number(new URL(stage.directUrls.gateway).port));
    for (const name of PROGRAMS)
      await until(async () => ((await fetch(`${stage.directUrls[name]}/health/ready`)).ok ? true : undefined));
    await logEverybodyIn(stage.apiUrl, `${stage.directUrls.gateway}/health`);
    return stage;
  }

  /** The servers that there are, beside the simulator. */
  get servers(): readonly string[] {
    return [...this.#backends.subjects.keys()];
  }

  /** The gateway, as its clients reach it. */
  get apiUrl(): string {
    return `http://127.0.0.1:${this.#ways.get(wayName('clients', 'gateway'))?.port}${API}`;
  }

  /** The database, past the ways. */
  get databaseUrl(): string {
    return this.#backends.databaseUrl;
  }

  /** Does one fault. Resolves when its cause is over. */
  async apply({ target, kind, forMs }: Fault): Promise<void> {
    const [subject, way] = [this.#subject(target), this.#ways.get(target)];
    if (subject !== undefined) await befall(subject, kind, forMs);
    else if (way !== undefined) await obstruct(way, kind, forMs);
    else throw new Error(`there is no ${target}`);
  }

  /** Asks the processes to stop, as at the end of a day: one that does not, or not well, complains. */
  async stop(): Promise<void> {
    await Promise.all(Object.values(this.programs).map((program) => program.end()));
  }

  #subject(target: string): Subject | undefined {
    if (target === 'simulator') return this.simulator;
    return this.#backends.subjects.get(target) ?? this.programs[target as ProgramName];
  }

  async #startProgram(name: ProgramName): Promise<void> {
    const port = await freePort();
    this.directUrls[name] = `http://127.0.0.1:${port}`;
    const env = await this.#envOf(name, String(port));
    const program = new RespawnedProgram(name, env, this.folder, join(this.folder, 'logs', `${name}.log`), this.#complain);
    this.programs[name] = program;
    this.#onEnd(() => program.abandon());
  }

  async #envOf(name: ProgramName, port: string): Promise<Env> {
    const isWorker = WORKERS.some((worker) => worker === name);
    const { ports, databaseUrl } = this.#backends;
    const { address, publicKeyFile } = this.simulator.info;
    const database = new URL(databaseUrl);
    database.port = String(await this.#way(name, 'postgres', ports.postgres));
    // A gateway reads its world from it, and never goes there.
    const telegramPort = isWorker ? await this.#way(name, 'simulator', address.port) : address.port;
    return {
      VIGILIA_ROLE: isWorker ? 'worker' : 'gateway',
      VIGILIA_DATA_DIR: join(this.folder, name),
      [isWorker ? 'OPS_PORT' : 'HTTP_PORT']: port,
      DATABASE_URL: database.href,
      DATABASE_DIRECT_URL: databaseUrl,
      REDIS_URL: `redis://127.0.0.1:${await this.#way(name, 'redis', ports.redis)}`,
      RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${await this.#way(name, 'rabbitmq', ports.rabbitmq)}/`,
      SESSION_STORE: 'database',
      SESSION_KEY: 'a key for the chaos run',
      TELEGRAM_SERVER: `127.0.0.1:${telegramPort}`,
      TELEGRAM_SERVER_KEY: publicKeyFile,
    };
  }

  /** @returns the port at which the way begins */
  async #way(from: string, to: string, port: number): Promise<number> {
    const proxy = await TcpProxy.to(port);
    this.#ways.set(wayName(from, to), proxy);
    this.#onEnd(() => proxy.close());
    return proxy.port;
  }
}
