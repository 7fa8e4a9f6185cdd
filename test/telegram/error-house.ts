import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createMemoryBroker } from '../../src/actors/broker/memory.broker.ts';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import type { Action } from '../../src/actors/jobs/action.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { consumerSpec } from '../../src/actors/jobs/consumer.actor.ts';
import { dispatcherSpec, Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { boxSpec } from '../../src/actors/telegram/box.actor.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { feedsSpec } from '../../src/actors/telegram/feeds.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { Sessions } from '../../src/actors/telegram/session/session-vault.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { AccountHealth, Job, Store } from '../../src/ports.ts';
import { takeAccount } from '../jobs/job-house.ts';
import { until } from '../support/program.ts';
import type { TelegramHouse } from './telegram-house.ts';

let lives = 0;

/**
 * One account as the program runs it, over a real link to a simulator: connection, box, feeds, consumer and dispatcher. Chance is half of what it
 * may be, so that a retry is a second away, and what waits for one can be looked at.
 */
export class ErrorHouse {
  readonly accountId = `errors-${++lives}`;
  readonly line = new AccountLine(this.accountId, systemClock, () => 0.5);
  readonly system: ActorSystem;
  readonly #store: Store;
  readonly #house: TelegramHouse;
  readonly #sessions: Sessions;
  readonly #submit: (params: Record<string, unknown>) => Promise<Job>;

  constructor(store: Store, house: TelegramHouse) {
    this.#store = store;
    this.#house = house;
    const { accountId, line } = this;
    const registry = new Registry(systemClock);
    const nudge = new Nudge();
    const broker = createMemoryBroker(silentLog);
    const actions = new Map<string, Action>([syncMessages, getChannels].map((action) => [action.name, action]));
    const deps = { clock: systemClock, random: () => 0.5, log: silentLog, store, cache: createMemoryCache(systemClock) };
    // With a key file: deriving a key from words costs more than the rest of a row.
    this.#sessions = openFileVault(
      join(house.folder, 'sessions'),
      { key: null },
      { world: 'test', clock: systemClock, log: silentLog },
    );
    const children = [
      dispatcherSpec(nudge, { ...deps, broker, accounts: () => [accountId] }),
      connectionSpec(line, { ...deps, telegram: house.telegram(), sessions: this.#sessions, credentials: () => house.account }),
      boxSpec(line, { ...deps, registry }),
      feedsSpec({ ...deps, registry }),
      consumerSpec(line, { ...deps, broker, actions, raiseToken: (id) => takeAccount(store, id), nudge: nudge.ring }),
    ];
    this.system = startSystem({ children }, { ...deps, registry });
    const intake = createIntake({
      ...deps,
      entropy: randomBytes,
      actions,
      defaultAccount: accountId,
      nudge: nudge.ring,
    });
    this.#submit = async (params) => {
      const { jobId } = await intake.submit({ action: 'sync-messages', params: params as never });
      return (await store.findJob(jobId)) as Job;
    };
  }

  /** Resolves once the account is authenticated and has caught up. */
  async live(): Promise<this> {
    await until(async () => this.system.find('root/connection')?.state.includes('service.live') || undefined);
    return this;
  }

  /** The session as it is stored. */
  session(): Promise<string | undefined> {
    return this.#sessions.read(this.accountId);
  }

  get generation(): number {
    return Number(this.system.find('root/connection')?.context?.generation);
  }

  /** Resolves once the connection has come to one of these states. */
  is(...states: string[]): Promise<AccountHealth> {
    return until(async () => {
      const health = this.line.health();
      return states.includes(health.state) ? health : undefined;
    });
  }

  submit(channelId = 'tales'): Promise<Job> {
    return this.#submit({ channelId, limit: 5 });
  }

  /** Resolves with the job once it fits. */
  job(id: string, fits: (job: Job) => boolean): Promise<Job> {
    return until(async () => {
      const job = await this.#store.findJob(id);
      return job && fits(job) ? job : undefined;
    });
  }

  /** What becomes of a job in order, without its progress: the event, and where it led. */
  async story(id: string): Promise<string[]> {
    const events = await this.#store.jobEvents(id);
    return events.filter(({ event }) => event !== 'PROGRESS').map(({ event, to }) => `${event} → ${to}`);
  }

  /** Has Telegram answer a method with an error, for good or so many times. */
  async fail(method: string, code: number, message: string, times?: number): Promise<void> {
    await this.#house.control.tell('fail', { method, code, message, ...(times === undefined ? {} : { times }) });
  }

  async heal(method: string): Promise<void> {
    await this.#house.control.tell('fail', { method, code: 0, message: '', times: 0 });
  }

  async calls(method: string): Promise<number> {
    return (await this.#house.control.tell('stats', {})).calls[method] ?? 0;
  }
}
