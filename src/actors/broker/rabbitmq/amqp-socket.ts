import type { Duplex } from 'node:stream';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import type { Clock } from '../../../clock.ts';
import type { VigiliaError } from '../../../errors.ts';
import type { RabbitAddress } from '../../../rabbitmq-url.ts';
import { within } from './deadline.ts';
import { translated, translatedOpening, unavailable } from './rabbit-errors.ts';

/** A connection that is not made by then is given up, in ms. */
const OPEN_MS = 5_000;
/** An answer that any server gives at once has not come by then: it hangs, in ms. */
export const ANSWER_MS = 5_000;
/** How long a farewell may take, in ms. */
const FAREWELL_MS = 1_000;

export interface SocketOptions {
  readonly address: RabbitAddress;
  readonly clock: Clock;
  /** Shown by RabbitMQ's management. */
  readonly name: string;
  /** Either side closes a connection on which nothing came for two of these, in seconds. */
  readonly heartbeatS: number;
  /** Told once, when it ends without having been asked to. */
  readonly onLost: (error: VigiliaError) => void;
  /** Told when RabbitMQ takes no messages on it for want of memory or disk, with its reason, and with undefined when it does again. */
  readonly onBlocked?: (reason: string | undefined) => void;
  /** Told of a defect in a listener, which would have cost the connection. */
  readonly onDefect: (error: unknown) => void;
}

/** One AMQP connection, used once: it never comes back by itself. The only place where amqplib is loaded. */
export class AmqpSocket {
  readonly #model: ChannelModel;
  readonly #clock: Clock;
  readonly #onDefect: (error: unknown) => void;
  readonly #turns = new Map<string, Promise<void>>();
  #isOver = false;
  #control: Channel | undefined;

  private constructor(model: ChannelModel, { clock, onLost, onBlocked, onDefect }: SocketOptions) {
    this.#model = model;
    this.#clock = clock;
    this.#onDefect = onDefect;
    let reason: VigiliaError | undefined;
    model.on('error', (error) => {
      reason = translated(error);
    });
    model.on('handler-error', onDefect);
    model.on('close', (error) => {
      const wasAsked = this.#isOver;
      this.destroy();
      // An operator's `close_connection`, or a shutdown, comes as a close without an error.
      if (!wasAsked) onLost(reason ?? (error ? translated(error) : unavailable('the connection was closed')));
    });
    model.on('blocked', (why) => onBlocked?.(why || 'no reason given'));
    model.on('unblocked', () => onBlocked?.(undefined));
  }

  /** @throws BROKER_UNAVAILABLE, or BROKER_REFUSED for the login or the virtual host */
  static async open(options: SocketOptions): Promise<AmqpSocket> {
    const { address, clock, name, heartbeatS } = options;
    const { connect } = await import('amqplib');
    const opening = connect(
      {
        protocol: address.tls ? 'amqps' : 'amqp',
        hostname: address.host,
        port: address.port,
        username: address.username,
        password: address.password,
        vhost: encodeURIComponent(address.vhost),
        heartbeat: heartbeatS,
      },
      // Its own deadline sees to it that a socket which is late is closed; it counts silence only.
      { noDelay: true, timeout: OPEN_MS, clientProperties: { connection_name: name } },
    );
    try {
      return new AmqpSocket(await within(clock, OPEN_MS, 'making a connection', opening), options);
    } catch (thrown) {
      opening.then(
        (late) => {
          late.on('error', () => {});
          streamOf(late)?.destroy(new Error('it came too late'));
        },
        () => {},
      );
      throw translatedOpening(thrown, address.vhost);
    }
  }

  /** The server's own word, e.g. `3.10.8`. */
  get version(): string {
    return String(this.#model.connection.serverProperties.version);
  }

  /** @throws BROKER_UNAVAILABLE */
  async channel(): Promise<Channel> {
    return this.#guarded(await this.#answered('opening a channel', this.#model.createChannel()));
  }

  /** A channel on which RabbitMQ confirms what it took. @throws BROKER_UNAVAILABLE */
  async confirmChannel(): Promise<ConfirmChannel> {
    return this.#guarded(await this.#answered('opening a channel', this.#model.createConfirmChannel()));
  }

  /** Round trip through the server, in ms. @throws BROKER_UNAVAILABLE */
  async ping(): Promise<number> {
    const startedAt = this.#clock.monotonic();
    this.#control ??= await this.channel();
    // A question that needs no permission and changes nothing on a channel without consumers.
    await this.#answered('an answer', this.#control.prefetch(1));
    return this.#clock.monotonic() - startedAt;
  }

  /** Does pieces of work under one name one after the other. */
  inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work);
    const over = turn
      .catch(() => {})
      .then(() => {
        if (this.#turns.get(name) === over) this.#turns.delete(name);
      });
    this.#turns.set(name, over);
    return turn;
  }

  /** Says goodbye, within a second. Nobody is told. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await within(this.#clock, FAREWELL_MS, 'a farewell', this.#model.close()).catch(() => {});
    this.#destroySocket();
  }

  /** Ends it at once, without a word to the server. Nobody is told. */
  destroy(): void {
    this.#isOver = true;
    this.#destroySocket();
  }

  /** amqplib only ends its side, which a server that is gone never answers; without an error it would not hear of it, and beat on. */
  #destroySocket(): void {
    streamOf(this.#model)?.destroy(new Error('the connection was given up'));
  }

  async #answered<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await within(this.#clock, ANSWER_MS, what, work);
    } catch (thrown) {
      throw translated(thrown);
    }
  }

  /** Without these listeners a channel's error would be thrown, and one of ours would cost the whole connection. */
  #guarded<C extends Channel>(channel: C): C {
    channel.on('error', () => {});
    channel.on('handler-error', this.#onDefect);
    return channel;
  }
}

/** What its types do not tell of. */
function streamOf(model: ChannelModel): Duplex | undefined {
  return (model.connection as { readonly stream?: Duplex }).stream;
}
