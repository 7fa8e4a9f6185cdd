import { join } from 'node:path';
import { Registry } from '../../src/actors/registry.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { claimUser } from '../../src/actors/telegram/account-user.ts';
import { gramJsTelegram } from '../../src/actors/telegram/gramjs/gramjs-telegram.ts';
import { LoginDesk, type LoginTarget } from '../../src/actors/telegram/login-desk.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { Sessions } from '../../src/actors/telegram/session/session-vault.ts';
import { systemClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { LoginRequest, LoginState, LoginTelegram, LoginView, Telegram } from '../../src/ports.ts';
import { DEFAULT_LIMITS } from '../../src/simulator/server-limits.ts';
import { House } from '../simulator/house.ts';
import { until } from '../support/program.ts';

export const PLAIN = { phone: '5511900001234', code: '11111' };
export const SAFE = { phone: '5511900002345', code: '48151623', password: 'correct horse', hint: 'a horse' };
export const AWAY = { phone: '5511900003456', code: '33333', dc: 4 };
export const AWAY_SAFE = { phone: '5511900004567', code: '44444', dc: 4, password: 'battery staple' };
export const BANNED = { phone: '5511900005678', code: '55555', number: 'banned' };
export const FLOODED = { phone: '5511900006789', code: '66666', number: 'flooded' };
export const WORLD = {
  accounts: [PLAIN, SAFE, AWAY, AWAY_SAFE, BANNED, FLOODED],
  channels: [{ username: 'news', messages: 20 }],
};

/** How a person begins. */
export const byCode = ({ phone }: { readonly phone: string }): LoginRequest => ({ method: 'code', phone: `+${phone}` });
export const BY_QR: LoginRequest = { method: 'qr' };

/** A log that keeps every line, as JSON. */
function keptLog(lines: string[]): Log {
  const keep = (fields: object, line: string): void => void lines.push(JSON.stringify({ ...fields, line }));
  const log: Log = { trace: keep, debug: keep, info: keep, warn: keep, error: keep, fatal: keep, child: () => log };
  return log;
}

/** How many there were: each has a vault of its own. */
let houses = 0;

/** A vault and the desk where people log in, over a simulator of two data centres that others may use before and after. */
export class LoginHouse {
  readonly house: House;
  readonly telegram: Telegram & LoginTelegram;
  readonly system: ActorSystem;
  readonly desk: LoginDesk;
  readonly vault: Sessions;
  readonly lines: string[] = [];
  /** What the desk told the account's connection. */
  readonly told: string[] = [];
  /** Of the account's connection. */
  state = 'reauth-required';
  /** The Telegram users that accounts are, as the database would keep them. */
  readonly users = new Map<string, number>();
  /** Looks at each save before it is made, and may refuse it. */
  beforeWrite: () => Promise<void> = async () => {};
  readonly registry: Registry;
  /** What had been called before. */
  readonly #calls: Readonly<Record<string, number>>;

  private constructor(house: House, dataCentres: boolean, calls: Readonly<Record<string, number>>) {
    this.house = house;
    this.#calls = calls;
    const { address, publicKeyPem, dataCentres: centres } = house.info;
    const server = { ...address, publicKeyPem, dcId: 2, ...(dataCentres ? { dataCentres: centres } : {}) };
    const log = keptLog(this.lines);
    this.telegram = gramJsTelegram({ apiId: 1, apiHash: 'test', server }, { clock: systemClock, log });
    const folder = join(house.folder, `sessions-${++houses}`);
    this.vault = openFileVault(folder, { key: null }, { world: 'test', clock: systemClock, log });
    this.registry = new Registry(systemClock);
    const deps = { clock: systemClock, random: () => 0, log, registry: this.registry };
    this.system = startSystem({ children: [supervisorSpec('logins', { children: [] }, deps)] }, deps);
    const target: LoginTarget = {
      health: () => ({ state: this.state }),
      loggedIn: () => void this.told.push('logged-in'),
      logOut: async () => void this.told.push('log-out'),
    };
    this.desk = new LoginDesk({
      ...deps,
      telegram: async () => this.telegram,
      sessions: {
        write: async (accountId, session) => {
          await this.beforeWrite();
          await this.vault.write(accountId, session);
        },
      },
      claimUser: async (accountId, userId) => {
        const bound = this.users.get(accountId) ?? userId;
        this.users.set(accountId, bound);
        await claimUser({ bindUser: async () => bound }, accountId, userId);
      },
      targetOf: (id) => (id === 'absent' ? undefined : target),
      exists: async (id) => id !== 'absent',
      supervisor: () => this.system.supervisor('root/logins'),
      isAlive: (id) => this.registry.tree(`root/logins/${id}`) !== undefined,
    });
  }

  /**
   * @param house as {@link simulator} gives it
   * @param dataCentres whether the client is told where the other data centre is, or has to ask
   */
  static async open(house: House, { dataCentres = true } = {}): Promise<LoginHouse> {
    const made = new LoginHouse(house, dataCentres, (await house.control.tell('stats', {})).calls);
    await made.system.started;
    return made;
  }

  /** The simulator that the houses of a file share: its process is most of what one costs. */
  static simulator(): Promise<House> {
    return House.open(WORLD);
  }

  get control() {
    return this.house.control;
  }

  /** Begins a login and waits for its next step. */
  async begin(request: LoginRequest, accountId = 'main'): Promise<LoginView> {
    await this.desk.begin(accountId, request, false);
    return this.desk.settled(accountId, 30_000);
  }

  async code(code: string, accountId = 'main'): Promise<LoginView> {
    await this.desk.giveCode(accountId, code);
    return this.desk.settled(accountId, 30_000);
  }

  async password(password: string, accountId = 'main'): Promise<LoginView> {
    await this.desk.givePassword(accountId, password);
    return this.desk.settled(accountId, 30_000);
  }

  async resend(accountId = 'main'): Promise<LoginView> {
    await this.desk.resendCode(accountId);
    return this.desk.settled(accountId, 30_000);
  }

  async cancel(accountId = 'main'): Promise<LoginView> {
    await this.desk.cancel(accountId);
    return this.desk.settled(accountId, 30_000);
  }

  reaches(state: LoginState, accountId = 'main'): Promise<LoginView> {
    return this.when((view) => view.state === state, accountId);
  }

  when(fits: (view: LoginView) => boolean, accountId = 'main'): Promise<LoginView> {
    return until(async () => {
      const view = await this.desk.view(accountId);
      return fits(view) ? view : undefined;
    });
  }

  /** How often a method was called in this house. */
  async calls(method: string): Promise<number> {
    return ((await this.control.tell('stats', {})).calls[method] ?? 0) - (this.#calls[method] ?? 0);
  }

  /** Whether a stored session is logged in, as Telegram says over a fresh connection. @returns whose it is, by his user id's login */
  async worksAs(session: string): Promise<string> {
    const link = this.telegram.open(session, [], { onDown: () => {}, onUpdates: () => {} });
    try {
      await link.connect();
      await link.state();
      const { keys } = await this.control.tell('stats', {});
      return keys.filter(({ sockets }) => sockets > 0).map(({ phone }) => phone)[0] ?? '';
    } finally {
      await link.close();
      await this.idle();
    }
  }

  /** Resolves once nobody is connected. */
  async idle(): Promise<void> {
    await until(async () => ((await this.control.tell('stats', {})).connections === 0 ? true : undefined));
  }

  /** Nothing that anybody can read has a secret in it. */
  leaks(secrets: readonly string[]): string[] {
    const state = JSON.stringify(this.system.tree());
    const details = JSON.stringify(this.system.find('root/logins/main') ?? {});
    return secrets.filter((secret) => [...this.lines, state, details].some((text) => text.includes(secret)));
  }

  /** Leaves the simulator as it was. */
  async close(): Promise<void> {
    await this.system.stop();
    await this.control.tell('thaw', {});
    await this.control.tell('limits', DEFAULT_LIMITS);
    for (const method of ['auth.signIn', 'auth.checkPassword']) await this.control.tell('delay', { method, delayMs: 0 });
    await this.idle();
  }
}
