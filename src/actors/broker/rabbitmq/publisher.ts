import type { ConfirmChannel, Message } from 'amqplib';
import type { Clock, Timer } from '../../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../../errors.ts';
import type { AmqpSocket } from './amqp-socket.ts';
import { REPLY, replyCode, translated, unavailable } from './rabbit-errors.ts';

/** A message to be published. It is persistent. */
export interface OutgoingMessage {
  /** `''` is the default exchange, whose routing keys are names of queues. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** True where a queue has to take it; false where it is fine that nobody listens. */
  readonly mandatory: boolean;
  /** For whoever wants to tell doubles: a message whose confirm was lost is published again. */
  readonly messageId: string;
  /** @default 'application/json' */
  readonly contentType?: string;
  readonly correlationId?: string;
  /** What kind of message it is, for its readers. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  /** Ms until it has failed. @default 5_000 */
  readonly deadlineMs?: number;
}

/** What came of the messages so far. */
export interface PublishCounts {
  confirmed: number;
  /** No queue took them, though one had to. */
  returned: number;
  /** RabbitMQ said no: a full queue, or an error of its own. */
  rejected: number;
  /** Not confirmed in time, or the channel was lost before. */
  failed: number;
}

/** Unconfirmed messages at once: beyond a few hundred, RabbitMQ gains nothing (facts of this project: 28,600 a second at 100). */
const WINDOW = 256;
/** Their bodies together, in bytes. */
const WINDOW_BYTES = 16 << 20;
/** Messages that may wait for a place in the window: who asks faster than that does not wait for answers. */
const MOST_WAITING = 10_000;
const DEADLINE_MS = 5_000;
/** Messages that were not confirmed in time and keep their places, as those do for a queue without a leader: at so many the channel is given up. */
const MOST_OVERDUE = WINDOW / 4;
/** amqplib's words for a `basic.nack`; it has no others. */
const NACKED = 'message nacked';
/** Of amqplib's error for a channel that is closed already. */
const CLOSED = 'IllegalOperationError';

/** A message on its way. */
interface Sending {
  readonly message: OutgoingMessage;
  readonly resolve: () => void;
  readonly reject: (error: VigiliaError) => void;
  timer: Timer;
  /** Whoever asked has had an answer; it keeps its place in the window until RabbitMQ has spoken. */
  isSettled: boolean;
  isReturned: boolean;
  /** Undefined while it waits. */
  lane: Lane | undefined;
}

/** A channel, and why it was closed. */
interface Lane {
  readonly channel: ConfirmChannel;
  reason: VigiliaError | undefined;
  overdue: number;
}

/**
 * Publishes with confirms, in the order in which it is asked. A bounded number of messages is unconfirmed at a time; the others wait. A channel that is lost is opened
 * again for the next message, as long as there is a connection.
 */
export class Publisher {
  readonly counts: PublishCounts = { confirmed: 0, returned: 0, rejected: 0, failed: 0 };
  readonly #clock: Clock;
  readonly #onNoExchange: () => void;
  readonly #waiting: Sending[] = [];
  /** By what a returned message can be told from others, in the order in which they were sent. */
  readonly #sent = new Map<string, Sending[]>();
  #inFlight = 0;
  #inFlightBytes = 0;
  #socket: AmqpSocket | undefined;
  #lane: Lane | undefined;
  #isOpening = false;
  #blocked: string | undefined;
  readonly #drained: (() => void)[] = [];

  /** @param onNoExchange told when an exchange was missing: somebody has deleted it */
  constructor(clock: Clock, onNoExchange: () => void) {
    this.#clock = clock;
    this.#onNoExchange = onNoExchange;
  }

  /** Messages that wait for a place in the window, and those in it. */
  get load(): { readonly waiting: number; readonly unconfirmed: number } {
    return { waiting: this.#waiting.length, unconfirmed: this.#inFlight };
  }

  /** Uses another connection, or none. What was under way on the one before has failed by then, or does so now. */
  use(socket: AmqpSocket | undefined): void {
    this.#socket = socket;
    this.#lane = undefined;
    this.#blocked = undefined;
    if (socket === undefined) this.#failWaiting(unavailable('there is no connection'));
  }

  /** @param reason why RabbitMQ takes nothing; undefined when it does again */
  block(reason: string | undefined): void {
    this.#blocked = reason;
    if (reason !== undefined) this.#failWaiting(blocked(reason));
  }

  /**
   * Resolves when RabbitMQ has the message on disk, on most nodes of a quorum queue.
   * @throws BROKER_UNAVAILABLE: whether it was taken is not known, publish it again; BROKER_UNROUTABLE when it is mandatory and no queue took it
   */
  publish(message: OutgoingMessage): Promise<void> {
    if (this.#socket === undefined) return Promise.reject(unavailable('there is no connection'));
    if (this.#blocked !== undefined) return Promise.reject(blocked(this.#blocked));
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(unavailable(`${MOST_WAITING} messages wait already`));
    return new Promise<void>((resolve, reject) => {
      const deadlineMs = message.deadlineMs ?? DEADLINE_MS;
      const sending: Sending = {
        message,
        resolve,
        reject,
        timer: undefined,
        isSettled: false,
        isReturned: false,
        lane: undefined,
      };
      sending.timer = this.#clock.setTimeout(() => {
        const at = this.#waiting.indexOf(sending);
        if (at >= 0) this.#waiting.splice(at, 1);
        if (sending.lane !== undefined) this.#noteOverdue(sending.lane);
        this.#fail(sending, unavailable(`a message was not confirmed within ${deadlineMs / 1000} s`));
      }, deadlineMs);
      this.#waiting.push(sending);
      this.#pump();
    });
  }

  /** Resolves when nothing is under way any more. */
  async drained(): Promise<void> {
    if (this.#inFlight > 0 || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting as [Sending];
      const size = next.message.body.length;
      if (this.#inFlight >= WINDOW || (this.#inFlight > 0 && this.#inFlightBytes + size > WINDOW_BYTES)) return;
      if (this.#lane === undefined) {
        this.#open();
        return;
      }
      this.#waiting.shift();
      this.#send(this.#lane, next);
    }
    this.#tellDrained();
  }

  #open(): void {
    const socket = this.#socket;
    if (this.#isOpening || socket === undefined) return;
    this.#isOpening = true;
    socket.confirmChannel().then(
      (channel) => {
        this.#isOpening = false;
        if (this.#socket === socket) this.#adopt(channel);
        this.#pump();
      },
      (thrown: unknown) => {
        this.#isOpening = false;
        if (this.#socket === socket) this.#failWaiting(translated(thrown));
        else this.#pump();
      },
    );
  }

  #adopt(channel: ConfirmChannel): void {
    const lane: Lane = { channel, reason: undefined, overdue: 0 };
    this.#lane = lane;
    channel.on('error', (error) => {
      lane.reason = translated(error);
      if (replyCode(error) === REPLY.notFound) this.#onNoExchange();
    });
    channel.on('return', (message) => this.#noteReturn(message));
    channel.on('close', () => {
      if (this.#lane === lane) this.#lane = undefined;
      this.#pump();
    });
  }

  #send(lane: Lane, sending: Sending): void {
    const { exchange, routingKey, body, mandatory, messageId, contentType = 'application/json', ...more } = sending.message;
    const key = keyOf(exchange, routingKey, messageId);
    const ended = (error: unknown): void => {
      this.#inFlight -= 1;
      this.#inFlightBytes -= body.length;
      const alike = this.#sent.get(key)?.filter((other) => other !== sending) ?? [];
      if (alike.length > 0) this.#sent.set(key, alike);
      else this.#sent.delete(key);
      this.#conclude(sending, lane, error);
      this.#pump();
    };
    try {
      lane.channel.publish(
        exchange,
        routingKey,
        body,
        {
          persistent: true,
          mandatory,
          messageId,
          contentType,
          timestamp: Math.floor(this.#clock.now() / 1000),
          ...(more.correlationId !== undefined && { correlationId: more.correlationId }),
          ...(more.type !== undefined && { type: more.type }),
          ...(more.headers !== undefined && { headers: { ...more.headers } }),
        },
        ended,
      );
    } catch (thrown) {
      // Else the message cannot be put into frames.
      const isGone = (thrown as Error).name === CLOSED;
      this.#fail(sending, isGone ? unavailable('the channel was lost') : toVigiliaError(thrown));
      return;
    }
    sending.lane = lane;
    this.#inFlight += 1;
    this.#inFlightBytes += body.length;
    this.#sent.set(key, [...(this.#sent.get(key) ?? []), sending]);
  }

  /** @param error null when RabbitMQ has taken it, or has given it back */
  #conclude(sending: Sending, { reason }: Lane, error: unknown): void {
    if (sending.isSettled) return;
    if (error === null && !sending.isReturned) {
      this.counts.confirmed += 1;
      this.#settle(sending);
      sending.resolve();
    } else if (error === null) {
      this.counts.returned += 1;
      this.#settle(sending);
      const { exchange, routingKey } = sending.message;
      const where = exchange === '' ? `queue ${routingKey}` : `queue of ${exchange} for ${routingKey}`;
      sending.reject(new VigiliaError('BROKER_UNROUTABLE', `RabbitMQ: there is no ${where}`));
    } else if ((error as Error).message === NACKED) {
      this.counts.rejected += 1;
      this.#settle(sending);
      sending.reject(unavailable('a message was not taken: its queue is full, or has an error'));
    } else {
      this.#fail(sending, reason ?? unavailable('the channel was lost before a message was confirmed'));
    }
  }

  #noteOverdue(lane: Lane): void {
    lane.overdue += 1;
    if (lane.overdue < MOST_OVERDUE || this.#lane !== lane) return;
    this.#lane = undefined;
    lane.channel.close().catch(() => {});
  }

  /** What is returned is returned before it is confirmed, and in the order in which it was sent. */
  #noteReturn({ fields, properties }: Message): void {
    const alike = this.#sent.get(keyOf(fields.exchange, fields.routingKey, String(properties.messageId)));
    const first = alike?.find(({ isReturned }) => !isReturned);
    if (first !== undefined) first.isReturned = true;
  }

  #failWaiting(error: VigiliaError): void {
    for (const sending of this.#waiting.splice(0)) this.#fail(sending, error);
    this.#tellDrained();
  }

  #fail(sending: Sending, error: VigiliaError): void {
    if (sending.isSettled) return;
    this.counts.failed += 1;
    this.#settle(sending);
    sending.reject(error);
  }

  #settle(sending: Sending): void {
    sending.isSettled = true;
    this.#clock.clearTimeout(sending.timer);
  }

  #tellDrained(): void {
    if (this.#inFlight === 0 && this.#waiting.length === 0) for (const tell of this.#drained.splice(0)) tell();
  }
}

function blocked(reason: string): VigiliaError {
  return unavailable(`it takes no messages at the moment (${reason})`);
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
