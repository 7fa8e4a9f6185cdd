import type { Clock } from '../../../clock.ts';
import { causeChain, errorRecord, type VigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { JsonObject } from '../../../ports.ts';
import type { RabbitAddress } from '../../../rabbitmq-url.ts';
import type { Breaker } from '../../breaker.ts';
import { AmqpSocket } from './amqp-socket.ts';
import { Consumer, type ConsumerSpec, type Subscription } from './consumer.ts';
import { within } from './deadline.ts';
import { type OutgoingMessage, Publisher } from './publisher.ts';
import { translated, unavailable } from './rabbit-errors.ts';
import {
  type BoundQueue,
  deleteQueue,
  type ExchangeSpec,
  ensureExchange,
  ensureQueue,
  lookAt,
  type Topology,
  type TopologyDeps,
} from './topology.ts';

export interface RabbitConnectionOptions {
  readonly address: RabbitAddress;
  readonly clock: Clock;
  readonly log: Log;
  readonly breaker: Breaker;
  /** Seconds. @default 10 */
  readonly heartbeatS?: number;
  /** How long a queue may take to answer, in ms. @default 30_000 */
  readonly patienceMs?: number;
}

const HEARTBEAT_S = 10;
const PATIENCE_MS = 30_000;
/** Queues that are seen to at once when a connection is made: a worker may consume five hundred. */
const AT_ONCE = 16;
/** How long whoever begins to consume waits for the first attempt, in ms. */
const FIRST_ATTEMPT_MS = 5_000;
/** How long what is being published may take at the end, in ms. */
const DRAIN_MS = 2_000;

/** Why something is as it is, and since when (ms since the Unix epoch). */
interface Since {
  readonly reason: string;
  readonly since: number;
}

/** Both ways to the server. */
interface Pair {
  /** What is published goes here: RabbitMQ stops reading from it when its memory or disk runs short. */
  readonly publishing: AmqpSocket;
  /** Deliveries come here, and acknowledgements must get through all the same: they are what relieves it. */
  readonly consuming: AmqpSocket;
}

/**
 * The connection to RabbitMQ, which is made, looked after and given up by its link, and never comes back by itself. What there has to be in the broker is
 * declared anew with each connection, and who consumes goes on consuming. Nothing that is published waits for a connection.
 */
export class RabbitConnection {
  readonly #options: RabbitConnectionOptions;
  readonly #deps: TopologyDeps;
  readonly #publisher: Publisher;
  /** Everybody's publisher, and those of lanes. */
  readonly #publishers: Publisher[] = [];
  readonly #topologies: Topology[] = [];
  readonly #consumers = new Set<Consumer>();
  readonly #lostListeners = new Set<(error: VigiliaError) => void>();
  readonly #upListeners = new Set<() => void>();
  /** What of the topology is not there, or not as it has to be, by name. */
  readonly #problems = new Map<string, VigiliaError>();
  /** What of the topology is as it has to be, by name. */
  readonly #there = new Set<string>();
  /** Messages that waited in a queue of the topology when it was last looked at, by its name. */
  readonly #depths = new Map<string, number>();
  #pair: Pair | undefined;
  #blocked: Since | undefined;
  #lost: Since | undefined;
  #isClosed = false;
  #healing: Pair | undefined;
  #delivered = 0;

  constructor(options: RabbitConnectionOptions) {
    this.#options = options;
    const { clock, log, patienceMs = PATIENCE_MS } = options;
    this.#deps = { clock, log, patienceMs };
    this.#publisher = this.#addPublisher();
  }

  get isConnected(): boolean {
    return this.#pair !== undefined;
  }

  /** True while what is published has a chance: there is a connection, and RabbitMQ takes messages. */
  get isUsable(): boolean {
    return this.#pair !== undefined && this.#blocked === undefined;
  }

  /** Since when RabbitMQ takes no messages, though it is there, and why; undefined where it does. */
  get blocked(): Since | undefined {
    return this.#blocked;
  }

  /** Since when it is lost, and why; undefined where it is there, or never was. */
  get lost(): Since | undefined {
    return this.#lost;
  }

  /**
   * Says what there has to be, from now on and with every connection. Resolves when that was tried, where there is a connection. What fails is shown by
   * `/health`, and tried again with the link's next look.
   */
  async declare(topology: Topology): Promise<void> {
    this.#topologies.push(topology);
    await this.#seeToAll(topology.exchanges ?? [], topology.queues ?? []);
  }

  /**
   * Publishes a persistent message, and resolves when RabbitMQ has confirmed it. Messages are sent in the order of the calls.
   * @throws BROKER_UNAVAILABLE: whether it was taken is not known, publish it again; BROKER_UNROUTABLE when it is mandatory and no queue took it;
   *   BREAKER_OPEN when publishing has failed too often lately
   */
  async publish(message: OutgoingMessage): Promise<void> {
    if (this.#isClosed) throw unavailable('the connection was closed');
    // What the link knows already says nothing new to the breaker.
    if (this.#pair === undefined || this.#blocked !== undefined) return this.#publisher.publish(message);
    await this.#options.breaker.run(() => this.#publisher.publish(message));
  }

  /**
   * Opens a way of its own to publish, for good: a channel and a window that nobody else waits for. What goes to queues of other programs takes it, since one of
   * them that is out of order confirms nothing; that says nothing against the server either, and the breaker does not hear of it.
   */
  openLane(): Pick<Publisher, 'publish'> {
    const lane = this.#addPublisher();
    return {
      publish: async (message) => {
        if (this.#isClosed) throw unavailable('the connection was closed');
        await lane.publish(message);
      },
    };
  }

  /**
   * Consumes a queue until the subscription is ended, over all connections to come. Resolves when it consumes, or else after a few seconds; at once where there
   * is no connection.
   * @throws BROKER_UNAVAILABLE when it was closed for good
   */
  async consume(spec: ConsumerSpec): Promise<Subscription> {
    if (this.#isClosed) throw unavailable('the connection was closed');
    const consumer = new Consumer(spec, {
      ...this.#deps,
      // Not now: where the connection is going, it is gone by then.
      onInterrupted: () => setImmediate(() => this.#heal()),
      onEnded: (ended) => this.#consumers.delete(ended),
      onDelivered: () => {
        this.#delivered += 1;
      },
    });
    this.#consumers.add(consumer);
    if (this.#pair !== undefined)
      await within(this.#deps.clock, FIRST_ATTEMPT_MS, 'consuming', consumer.establish(this.#pair.consuming)).catch(() => {});
    return consumer;
  }

  /** Sees to one queue now, for once: it is not declared again. @throws BROKER_UNAVAILABLE, BROKER_REFUSED */
  async ensure(queue: BoundQueue): Promise<void> {
    if (this.#pair === undefined) throw unavailable('there is no connection');
    await ensureQueue(this.#pair.consuming, queue, this.#deps);
  }

  /** Deletes a queue, whatever is in it; nothing where there is none. @throws BROKER_UNAVAILABLE, BROKER_REFUSED */
  async deleteQueue(name: string): Promise<void> {
    if (this.#pair === undefined) throw unavailable('there is no connection');
    await deleteQueue(this.#pair.consuming, name, this.#deps);
  }

  /** For the link: makes a connection in place of the one before, then begins to declare and to consume. @throws BROKER_UNAVAILABLE, BROKER_REFUSED */
  async connect(): Promise<void> {
    this.drop();
    if (this.#isClosed) throw unavailable('the connection was closed');
    const pair = await this.#openPair();
    if (this.#isClosed) {
      destroy(pair);
      throw unavailable('the connection was closed');
    }
    this.#pair = pair;
    this.#lost = undefined;
    for (const { exchanges = [] } of this.#topologies) await this.#seeToAll(exchanges, []);
    if (this.#pair !== pair) throw unavailable('the connection was lost while it was made');
    for (const publisher of this.#publishers) publisher.use(pair.publishing);
    this.#tellUp();
    // A queue may take its time to find a leader; the others need not wait for it.
    this.#heal();
  }

  /** For the link: looks after both ways, and begins what had failed anew. @returns the round trip, in ms @throws BROKER_UNAVAILABLE */
  async check(): Promise<number> {
    const pair = this.#pair;
    if (pair === undefined) throw unavailable('there is no connection');
    const latencyMs = await pair.consuming.ping();
    // One that is blocked is not read from, and answers nothing; its heartbeats go on.
    if (this.#blocked === undefined) {
      await pair.publishing.ping().catch((error: unknown) => {
        if (this.#blocked === undefined) throw error;
      });
    }
    this.#heal();
    return latencyMs;
  }

  /** For the link: gives the connection up at once. */
  drop(): void {
    const pair = this.#pair;
    this.#pair = undefined;
    this.#blocked = undefined;
    this.#problems.clear();
    this.#there.clear();
    this.#depths.clear();
    for (const publisher of this.#publishers) publisher.use(undefined);
    for (const consumer of this.#consumers) consumer.disconnected();
    if (pair !== undefined) destroy(pair);
  }

  /** Tells at once when a connection was lost. @returns a function that ends it */
  onLost(listener: (error: VigiliaError) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  /** Tells when it can be published (again): a connection was made, or RabbitMQ has memory and disk again. @returns a function that ends it */
  onUp(listener: () => void): () => void {
    this.#upListeners.add(listener);
    return () => this.#upListeners.delete(listener);
  }

  /** Ends it for good: what is being published has two seconds, nothing more is delivered. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const drained = Promise.all(this.#publishers.map((publisher) => publisher.drained()));
    await within(this.#options.clock, DRAIN_MS, 'draining', drained).catch(() => {});
    await Promise.all([...this.#consumers].map((consumer) => consumer.end()));
    const pair = this.#pair;
    this.#pair = undefined;
    if (pair !== undefined) await Promise.all([pair.publishing.close(), pair.consuming.close()]);
    this.drop();
  }

  /** Messages that wait for a place in the window, or for their confirm, of whoever publishes. */
  get queued(): number {
    return this.#publishers.reduce((sum, { load: { waiting, unconfirmed } }) => sum + waiting + unconfirmed, 0);
  }

  /** What is known of it, for `/health` and the metrics. */
  evidence(): JsonObject {
    const consumers = [...this.#consumers];
    const failed = consumers.flatMap(({ queue, problem }) => (problem ? [[queue, problem] as const] : []));
    const problems = [...this.#problems, ...failed].map(([name, error]) => ({ name, ...errorRecord(error) }));
    return {
      ...(this.#pair && { version: this.#pair.consuming.version }),
      ...(this.#blocked && { blocked: this.#blocked.reason }),
      consumers: consumers.length,
      consuming: consumers.filter(({ state }) => state === 'consuming').length,
      delivered: this.#delivered,
      ...this.#publisher.load,
      ...this.#publisher.counts,
      ...(this.#depths.size > 0 && { queues: Object.fromEntries(this.#depths) }),
      ...(problems.length > 0 && { problems }),
    };
  }

  #addPublisher(): Publisher {
    const publisher = new Publisher(this.#options.clock, () => this.#declareAgain());
    // A publisher that comes later finds the connection as it is.
    if (this.#pair !== undefined) publisher.use(this.#pair.publishing);
    if (this.#blocked !== undefined) publisher.block(this.#blocked.reason);
    this.#publishers.push(publisher);
    return publisher;
  }

  async #openPair(): Promise<Pair> {
    let lost: VigiliaError | undefined;
    let pair: Pair | undefined;
    const onLost = (error: VigiliaError): void => {
      lost ??= error;
      if (pair !== undefined && this.#pair === pair) this.#lose(error);
    };
    const onBlocked = (reason: string | undefined): void => {
      if (pair !== undefined && this.#pair === pair) this.#noteBlocked(reason);
    };
    const [publishing, consuming] = await Promise.allSettled([
      this.#open('publishing', onLost, onBlocked),
      this.#open('consuming', onLost),
    ]);
    if (publishing.status === 'fulfilled' && consuming.status === 'fulfilled' && lost === undefined) {
      pair = { publishing: publishing.value, consuming: consuming.value };
      return pair;
    }
    let reason: unknown = lost;
    for (const one of [publishing, consuming]) {
      if (one.status === 'fulfilled') one.value.destroy();
      else reason ??= one.reason;
    }
    throw reason;
  }

  #open(
    name: string,
    onLost: (error: VigiliaError) => void,
    onBlocked: (reason: string | undefined) => void = () => {},
  ): Promise<AmqpSocket> {
    const { address, clock, log, heartbeatS = HEARTBEAT_S } = this.#options;
    const onDefect = (error: unknown): void => log.error({ causes: causeChain(error) }, 'a listener to RabbitMQ failed');
    return AmqpSocket.open({ address, clock, name: `vigilia ${name}`, heartbeatS, onLost, onBlocked, onDefect });
  }

  #lose(error: VigiliaError): void {
    this.drop();
    this.#lost = { reason: error.message, since: this.#options.clock.now() };
    for (const listener of this.#lostListeners) listener(error);
  }

  #noteBlocked(reason: string | undefined): void {
    const { clock, log } = this.#options;
    this.#blocked = reason === undefined ? undefined : { reason, since: clock.now() };
    for (const publisher of this.#publishers) publisher.block(reason);
    if (reason === undefined) {
      log.info({}, 'RabbitMQ takes messages again');
      this.#tellUp();
    } else log.warn({ reason }, 'RabbitMQ takes no messages until it has memory or disk again');
  }

  #tellUp(): void {
    for (const listener of this.#upListeners) listener();
  }

  /** Begins what should be there and is not, one round at a time. */
  #heal(): void {
    const pair = this.#pair;
    if (pair === undefined || this.#healing === pair) return;
    this.#healing = pair;
    const round = async (): Promise<void> => {
      await this.#lookAtQueues(pair);
      for (const { exchanges = [], queues = [] } of this.#topologies) {
        const isMissing = ({ name }: { readonly name: string }): boolean => !this.#there.has(name);
        await this.#seeToAll(exchanges.filter(isMissing), queues.filter(isMissing));
      }
      await this.#establishAll(pair);
    };
    void round().finally(() => {
      if (this.#healing === pair) this.#healing = undefined;
    });
  }

  /** How many messages wait in the queues that there have to be; one that somebody has deleted is missing from now on. */
  async #lookAtQueues({ consuming }: Pair): Promise<void> {
    for (const { queues = [] } of this.#topologies) {
      for (const { name } of queues.filter((queue) => this.#there.has(queue.name))) {
        const found = await lookAt(consuming, name, this.#deps).catch(() => null);
        if (found) this.#depths.set(name, found.ready);
        if (found === undefined) this.#there.delete(name);
      }
    }
  }

  /** An exchange is missing that was there. */
  #declareAgain(): void {
    this.#there.clear();
    this.#heal();
  }

  /** Never throws. Exchanges first: queues are bound to them. */
  async #seeToAll(exchanges: readonly ExchangeSpec[], queues: readonly BoundQueue[]): Promise<void> {
    const pair = this.#pair;
    if (pair === undefined) return;
    for (const exchange of exchanges)
      await this.#seeTo(pair, exchange.name, () => ensureExchange(pair.consuming, exchange, this.#deps));
    for (const queue of queues) await this.#seeTo(pair, queue.name, () => ensureQueue(pair.consuming, queue, this.#deps));
  }

  async #seeTo(pair: Pair, name: string, ensure: () => Promise<void>): Promise<void> {
    try {
      await ensure();
      if (this.#pair !== pair) return;
      this.#there.add(name);
      this.#problems.delete(name);
    } catch (thrown) {
      const problem = translated(thrown);
      if (this.#pair !== pair) return;
      const isNews = this.#problems.get(name)?.message !== problem.message;
      this.#problems.set(name, problem);
      if (isNews)
        this.#deps.log.error(
          { name, code: problem.code, cause: problem.message },
          'what there has to be in RabbitMQ is not there',
        );
    }
  }

  async #establishAll(pair: Pair): Promise<void> {
    const waiting = [...this.#consumers].filter(({ state }) => state === 'waiting');
    const worker = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined && this.#pair === pair; next = waiting.pop())
        await next.establish(pair.consuming);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
}

function destroy({ publishing, consuming }: Pair): void {
  publishing.destroy();
  consuming.destroy();
}
