import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openStore } from '../../src/actors/store/open-store.ts';
import { gramJsTelegram } from '../../src/actors/telegram/gramjs/gramjs-telegram.ts';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { silentLog } from '../../src/log.ts';
import type { LeaseRow, Store } from '../../src/ports.ts';
import { openSessionVault } from '../../src/session-program.ts';
import { worldOf } from '../../src/worlds.ts';
import { SimulatorProcess } from '../simulator/simulator-process.ts';
import { freePort } from '../support/free-port.ts';
import { type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { type Env, Program, temporaryFolder } from '../support/program.ts';

const CHANNEL = { username: 'leased', title: 'Leased', kind: 'channel', messages: 3_000, seed: 5 } as const;

type End = () => Promise<void>;

/** One Telegram and one PostgreSQL for several houses. */
class Ground {
  readonly folder: string;
  readonly simulator: SimulatorProcess;
  readonly postgres: PrivatePostgres;

  constructor(folder: string, simulator: SimulatorProcess, postgres: PrivatePostgres) {
    this.folder = folder;
    this.simulator = simulator;
    this.postgres = postgres;
  }

  static async open(people: number, onEnd: (end: End) => void): Promise<Ground> {
    const folder = await temporaryFolder(onEnd);
    const worldPath = join(folder, 'world.json');
    const accounts = Array.from({ length: people }, (_, index) => ({
      phone: `9996620${String(index).padStart(4, '0')}`,
      code: '22222',
    }));
    writeFileSync(worldPath, JSON.stringify({ accounts, channels: [CHANNEL] }));
    const [postgres, simulator] = await Promise.all([
      startPostgres(),
      SimulatorProcess.start({ worldPath, dataDir: join(folder, 'simulator'), logLevel: 'error' }),
    ]);
    onEnd(() => postgres.remove());
    onEnd(() => simulator.kill());
    return new Ground(folder, simulator, postgres);
  }
}

/** A database with the sealed sessions of some accounts, and as many workers and gateways as a test starts. */
export class LeaseHouse {
  readonly postgres: PrivatePostgres;
  readonly databaseUrl: string;
  /** Where Telegram is. */
  readonly telegramPort: number;
  /** What the workers would read: for a look past them. */
  readonly store: Store;
  readonly accounts: readonly string[];
  readonly #ground: Ground;
  readonly #phones: readonly string[];
  readonly #folder: string;
  readonly #env: Env;
  readonly #programs: Program[] = [];

  private constructor(
    ground: Ground,
    parts: Pick<LeaseHouse, 'databaseUrl' | 'store' | 'accounts'> & { phones: readonly string[]; folder: string; env: Env },
  ) {
    this.#ground = ground;
    this.postgres = ground.postgres;
    this.telegramPort = ground.simulator.info.address.port;
    this.databaseUrl = parts.databaseUrl;
    this.store = parts.store;
    this.accounts = parts.accounts;
    this.#phones = parts.phones;
    this.#folder = parts.folder;
    this.#env = parts.env;
  }

  /** @param counts how many accounts each house has, all of them logged in once @returns as many houses */
  static async open(counts: readonly number[], onEnd: (end: End) => void): Promise<LeaseHouse[]> {
    const ground = await Ground.open(
      counts.reduce((sum, count) => sum + count, 0),
      onEnd,
    );
    const people = [...ground.simulator.info.accounts];
    const houses: LeaseHouse[] = [];
    for (const count of counts) houses.push(await LeaseHouse.#on(ground, houses.length, people.splice(0, count), onEnd));
    return houses;
  }

  static async #on(
    ground: Ground,
    number: number,
    people: readonly { readonly phone: string; readonly code: string }[],
    onEnd: (end: End) => void,
  ): Promise<LeaseHouse> {
    const { address, publicKeyFile, publicKeyPem } = ground.simulator.info;
    const folder = join(ground.folder, String(number));
    const { url } = await ground.postgres.createDatabase();
    const env = {
      DATABASE_URL: url,
      SESSION_STORE: 'database',
      SESSION_KEY: 'a key for the tests of leases',
      TELEGRAM_SERVER: `${address.host}:${address.port}`,
      TELEGRAM_SERVER_KEY: publicKeyFile,
    };
    const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
    onEnd(() => store.close());
    const config = readConfig(
      env,
      () => publicKeyPem,
      () => true,
    );
    await store.prepare(worldOf(config.telegram, undefined));
    const tokens = new Map<string, number>();
    const vault = openSessionVault(config, folder, store, {
      clock: systemClock,
      log: silentLog,
      tokenOf: (id) => tokens.get(id),
    });
    const server = { ...address, dcId: 2, publicKeyPem };
    const telegram = gramJsTelegram({ apiId: 1, apiHash: 'test', server }, { clock: systemClock, log: silentLog });
    const accounts: string[] = [];
    for (const [index, { phone, code }] of people.entries()) {
      const id = `account-${index + 1}`;
      await store.ensureAccount(id);
      tokens.set(id, await store.takeAccount(id, 'the test'));
      const link = telegram.open('', [], { onDown: () => {}, onUpdates: () => {} });
      await link.connect();
      await link.signIn(phone, await link.sendCode(phone), code);
      await link.state();
      await vault.write(id, link.session());
      await link.close();
      accounts.push(id);
    }
    const phones = people.map(({ phone }) => phone);
    const house = new LeaseHouse(ground, { folder, databaseUrl: url, store, accounts, phones, env });
    onEnd(() => house.#end());
    return house;
  }

  /** @param name of its data directory: the same name is the same installation */
  async worker(name: string, env: Env = {}): Promise<Program> {
    return this.#start(name, { VIGILIA_ROLE: 'worker', OPS_PORT: String(await freePort()), ...env });
  }

  async gateway(env: Env = {}): Promise<Program> {
    return this.#start('gateway', { VIGILIA_ROLE: 'gateway', HTTP_PORT: String(await freePort()), ...env });
  }

  #start(name: string, env: Env): Program {
    const dataDir = join(this.#folder, name);
    const program = new Program(['start'], { ...this.#env, VIGILIA_DATA_DIR: dataDir, ...env }, this.#ground.folder);
    this.#programs.push(program);
    return program;
  }

  /** Ends every process that was started, also those that stand still. */
  async #end(): Promise<void> {
    for (const { child } of this.#programs) child.kill('SIGCONT');
    await Promise.all(this.#programs.map((program) => program.kill()));
  }

  async leaseOf(account: string): Promise<LeaseRow> {
    const row = (await this.store.leases()).find(({ accountId }) => accountId === account);
    if (!row) throw new Error(`no row of ${account}`);
    return row;
  }

  /** Sockets that are open on the keys of the accounts now, by account, and the most that any of those keys was used over at one time. */
  async sockets(): Promise<{ readonly open: readonly number[]; readonly most: number }> {
    const { keys } = await this.#ground.simulator.control.tell('stats', {});
    const own = this.#phones.map((phone) => keys.filter((key) => key.phone === phone));
    return {
      open: own.map((some) => some.reduce((sum, { sockets }) => sum + sockets, 0)),
      most: Math.max(...own.flat().map(({ maxSockets }) => maxSockets)),
    };
  }
}

/**
 * Not asked for again and again: what waits for most of a minute shall leave the machine to others.
 * @param from where in its log to look from: what it has written until then is of an earlier time
 * @returns ms until a worker says that it serves the account
 */
export async function untilServed(program: Program, account: string, since = performance.now(), from = 0): Promise<number> {
  await program.logged((line) => line.msg === 'connected' && line.account === account && program.log.indexOf(line) >= from);
  return Math.round(performance.now() - since);
}

/** Asks until there is an answer that counts, a few times a second: for what takes many seconds. */
export async function untilSlowly<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await pause(200);
  }
}
