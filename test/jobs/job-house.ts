import { createMemoryBroker } from '../../src/actors/broker/memory.broker.ts';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import type { Action } from '../../src/actors/jobs/action.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { consumerSpec } from '../../src/actors/jobs/consumer.actor.ts';
import { dispatcherSpec, Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { Registry } from '../../src/actors/registry.ts';
import { openStore } from '../../src/actors/store/open-store.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Intake, Job, JobRequest, Store } from '../../src/ports.ts';
import { ScriptedLink } from './scripted-link.ts';

/** Opens the database of a test file: the real store, gone with the process. */
export async function openTestStore(): Promise<Store> {
  const store = await openStore({ kind: 'pglite', dataDir: 'memory' }, { clock: systemClock, log: silentLog });
  await store.prepare({ kind: 'simulator', id: 'test' });
  return store;
}

/** Makes an account a consumer's, as holding its lease does. */
export async function takeAccount(store: Store, accountId: string, owner = 'test'): Promise<number> {
  await store.ensureAccount(accountId);
  return store.takeAccount(accountId, owner);
}

type Calls = Record<string, (...args: unknown[]) => Promise<unknown>>;

let houses = 0;

/** One account with everything that serves its jobs: real store, broker, intake, dispatcher and consumer; Telegram is scripted. */
export class JobHouse {
  readonly accountId = `account-${++houses}`;
  readonly link: ScriptedLink;
  readonly broker = createMemoryBroker(silentLog);
  readonly nudge = new Nudge();
  readonly actions: Map<string, Action> = new Map(
    [syncMessages, getChannels].map((action): [string, Action] => [action.name, action]),
  );
  /** The store as everybody here sees it. */
  readonly store: Store;
  readonly line: AccountLine;
  readonly intake: Intake;
  /** Makes every call of the store fail, as when the database is away. */
  storeIsDown = false;
  /** Looks at each call before it is made, and may hold it back. */
  beforeCall: (name: string, args: readonly unknown[]) => Promise<void> = async () => {};
  /** Looks at each call after it was made, and may lose its answer. */
  afterCall: (name: string, args: readonly unknown[]) => Promise<void> = async () => {};
  /** Real time, plus what the test skips. */
  readonly clock = {
    ...systemClock,
    now: () => systemClock.now() + this.#skippedMs,
    monotonic: () => systemClock.monotonic() + this.#skippedMs,
  };
  #skippedMs = 0;
  /** Calls that found the database away. */
  refused = 0;
  readonly #real: Store;
  readonly #systems: ActorSystem[] = [];
  readonly #listeners = new Set<() => void>();
  #entropy = 0;

  constructor(real: Store, channelSize = 0) {
    this.#real = real;
    this.link = new ScriptedLink(-1_000_000_100_000 - houses, channelSize);
    this.line = new AccountLine(this.accountId, this.clock, () => 0);
    this.store = this.#watched(real);
    this.intake = createIntake({
      clock: this.clock,
      entropy: (bytes) => {
        const count = ++this.#entropy;
        return new Uint8Array(bytes).map((_, digit) => Math.floor(count / 32 ** digit) % 32);
      },
      store: this.store,
      actions: this.actions,
      defaultAccount: this.accountId,
      nudge: this.nudge.ring,
    });
  }

  /** Telegram is there. */
  goOnline(link = this.link): void {
    this.line.attach(link, { onTrouble: () => {}, onSilence: () => {} });
  }

  skip(ms: number): void {
    this.#skippedMs += ms;
    this.nudge.ring();
  }

  /** Starts a worker: a dispatcher and a consumer of its own. */
  async start(line = this.line, random = () => 0): Promise<ActorSystem> {
    const { clock, store, broker, nudge, actions, accountId } = this;
    const deps = { clock, random, log: silentLog };
    const system = startSystem(
      {
        children: [
          dispatcherSpec(nudge, { clock, log: silentLog, store, broker, accounts: () => [accountId] }),
          consumerSpec(line, {
            ...deps,
            store,
            broker,
            actions,
            cache: createMemoryCache(clock),
            raiseToken: (id) => takeAccount(store, id),
            nudge: nudge.ring,
          }),
        ],
      },
      { ...deps, registry: new Registry(clock) },
    );
    this.#systems.push(system);
    await system.started;
    return system;
  }

  async submit(request: Partial<JobRequest> = {}): Promise<Job> {
    const params = { channelId: this.link.username, limit: 1_000, ...request.params };
    const { jobId } = await this.intake.submit({ action: 'sync-messages', ...request, params });
    return (await this.#real.findJob(jobId)) as Job;
  }

  /** Resolves with the job once its row fits. */
  async until(id: string, fits: (job: Job) => boolean): Promise<Job> {
    for (;;) {
      const changed = this.nextStep();
      const job = await this.#real.findJob(id);
      if (job && fits(job)) return job;
      await changed;
    }
  }

  ended(id: string): Promise<Job> {
    return this.until(id, (job) => job.endedAt !== null);
  }

  /** Resolves after the next step of any job. */
  nextStep(): Promise<void> {
    return new Promise((resolve) => {
      const listener = (): void => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  /** Names of the job's events. */
  async history(id: string): Promise<string[]> {
    return (await this.#real.jobEvents(id)).map(({ event }) => event);
  }

  /** How far the job said it was, commit by commit. */
  async progress(id: string): Promise<unknown[]> {
    return (await this.#real.jobEvents(id)).filter(({ event }) => event === 'PROGRESS').map(({ detail }) => detail.done);
  }

  async close(): Promise<void> {
    this.storeIsDown = false;
    this.beforeCall = async () => {};
    this.afterCall = async () => {};
    this.link.release();
    await Promise.all(this.#systems.map((system) => system.stop()));
  }

  #watched(real: Store): Store {
    return new Proxy(real, {
      get: (target, name: string) => {
        const method = (target as unknown as Calls)[name];
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          if (this.storeIsDown) {
            this.refused++;
            for (const listener of this.#listeners) listener();
            throw new VigiliaError('STORE_UNAVAILABLE', 'the test took the database away');
          }
          await this.beforeCall(name, args);
          const result = await method.apply(target, args);
          await this.afterCall(name, args);
          if (name === 'stepJob' || name === 'insertJobs') for (const listener of this.#listeners) listener();
          return result;
        };
      },
    });
  }
}
