import { brokerLinkSpec } from '../../src/actors/broker/rabbitmq/broker-link.actor.ts';
import { type OpenedRabbitmqBroker, openRabbitmqBroker } from '../../src/actors/broker/rabbitmq/open-rabbitmq-broker.ts';
import { EventParts } from '../../src/actors/events/event-parts.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { ForeignPrograms } from '../../src/actors/jobs/foreign-programs.ts';
import type { ForeignTally } from '../../src/actors/jobs/foreign-tally.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';

const DEPS = { clock: systemClock, random: () => 0.1, log: silentLog };

type Calls = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** A worker as other programs see it: its broker, and what takes their requests, answers them and publishes events. Jobs are stepped by the test. */
export class ForeignHouse {
  readonly opened: OpenedRabbitmqBroker;
  /** The store as the worker sees it. */
  readonly store: Store;
  /** Methods of the store that fail as when the database is away. */
  readonly broken = new Set<string>();
  readonly #events: EventParts<Store>;
  readonly #programs: ForeignPrograms;
  #system: ActorSystem | undefined;

  /** @param owner of the sequencer's lease */
  constructor(real: Store, url: string, owner: string) {
    this.#events = new EventParts(this.#watched(real), { clock: systemClock, log: silentLog, owner });
    this.store = this.#events.store;
    this.opened = openRabbitmqBroker(url, { clock: systemClock, log: silentLog });
    this.#programs = new ForeignPrograms({
      ...DEPS,
      store: this.store,
      connection: this.opened.connection,
      events: this.#events,
      rules: { actions: new Map([syncMessages, getChannels].map((action) => [action.name, action])), allowed: null },
      checkAccount: async (id) => {
        if (!['main', 'second'].includes(id)) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${id}`);
      },
      choose: async () => 'main',
      nudge: () => {},
    });
  }

  get tally(): ForeignTally {
    return this.#programs.tally;
  }

  async start(): Promise<void> {
    const deps = { ...DEPS, registry: new Registry(systemClock) };
    const { connection, status } = this.opened;
    const { publisher, answers, requests } = this.#programs;
    this.#system = startSystem(
      {
        children: [
          brokerLinkSpec(connection, status, { ...deps, patienceMs: () => 1_000 }),
          publisher,
          answers,
          this.#events.sequencer,
          requests,
        ],
      },
      deps,
    );
    await this.#system.started;
  }

  async stop(): Promise<void> {
    await this.#system?.stop();
    await this.opened.broker.close();
  }

  #watched(real: Store): Store {
    // What is a method of its own here is spread by those who wrap it.
    return Object.fromEntries(
      Object.entries(real as unknown as Calls).map(([name, method]) => [
        name,
        typeof method !== 'function'
          ? method
          : async (...args: unknown[]) => {
              if (this.broken.has(name)) throw new VigiliaError('STORE_UNAVAILABLE', 'the test took the database away');
              return method(...args);
            },
      ]),
    ) as unknown as Store;
  }
}
