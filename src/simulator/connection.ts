import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ClientSession, OutgoingMessage, SessionCarrier } from './client-session.ts';
import { type Envelope, openEnvelope, sealEnvelope } from './envelope.ts';
import { Frames } from './frames.ts';
import { Handshake, HandshakeError, type HandshakeHost } from './handshake.ts';
import type { KeyState } from './key-state.ts';
import type { Salts } from './salts.ts';
import { tl } from './tl.ts';
import { TlWriter } from './tl-writer.ts';
import { TRANSPORT_ERRORS, type TransportErrorCode } from './transport-errors.ts';

const CONTAINER_ID = 0x73f1f8dc;
/** A container holds no more, so that no packet becomes larger than clients take. */
const MAX_CONTAINER_BYTES = 1 << 19;
const MAX_CONTAINER_MESSAGES = 100;
/** A client that does not read what it is sent is dropped rather than buffered for. */
const MAX_BUFFERED_BYTES = 64 << 20;

/** What a connection needs of the server. */
export interface ConnectionHost extends HandshakeHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly salts: Salts;
  /** Whether new connections begin frozen. */
  readonly frozen: boolean;
  /** Whether there are so many connections that a new one is refused. */
  readonly crowded: boolean;
  /** The transport error that tests asked for in answer to the next packet; taken once. */
  takeTransportError(): TransportErrorCode | undefined;
  key(id: bigint): KeyState | undefined;
  /** Takes an opened message; what it has to say goes through {@link Connection.queue}. */
  receive(connection: Connection, key: KeyState, envelope: Envelope): void;
  closed(connection: Connection): void;
}

/** One socket: frames in, answers out, and the making of a key. */
export class Connection implements SessionCarrier {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #frames = new Frames();
  readonly #handshake: Handshake;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  readonly #queue: { readonly session: ClientSession; readonly message: OutgoingMessage }[] = [];
  #disconnectTimer: Timer | undefined;
  #overdue = false;
  /** While true nothing is read or written, but the socket stays open. */
  #frozen: boolean;
  #lastPlainId = 0n;
  /** What the connection hears in answer to its first packet, whatever that is. */
  readonly #unwelcome: TransportErrorCode | undefined;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#handshake = new Handshake(host);
    this.#frozen = host.frozen;
    this.#unwelcome = host.crowded ? TRANSPORT_ERRORS.flood : undefined;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => host.log.debug({ reason: error.message }, 'simulator: connection failed'));
    socket.on('close', () => {
      if (this.#disconnectTimer !== undefined) host.clock.clearTimeout(this.#disconnectTimer);
      host.closed(this);
    });
    if (this.#frozen) socket.pause();
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  queue(session: ClientSession, message: OutgoingMessage): void {
    this.#queue.push({ session, message });
  }

  /** Sends what is queued: a session's messages together in one container. */
  flush(): void {
    while (this.#queue.length > 0) {
      const { session } = this.#queue[0] as { session: ClientSession };
      const messages: OutgoingMessage[] = [];
      let size = 0;
      while (this.#queue[0]?.session === session && messages.length < MAX_CONTAINER_MESSAGES && size < MAX_CONTAINER_BYTES) {
        const { message } = this.#queue.shift() as { message: OutgoingMessage };
        messages.push(message);
        size += message.body.length;
      }
      this.#seal(session, messages);
    }
  }

  /** Asks for the connection to be closed unless it is asked again in time (ping_delay_disconnect). */
  disconnectAfter(delayMs: number): void {
    if (this.#disconnectTimer !== undefined) this.#host.clock.clearTimeout(this.#disconnectTimer);
    this.#disconnectTimer = this.#host.clock.setTimeout(() => {
      if (this.#frozen) this.#overdue = true;
      else this.destroy('no ping within the delay it asked for');
    }, delayMs);
  }

  /** Stops reading. What would be written is held back. */
  freeze(): void {
    this.#frozen = true;
    this.#socket.pause();
  }

  /** Goes on where {@link freeze} stopped. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    if (this.#overdue) {
      this.destroy('no ping within the delay it asked for');
      return;
    }
    this.#heldBytes = 0;
    for (const frame of this.#held.splice(0)) this.#write(frame);
    this.#process();
    this.#socket.resume();
  }

  destroy(reason: string): void {
    this.#host.log.debug({ reason }, 'simulator: connection closed');
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#frames.push(chunk);
    this.#process();
  }

  #process(): void {
    // Whatever a client sends may cost it its connection, never the server: this is the edge where that is decided.
    try {
      while (this.isOpen && !this.#frozen) {
        const frame = this.#frames.next();
        if (frame === undefined) break;
        this.#receive(frame.payload, frame.wantsQuickAck);
        this.flush();
      }
    } catch (error) {
      if (error instanceof HandshakeError && error.transportError !== undefined) {
        this.#refuse(error.transportError, error.message);
        return;
      }
      this.destroy(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }

  #receive(payload: Buffer, wantsQuickAck: boolean): void {
    const forced = this.#unwelcome ?? this.#host.takeTransportError();
    if (forced !== undefined) {
      this.#refuse(forced, 'a transport error on request, or too many connections');
      return;
    }
    if (payload.length < 24) {
      this.destroy('a packet too short for any message');
      return;
    }
    const keyId = payload.readBigInt64LE(0);
    if (keyId === 0n) {
      this.#receivePlain(payload);
      return;
    }
    const key = this.#host.key(keyId);
    const envelope = key === undefined ? undefined : openEnvelope(key.key, payload);
    if (key === undefined || envelope === undefined) {
      const reason = key === undefined ? 'an unknown auth key' : 'a packet that does not fit its auth key';
      this.#refuse(TRANSPORT_ERRORS.notFound, reason);
      return;
    }
    const quickAck = wantsQuickAck ? this.#frames.wrapQuickAck(envelope.quickAckToken) : undefined;
    if (quickAck !== undefined) this.#write(quickAck);
    this.#host.receive(this, key, envelope);
  }

  /** The transport's own error: four bytes in place of a packet, then the end. */
  #refuse(error: TransportErrorCode, reason: string): void {
    const code = Buffer.alloc(4);
    code.writeInt32LE(error);
    this.#write(this.#frames.wrap(code));
    this.#host.log.debug({ reason }, 'simulator: connection refused');
    this.#socket.end();
  }

  #receivePlain(payload: Buffer): void {
    const length = payload.readInt32LE(16);
    if (length <= 0 || length > payload.length - 20) {
      this.destroy('a plain message of a wrong length');
      return;
    }
    const given = this.#handshake.answer(tl.decode(payload.subarray(20, 20 + length)));
    if (given === undefined) return;
    const answer = tl.encode(given);
    const header = Buffer.alloc(20);
    header.writeBigInt64LE(this.#nextPlainId(), 8);
    header.writeInt32LE(answer.length, 16);
    this.#write(this.#frames.wrap(Buffer.concat([header, answer])));
  }

  #nextPlainId(): bigint {
    const time = (((BigInt(Math.floor(this.#host.clock.now())) << 32n) / 1000n) & ~3n) + 1n;
    this.#lastPlainId = time > this.#lastPlainId ? time : this.#lastPlainId + 4n;
    return this.#lastPlainId;
  }

  #seal(session: ClientSession, messages: readonly OutgoingMessage[]): void {
    const numbered = messages.map((message) => session.number(message));
    let packet = numbered[0];
    if (packet === undefined) return;
    // A message that is sent again keeps its number, which is too old for an envelope of its own.
    if (numbered.length > 1 || messages[0]?.as !== undefined) {
      const writer = new TlWriter(numbered.reduce((size, { body }) => size + body.length + 16, 8));
      writer.int(CONTAINER_ID);
      writer.int(numbered.length);
      for (const { id, sequence, body } of numbered) {
        writer.long(id);
        writer.int(sequence);
        writer.int(body.length);
        writer.raw(body);
      }
      const isReply = messages.some((message) => message.isReply);
      packet = session.number({ body: writer.result(), isContent: false, isReply });
    }
    const { key } = session.wireKey;
    const salt = this.#host.salts.at(key.id, this.#host.now());
    const sealed = sealEnvelope(key, {
      salt,
      sessionId: session.id,
      messageId: packet.id,
      sequence: packet.sequence,
      body: packet.body,
    });
    this.#write(this.#frames.wrap(sealed));
  }

  #write(frame: Buffer): void {
    if (this.#frozen) {
      this.#held.push(frame);
      this.#heldBytes += frame.length;
      if (this.#heldBytes > MAX_BUFFERED_BYTES) this.destroy('frozen for so long that nothing more is held back for it');
    } else if (this.isOpen) {
      this.#socket.write(frame);
      if (this.#socket.writableLength > MAX_BUFFERED_BYTES) this.destroy('the client does not read');
    }
  }
}
