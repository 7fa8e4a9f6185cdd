import { AsyncResource } from 'node:async_hooks';
import type { Channel, ConsumeMessage } from 'amqplib';
import { causeChain, errorRecord, VigiliaError } from '../../../errors.ts';
import { type AmqpSocket, ANSWER_MS } from './amqp-socket.ts';
import { within } from './deadline.ts';
import { translated, unavailable } from './rabbit-errors.ts';
import { type BoundQueue, deleteQueue, ensureQueue, type TopologyDeps } from './topology.ts';

/** A message that was delivered, to be settled once. */
export interface Delivery {
  readonly body: Buffer;
  readonly exchange: string;
  readonly routingKey: string;
  /** True when somebody may have had it before. */
  readonly redelivered: boolean;
  /** How often a quorum queue has had it back; 0 where it does not say. */
  readonly deliveryCount: number;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly contentType: string | undefined;
  readonly type: string | undefined;
  /** Any; numbers, texts and tables as their sender wrote them. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Done with. @returns false when it cannot be told any more, or was settled: then it comes again */
  ack(): boolean;
  /**
   * Not done.
   * @param requeue true: it comes again, to whoever consumes; false: to the queue's dead letters, or nowhere where it has none
   * @returns false when it cannot be told any more, or was settled: then it comes again
   */
  reject(requeue: boolean): boolean;
}

/** What is consumed, and who takes it. */
export interface ConsumerSpec {
  /** Seen to before each consuming: made where it is not there, refused where it is not as it has to be. */
  readonly queue: BoundQueue;
  /** Unsettled deliveries at most. */
  readonly prefetch: number;
  /**
   * Takes a delivery, and settles it now or later (within 30 min: RabbitMQ closes a channel on which one is held longer). When it throws or rejects before it
   * has settled, that is logged, and the delivery comes again once; the second time it goes to the dead letters.
   */
  readonly onDelivery: (delivery: Delivery) => void | Promise<void>;
}

/** How a consumer is: deliveries come; it waits for the connection, or for its queue; it was ended. */
type ConsumerState = 'consuming' | 'waiting' | 'ended';

/** Something that was begun, and can be ended. */
export interface Subscription {
  readonly state: ConsumerState;
  /** Why it waits, though there is a connection. */
  readonly problem: VigiliaError | undefined;
  /**
   * Takes no more deliveries. Those in hand may be settled for so long (in ms, 0 by default); then they go back to the queue. Ending again changes nothing.
   */
  end(graceMs?: number): Promise<void>;
}

export interface ConsumerDeps extends TopologyDeps {
  /** Told when it does not consume any more, though nobody ended it; it may be established again at once. */
  readonly onInterrupted: (consumer: Consumer) => void;
  readonly onEnded: (consumer: Consumer) => void;
  readonly onDelivered: () => void;
}

/** How long each of the steps of ending may take, and how long whoever ends it waits for all of them, in ms. */
const ENDING_MS = 2_000;
const LEAVING_MS = 5_000;
/** One whose channel was closed sooner than this after it began would be closed again: it is left to the link's next look, in ms. */
const RASH_MS = 5_000;

/** One consumer, on a channel of its own, for as long as somebody wants it: over connections, and over deletions of its queue. */
export class Consumer implements Subscription {
  readonly #spec: ConsumerSpec;
  readonly #deps: ConsumerDeps;
  readonly #take: (channel: Channel, message: ConsumeMessage) => void;
  #state: ConsumerState = 'waiting';
  #problem: VigiliaError | undefined;
  #channel: Channel | undefined;
  #tag = '';
  /** Monotonic, in ms. */
  #consumingSince = 0;
  #establishing: Promise<void> | undefined;
  readonly #inHand = new Set<ConsumeMessage>();
  #emptied: () => void = () => {};

  constructor(spec: ConsumerSpec, deps: ConsumerDeps) {
    this.#spec = spec;
    this.#deps = deps;
    // A delivery is dealt with in the name of whoever asked for it, not of who keeps the connection.
    this.#take = AsyncResource.bind((channel: Channel, message: ConsumeMessage) => this.#deliver(channel, message));
  }

  get state(): ConsumerState {
    return this.#state;
  }

  get problem(): VigiliaError | undefined {
    return this.#problem;
  }

  get queue(): string {
    return this.#spec.queue.name;
  }

  /** Begins to consume on a connection, unless it does. What fails is kept as its problem. */
  establish(socket: AmqpSocket): Promise<void> {
    this.#establishing ??= this.#establish(socket).finally(() => {
      this.#establishing = undefined;
    });
    return this.#establishing;
  }

  /** The connection is gone, and what was in hand with it. */
  disconnected(): void {
    this.#forget();
    this.#problem = undefined;
  }

  async end(graceMs = 0): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#deps.onEnded(this);
    // What is being set up is set up first, so that there is something to end.
    const leaving = (this.#establishing ?? Promise.resolve()).then(() => this.#leave(graceMs));
    await within(this.#deps.clock, graceMs + LEAVING_MS, 'ending a consumer', leaving).catch(() => {});
  }

  async #leave(graceMs: number): Promise<void> {
    const { clock } = this.#deps;
    const channel = this.#channel;
    if (channel === undefined) return;
    await within(clock, ENDING_MS, 'ending a consumer', channel.cancel(this.#tag)).catch(() => {});
    if (this.#inHand.size > 0 && graceMs > 0) {
      const emptied = new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      await within(clock, graceMs, 'settling', emptied).catch(() => {});
    }
    this.#forget();
    // What is unsettled goes back to the queue with it.
    await within(clock, ENDING_MS, 'closing a channel', channel.close()).catch(() => {});
  }

  async #establish(socket: AmqpSocket): Promise<void> {
    if (this.#state !== 'waiting') return;
    const { clock, log, patienceMs } = this.#deps;
    const { queue, prefetch } = this.#spec;
    let isSilent = false;
    let channel: Channel | undefined;
    try {
      await ensureQueue(socket, queue, this.#deps);
      channel = await socket.channel();
      this.#watch(channel);
      await within(clock, ANSWER_MS, 'setting the prefetch', channel.prefetch(prefetch));
      const mine = channel;
      const consuming = channel.consume(queue.name, (message) => {
        if (message === null) this.#queueGone(mine);
        else this.#take(mine, message);
      });
      // Deliveries may come together with the answer.
      this.#channel = channel;
      this.#consumingSince = clock.monotonic();
      isSilent = true;
      this.#tag = (await within(clock, patienceMs, 'consuming', consuming)).consumerTag;
      isSilent = false;
      if (this.#channel !== channel) return;
      if (this.#problem !== undefined) log.info({ queue: queue.name }, 'a queue is consumed again');
      this.#problem = undefined;
      if (this.#state === 'waiting') this.#state = 'consuming';
    } catch (thrown) {
      this.#forget();
      channel?.close().catch(() => {});
      this.#tell(translated(thrown));
      if (isSilent && thrown instanceof VigiliaError && queue.expendable) await this.#remove(socket);
    }
  }

  /** A quorum queue that was made in the seconds before RabbitMQ was killed may be there and never answer (seen with 3.10). */
  async #remove(socket: AmqpSocket): Promise<void> {
    this.#deps.log.warn({ queue: this.queue }, 'a queue does not answer; it is deleted, and made anew');
    await deleteQueue(socket, this.queue, this.#deps).catch((error: unknown) => this.#tell(translated(error)));
  }

  #watch(channel: Channel): void {
    let reason = unavailable('its channel was closed');
    channel.on('error', (error) => {
      reason = translated(error);
    });
    channel.on('close', () => {
      if (this.#channel !== channel) return;
      const isRash = this.#deps.clock.monotonic() - this.#consumingSince < RASH_MS;
      this.#forget();
      this.#tell(reason);
      if (!isRash) this.#deps.onInterrupted(this);
    });
  }

  /** It was deleted, or moved to another node. */
  #queueGone(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#forget();
    this.#tell(unavailable('the queue was deleted while it was consumed'));
    channel.close().catch(() => {});
    this.#deps.onInterrupted(this);
  }

  #tell(problem: VigiliaError): void {
    if (this.#state === 'ended') return;
    const isNews = problem.message !== this.#problem?.message;
    this.#problem = problem;
    if (isNews)
      this.#deps.log.warn({ queue: this.queue, ...errorRecord(problem) }, 'a queue is not consumed; it will be tried again');
  }

  #forget(): void {
    this.#channel = undefined;
    this.#inHand.clear();
    this.#emptied();
    if (this.#state === 'consuming') this.#state = 'waiting';
  }

  #deliver(channel: Channel, message: ConsumeMessage): void {
    if (this.#channel !== channel || this.#state === 'ended') {
      attempt(() => channel.reject(message, true));
      return;
    }
    this.#inHand.add(message);
    this.#deps.onDelivered();
    const settle = (how: () => void): boolean => {
      if (!this.#inHand.delete(message) || this.#channel !== channel) return false;
      if (this.#inHand.size === 0) this.#emptied();
      return attempt(how);
    };
    const delivery: Delivery = {
      ...readMessage(message),
      ack: () => settle(() => channel.ack(message)),
      // Not `basic.nack`: RabbitMQ 4.3 counts it as no delivery, and poison would come for ever.
      reject: (requeue) => settle(() => channel.reject(message, requeue)),
    };
    const failed = (thrown: unknown): void => {
      const { messageId, redelivered } = delivery;
      this.#deps.log.error({ queue: this.queue, messageId, causes: causeChain(thrown) }, 'a delivery was not dealt with');
      delivery.reject(!redelivered);
    };
    try {
      Promise.resolve(this.#spec.onDelivery(delivery)).catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

function readMessage({ content, fields, properties }: ConsumeMessage): Omit<Delivery, 'ack' | 'reject'> {
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const count = headers['x-delivery-count'];
  return {
    body: content,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    redelivered: fields.redelivered,
    deliveryCount: typeof count === 'number' ? count : 0,
    messageId: properties.messageId,
    correlationId: properties.correlationId,
    contentType: properties.contentType,
    type: properties.type,
    headers,
  };
}

/** @returns false when the channel was gone */
function attempt(settle: () => void): boolean {
  try {
    settle();
    return true;
  } catch {
    return false;
  }
}
