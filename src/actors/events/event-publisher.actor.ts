import type { Clock, Random } from '../../clock.ts';
import { causeChain, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import type { Store, StreamEvent, UnpublishedEvents } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { OutgoingMessage } from '../broker/rabbitmq/publisher.ts';
import type { RabbitConnection } from '../broker/rabbitmq/rabbit-connection.ts';
import { EVENTS_EXCHANGE } from '../broker/rabbitmq/sync-topology.ts';
import type { Nudge } from '../jobs/dispatcher.actor.ts';
import type { ForeignTally } from '../jobs/foreign-tally.ts';
import type { SequencerRight } from './sequencer-right.ts';
import { eventData, typeOf } from './told-event.ts';

/**
 * Events on their way at once. All of them are sent before the first can fail, since a lane takes twice as many: so none overtakes one that is lost with
 * its channel, and has to be published again.
 */
const BATCH = 128;
/** The same after a failure: all queues that are in order get again what one of them does not confirm. */
const PROBE = 1;
/** Between two looks that nobody has asked for, in ms. */
const REST_MS = 1_000;
const RETRY: BackoffPolicy = { baseMs: 500, capMs: 5_000 };

export interface EventPublisherDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Pick<Store, 'readUnpublished' | 'notePublished'>;
  readonly connection: Pick<RabbitConnection, 'isUsable'>;
  /** What is published goes to queues of other programs, so it has a lane of its own. */
  readonly lane: ReturnType<RabbitConnection['openLane']>;
  /** Of all processes one publishes: that which gives events their places. */
  readonly right: SequencerRight;
  readonly tally: ForeignTally;
  /** Rung when RabbitMQ is back. */
  readonly back: Nudge;
}

/**
 * Publishes the stream of events to other programs, in its order. How far it is stands in the database, and is moved after RabbitMQ has confirmed: a crash in between
 * publishes some again, under the same message ids. While RabbitMQ is away it waits, and catches up from there.
 * @param nudge rung when the stream has grown, and when the right comes or goes
 */
export function eventPublisherSpec(nudge: Nudge, deps: EventPublisherDeps): ChildSpec {
  const { tally } = deps;
  return {
    id: 'publisher',
    kind: 'task',
    shutdownMs: 8_000,
    view: () => ({
      ...tally.standing,
      published: tally.published,
      missed: tally.missed,
      heldBy: tally.eventsHeldBy?.code ?? null,
    }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await new EventPublisher(nudge, deps, signal, life.handled).run();
      }),
    }),
  };
}

class EventPublisher {
  readonly #nudge: Nudge;
  readonly #deps: EventPublisherDeps;
  readonly #signal: AbortSignal;
  readonly #handled: Life['handled'];
  #failures = 0;

  constructor(nudge: Nudge, deps: EventPublisherDeps, signal: AbortSignal, handled: Life['handled']) {
    this.#nudge = nudge;
    this.#deps = deps;
    this.#signal = signal;
    this.#handled = handled;
  }

  async run(): Promise<void> {
    const { clock, tally, random, back } = this.#deps;
    try {
      while (!this.#signal.aborted) {
        const result = await this.#publishSome();
        if (result === 'failed') await back.sleep(clock, backoffDelayMs(RETRY, this.#failures++, random), this.#signal);
        else if (result === 'nothing more') await this.#nudge.sleep(clock, REST_MS, this.#signal);
      }
      // Whoever ended before this one had last words, which have their places by now.
      while ((await this.#publishSome()) === 'more');
    } finally {
      tally.standing = undefined;
    }
  }

  async #publishSome(): Promise<'more' | 'nothing more' | 'failed'> {
    const { clock, store, connection, right, tally } = this.#deps;
    const hold = this.#signal.aborted ? right.last : right.held;
    try {
      const startedAt = clock.monotonic();
      const limit = this.#failures > 0 || !connection.isUsable ? PROBE : BATCH;
      const page = hold && (await store.readUnpublished(hold, limit));
      tally.standing = page && standingOf(page);
      if (page === undefined) return 'nothing more';
      if (page.events.length === 0) return this.#succeeded('nothing more');
      if (!connection.isUsable) throw new VigiliaError('BROKER_UNAVAILABLE', 'RabbitMQ: there is no connection');
      await this.#passHole(page);
      const error = await this.#publish(page);
      this.#handled('published', clock.monotonic() - startedAt);
      if (error !== undefined) throw error;
      return this.#succeeded(page.events.length === limit ? 'more' : 'nothing more');
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (!mayPass(error)) throw error;
      this.#wait(error);
      return 'failed';
    }
  }

  /** @returns what kept some of them from being published, and may pass */
  async #publish({ events, head }: UnpublishedEvents): Promise<VigiliaError | undefined> {
    const { store, tally } = this.#deps;
    const settled = await Promise.allSettled(events.map((event) => this.#publishOne(event)));
    // Everything before the first that failed is told; what is told of those behind it is told again.
    const failedAt = settled.findIndex(({ status }) => status === 'rejected');
    const count = failedAt < 0 ? events.length : failedAt;
    const failure = settled[failedAt];
    const last = events[count - 1];
    if (last !== undefined) {
      await store.notePublished(last.position);
      tally.published += count;
      tally.standing = { position: last.position, head, since: events[count]?.at ?? null };
    }
    return failure?.status === 'rejected' ? toVigiliaError(failure.reason) : undefined;
  }

  /** @throws what may pass: an event that can never be published is not waited for by all others */
  async #publishOne(event: StreamEvent): Promise<void> {
    const { lane, log, tally } = this.#deps;
    try {
      await lane.publish(publicationOf(event));
    } catch (thrown) {
      if (mayPass(toVigiliaError(thrown))) throw thrown;
      tally.missed += 1;
      log.error({ position: event.position, topic: event.topic, causes: causeChain(thrown) }, 'an event cannot be published');
    }
  }

  /** Goes on behind events that were deleted as old before they could be published, and says so. */
  async #passHole({ position, oldest }: UnpublishedEvents): Promise<void> {
    const missed = oldest - 1 - position;
    if (missed <= 0) return;
    const { log, store, tally } = this.#deps;
    await store.notePublished(oldest - 1);
    tally.missed += missed;
    log.error({ from: position + 1, to: oldest - 1, missed }, 'events were never published: they are older than what is kept');
  }

  #succeeded<T>(result: T): T {
    const { log, tally } = this.#deps;
    if (this.#failures > 0) log.info({}, 'events are published again');
    this.#failures = 0;
    tally.eventsHeldBy = undefined;
    return result;
  }

  #wait(error: VigiliaError): void {
    const { log, tally } = this.#deps;
    if (this.#failures === 0) log.warn({ code: error.code, causes: causeChain(error) }, 'events wait to be published');
    tally.eventsHeldBy = error;
  }
}

function mayPass({ fault }: VigiliaError): boolean {
  return fault === 'transient' || fault === 'throttled';
}

function standingOf({ position, oldest, head, events }: UnpublishedEvents) {
  return { position: Math.max(position, oldest - 1), head, since: events[0]?.at ?? null };
}

/** @returns the event as other programs get it */
function publicationOf(event: StreamEvent): OutgoingMessage {
  return {
    exchange: EVENTS_EXCHANGE,
    routingKey: event.topic,
    body: Buffer.from(JSON.stringify(eventData(event))),
    // That nobody listens is nobody's fault.
    mandatory: false,
    messageId: String(event.position),
    type: typeOf(event.topic),
  };
}
