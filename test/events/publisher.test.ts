import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OutgoingMessage } from '../../src/actors/broker/rabbitmq/publisher.ts';
import { eventPublisherSpec } from '../../src/actors/events/event-publisher.actor.ts';
import { SequencerRight } from '../../src/actors/events/sequencer-right.ts';
import { Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { ForeignTally } from '../../src/actors/jobs/foreign-tally.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { pgliteHarness, type StoreHarness, type TestStore } from '../store/store-harness.ts';
import { until } from '../support/program.ts';

const DAY = 86_400_000;
const LEASE_MS = 60_000;

let harness: StoreHarness;
beforeAll(async () => {
  harness = await pgliteHarness();
  return () => harness.close();
});
afterEach(() => harness.end());

/** A publisher over the real store, whose way to RabbitMQ the test scripts. */
class PublisherHouse {
  readonly nudge = new Nudge();
  readonly back = new Nudge();
  readonly right = new SequencerRight('me');
  readonly tally = new ForeignTally(systemClock);
  readonly connection = { isUsable: true };
  /** Positions in the order in which they were given to RabbitMQ, and those that it has taken. */
  readonly given: number[] = [];
  readonly taken: number[] = [];
  /** What becomes of a message. */
  answer: (message: OutgoingMessage) => Promise<void> = async () => {};
  readonly errors: object[] = [];
  readonly test: TestStore;
  token = 0;
  #system: ActorSystem | undefined;

  constructor(fresh: TestStore) {
    this.test = fresh;
    this.right.onChange(this.nudge.ring);
  }

  get store(): Store {
    return this.test.store;
  }

  async start(): Promise<void> {
    this.token = (await this.store.takeSequencer('me', LEASE_MS)) as number;
    this.right.note(this.token);
    const log = { ...silentLog, error: (fields: object) => void this.errors.push(fields) };
    const deps = { clock: systemClock, random: () => 0, log, registry: new Registry(systemClock) };
    const { store, connection, right, tally, back } = this;
    const publish = async (message: OutgoingMessage): Promise<void> => {
      const position = Number(message.messageId);
      this.given.push(position);
      await this.answer(message);
      this.taken.push(position);
    };
    const spec = eventPublisherSpec(this.nudge, { ...deps, store, connection, lane: { publish }, right, tally, back });
    this.#system = startSystem({ children: [spec] }, deps);
    await this.#system.started;
    onTestFinished(() => this.stop());
    await until(async () => this.tally.standing !== undefined || undefined);
  }

  async stop(): Promise<void> {
    await this.#system?.stop();
  }

  /** Something happens, and has its place at once. */
  async tell(events: number): Promise<void> {
    const entry = { topic: 'job.progress', payload: {} } as const;
    await this.store.transaction((tx) => tx.appendOutbox(Array.from({ length: events }, () => entry)));
    await this.store.placeEvents('me', this.token, events, LEASE_MS);
    this.nudge.ring();
  }

  publishedUpTo(position: number): Promise<true> {
    return until(async () => this.tally.standing?.position === position || undefined);
  }
}

const lost = (): Promise<never> => Promise.reject(new VigiliaError('BROKER_UNAVAILABLE', 'the channel was lost'));

describe('the publisher of events', () => {
  test('moves on behind what was confirmed without a hole, and gives the others again, one first', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    let failures = 0;
    house.answer = async ({ messageId }) => {
      if ((messageId === '4' || messageId === '6') && failures++ < 3) await lost();
    };
    await house.tell(8);
    await house.publishedUpTo(8);
    expect(house.given).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 4, 4, 5, 6, 7, 8]);
    expect(house.tally).toMatchObject({ published: 8, missed: 0, eventsHeldBy: undefined });
  });

  test('says of what it waits for, and for how long, and goes on when it is told that RabbitMQ is back', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    house.connection.isUsable = false;
    house.test.clock.nowMs = Date.now() - 60_000;
    await house.tell(3);
    await until(async () => house.tally.eventsHeldBy !== undefined || undefined);
    expect(house.given).toEqual([]);
    const { events } = house.tally.evidence() as { events: Record<string, unknown> };
    expect(events).toMatchObject({ publishes: true, lag: 3, heldBy: 'RabbitMQ: there is no connection' });
    expect(events.lagMs).toBeGreaterThanOrEqual(60_000);
    house.connection.isUsable = true;
    house.back.ring();
    await house.publishedUpTo(3);
    expect(house.tally.evidence()).toMatchObject({ events: { lag: 0, lagMs: 0 } });
  });

  test('goes on at the oldest event that is kept, and says what was never published', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    house.connection.isUsable = false;
    house.test.clock.nowMs = Date.now() - 8 * DAY;
    await house.tell(5);
    house.test.clock.nowMs = Date.now();
    await house.tell(2);
    expect(await house.store.prune(Date.now(), 100)).toBe(5);
    house.connection.isUsable = true;
    house.back.ring();
    await house.publishedUpTo(7);
    expect(house.given).toEqual([6, 7]);
    expect(house.errors).toEqual([{ from: 1, to: 5, missed: 5 }]);
    expect(house.tally.evidence()).toMatchObject({ events: { published: 2, missed: 5 } });
  });

  test('passes an event that cannot be made a message, rather than hold up all others', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    house.answer = async ({ messageId }) => {
      if (messageId === '2') throw new Error('too long for a frame');
    };
    await house.tell(3);
    await house.publishedUpTo(3);
    expect(house.taken).toEqual([1, 3]);
    expect(house.tally.missed).toBe(1);
    expect(house.errors).toMatchObject([{ position: 2, topic: 'job.progress' }]);
  });

  test('stops when another process has the right, whatever it knows of that itself', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    await house.tell(1);
    await house.publishedUpTo(1);
    await house.store.releaseSequencer('me', house.token);
    const token = (await house.store.takeSequencer('other', LEASE_MS)) as number;
    await house.store.transaction((tx) => tx.appendOutbox([{ topic: 'job.failed', payload: {} }]));
    await house.store.placeEvents('other', token, 1, LEASE_MS);
    house.nudge.ring();
    await until(async () => house.tally.standing === undefined || undefined);
    await house.stop();
    expect(house.given).toEqual([1]);
  });

  test('tells the last words of a process that ends, though the right was given back by then', async () => {
    const house = new PublisherHouse(await harness.fresh());
    await house.start();
    house.answer = async () => {
      house.right.note(undefined);
    };
    await house.tell(1);
    await until(async () => house.taken.length === 1 || undefined);
    await house.tell(200);
    await house.store.releaseSequencer('me', house.token);
    await house.stop();
    expect(house.given).toEqual(Array.from({ length: 201 }, (_, at) => at + 1));
  });
});
