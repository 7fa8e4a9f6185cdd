import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { igeDecrypt, igeEncrypt } from '../../src/simulator/aes-ige.ts';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import { sha1, sha256 } from '../../src/simulator/digest.ts';
import { LAYER, tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { TlReader } from '../../src/simulator/tl-reader.ts';
import { TlWriter } from '../../src/simulator/tl-writer.ts';
import { ClientTransport, type TransportName } from './client-transports.ts';
import { type ExchangeOptions, exchangeKey } from './key-exchange.ts';

const VECTOR_ID = 0x1cb5c415;

/** A message of the server, out of its envelope and container. */
export interface Received {
  readonly id: bigint;
  readonly sequence: number;
  /** `rpc_result` and `msg_container` are shown as such; else the object. */
  readonly object: TlObject;
  /** Of an rpc_result: whether it came packed. */
  readonly packed?: boolean;
  /** Whether it came in a container. */
  readonly contained: boolean;
}

function sliceKey(key: Buffer, messageKey: Buffer, x: number): { key: Buffer; iv: Buffer } {
  const a = sha256(messageKey, key.subarray(x, x + 36));
  const b = sha256(key.subarray(x + 40, x + 76), messageKey);
  return {
    key: Buffer.concat([a.subarray(0, 8), b.subarray(8, 24), a.subarray(24, 32)]),
    iv: Buffer.concat([b.subarray(0, 8), a.subarray(8, 24), b.subarray(24, 32)]),
  };
}

/** A client that can break every rule: it sends what it is told to, with the numbers it is told to. */
export class RawClient {
  readonly socket: Socket;
  key: Buffer = Buffer.alloc(0);
  salt = 0n;
  /** The one that its key was made with. */
  firstSalt = 0n;
  /** What it takes the time to be, in ms since the epoch. */
  now: () => number = Date.now;
  sessionId = randomBytes(8).readBigInt64LE();
  /** Everything that came, oldest first. */
  readonly received: Received[] = [];
  /** Payloads that are no messages: transport errors. */
  readonly transportErrors: number[] = [];
  /** Tokens of quick acknowledgements, each as a number with its top bit set. */
  readonly quickAcks: number[] = [];
  /** What acknowledges the payload that was sealed last. */
  expectedQuickAck = 0;
  closed = false;
  readonly #transport: ClientTransport;
  readonly #dcId: number;
  #header: Buffer;
  #sequence = 0;
  #lastId = 0n;
  #lastSequence = -1;
  #lastServerId = 0n;
  readonly #seen = new Set<bigint>();
  #plain: ((payload: Buffer) => void) | undefined;
  readonly #wakes = new Set<() => void>();

  private constructor(socket: Socket, dcId: number, transport: TransportName) {
    this.socket = socket;
    this.#dcId = dcId;
    this.#transport = new ClientTransport(transport);
    this.#header = this.#transport.header;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** @param dcId a data centre, the home one by default */
  static async connect(info: SimulatorInfo, dcId = 2, transport: TransportName = 'full'): Promise<RawClient> {
    const { host, port } = info.dataCentres.find(({ id }) => id === dcId) ?? info.address;
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new RawClient(socket, dcId, transport);
  }

  /** Connected, with a fresh key, the right salt, and its session begun. */
  static async ready(info: SimulatorInfo, dcId = 2, transport: TransportName = 'full'): Promise<RawClient> {
    const client = await RawClient.connect(info, dcId, transport);
    await client.makeKey(info);
    await client.begin();
    return client;
  }

  /** Another connection with this one's key, in a session of its own. */
  async twin(info: SimulatorInfo, dcId = 2, transport: TransportName = 'full'): Promise<RawClient> {
    const client = await RawClient.connect(info, dcId, transport);
    client.key = this.key;
    await client.begin();
    return client;
  }

  /** Learns the salt, and begins the session. */
  async begin(): Promise<void> {
    this.send(this.message({ _: 'ping', pingId: 1 }));
    await this.until(({ object }) => object._ === 'bad_server_salt');
    this.send(this.message({ _: 'ping', pingId: 2 }));
    await this.until(({ object }) => object._ === 'pong');
  }

  async makeKey(info: SimulatorInfo, pads = true, short = false): Promise<void> {
    await this.exchangeKey(info, { pads, short });
  }

  /** Makes a key in one of the ways there are. */
  async exchangeKey(info: SimulatorInfo, options: ExchangeOptions): Promise<void> {
    const exchanged = await exchangeKey((request) => this.ask(request), info.publicKeyPem, { dcId: this.#dcId, ...options });
    this.key = exchanged.key;
    this.firstSalt = exchanged.firstSalt;
  }

  /** Waits for a message, among those that came already or among those to come. @throws Error when the connection closes before */
  async until(found: (message: Received) => boolean): Promise<Received> {
    for (;;) {
      const message = this.received.find(found);
      if (message !== undefined) return message;
      if (this.closed) throw new Error('closed');
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#wakes.add(resolve));
  }

  /** A call's answer: the result, or the rpc_error. */
  async answer(callId: bigint): Promise<TlObject> {
    const { object } = await this.until(({ object }) => object._ === 'rpc_result' && object.reqMsgId === callId);
    return object.result as TlObject;
  }

  /** Sends a call and waits for its answer. */
  call(request: TlObject): Promise<TlObject> {
    const message = this.message(this.initialized(request));
    this.send(message);
    return this.answer(message.id);
  }

  /** A call in its wrappings. */
  initialized(request: TlObject): TlObject {
    return { _: 'invokeWithLayer', layer: LAYER, query: this.#init(request) };
  }

  /** Begins another session of the same key. */
  newSession(): void {
    this.sessionId += 1n;
    this.#lastSequence = -1;
    this.#lastServerId = 0n;
  }

  nextId(): bigint {
    const now = ((BigInt(Math.floor(this.now())) << 32n) / 1000n) & ~3n;
    this.#lastId = now > this.#lastId ? now : this.#lastId + 4n;
    return this.#lastId;
  }

  /** A message with the next numbers; results want acknowledging, so it is odd unless told otherwise. */
  message(object: TlObject | Buffer, content = true): { id: bigint; sequence: number; body: Buffer } {
    const sequence = this.#sequence * 2 + (content ? 1 : 0);
    if (content) this.#sequence++;
    return { id: this.nextId(), sequence, body: Buffer.isBuffer(object) ? object : tl.encode(object) };
  }

  container(messages: readonly { id: bigint; sequence: number; body: Buffer }[]): { id: bigint; sequence: number; body: Buffer } {
    const writer = new TlWriter();
    writer.int(0x73f1f8dc);
    writer.int(messages.length);
    for (const { id, sequence, body } of messages) {
      writer.long(id);
      writer.int(sequence);
      writer.int(body.length);
      writer.raw(body);
    }
    return this.message(writer.result(), false);
  }

  send(message: { id: bigint; sequence: number; body: Buffer }): void {
    this.write(this.seal(message));
  }

  /** The payload that carries a message. */
  seal({ id, sequence, body }: { id: bigint; sequence: number; body: Buffer }): Buffer {
    const padding = 12 + ((16 - ((32 + body.length + 12) % 16)) % 16);
    const plain = Buffer.alloc(32 + body.length + padding);
    plain.writeBigInt64LE(this.salt, 0);
    plain.writeBigInt64LE(this.sessionId, 8);
    plain.writeBigInt64LE(id, 16);
    plain.writeInt32LE(sequence, 24);
    plain.writeInt32LE(body.length, 28);
    body.copy(plain, 32);
    randomBytes(padding).copy(plain, 32 + body.length);
    const large = sha256(this.key.subarray(88, 120), plain);
    const messageKey = large.subarray(8, 24);
    this.expectedQuickAck = (large.readUInt32LE(0) | 0x8000_0000) >>> 0;
    const { key, iv } = sliceKey(this.key, messageKey, 0);
    return Buffer.concat([sha1(this.key).subarray(12, 20), messageKey, igeEncrypt(plain, key, iv)]);
  }

  /** Writes a payload as a packet of the transport. */
  write(payload: Buffer, wantsQuickAck = false): void {
    this.socket.write(this.frame(payload, wantsQuickAck));
  }

  /** A payload as it goes onto the wire, which it then must do, in this order. */
  frame(payload: Buffer, wantsQuickAck = false): Buffer {
    const header = this.#header;
    this.#header = Buffer.alloc(0);
    return Buffer.concat([header, this.#transport.wrap(payload, wantsQuickAck)]);
  }

  end(): void {
    this.socket.destroy();
  }

  #init(query: TlObject): TlObject {
    const text = 'test';
    return {
      _: 'initConnection',
      apiId: 1,
      deviceModel: text,
      systemVersion: text,
      appVersion: text,
      systemLangCode: 'en',
      langPack: '',
      langCode: 'en',
      query,
    };
  }

  /** Sends a message in plain, and waits for the answer. @throws Error when the connection closes before */
  ask(request: TlObject): Promise<TlObject> {
    const body = tl.encode(request);
    const header = Buffer.alloc(20);
    header.writeBigInt64LE(this.nextId(), 8);
    header.writeInt32LE(body.length, 16);
    return new Promise((resolve, reject) => {
      this.socket.once('close', () => reject(new Error('closed')));
      this.#plain = (payload) => resolve(tl.decode(payload.subarray(20)));
      this.write(Buffer.concat([header, body]));
    });
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }

  #onData(chunk: Buffer): void {
    for (const arrival of this.#transport.feed(chunk)) {
      if ('quickAck' in arrival) this.quickAcks.push(arrival.quickAck);
      else this.#receive(arrival.payload);
    }
    this.#wake();
  }

  #receive(payload: Buffer): void {
    if (payload.length === 4) {
      this.transportErrors.push(payload.readInt32LE(0));
      return;
    }
    if (payload.readBigInt64LE(0) === 0n) {
      this.#plain?.(payload);
      return;
    }
    const messageKey = payload.subarray(8, 24);
    const { key, iv } = sliceKey(this.key, messageKey, 8);
    const plain = igeDecrypt(payload.subarray(24), key, iv);
    if (!sha256(this.key.subarray(96, 128), plain).subarray(8, 24).equals(messageKey)) throw new Error('wrong message key');
    if (plain.readBigInt64LE(8) !== this.sessionId) throw new Error('wrong session');
    const id = plain.readBigInt64LE(16);
    if (id <= this.#lastServerId) throw new Error('message ids do not grow');
    this.#lastServerId = id;
    const body = plain.subarray(32, 32 + plain.readInt32LE(28));
    this.#take(id, plain.readInt32LE(24), body, false);
  }

  #take(id: bigint, sequence: number, body: Buffer, contained: boolean): void {
    const reader = new TlReader(body);
    const number = reader.unsigned();
    if (number === 0x73f1f8dc) {
      if (sequence % 2 !== 0) throw new Error('a container with an odd sequence number');
      for (let left = reader.int(); left > 0; left--) {
        const [innerId, innerSequence] = [reader.long(), reader.int()];
        if (innerId >= id) throw new Error('a container older than its content');
        this.#take(innerId, innerSequence, reader.raw(reader.int()), true);
      }
      return;
    }
    // A message that is sent again comes with the numbers it had.
    const isAgain = contained && this.#seen.has(id);
    this.#seen.add(id);
    if (sequence % 2 === 1 && !isAgain) {
      if (sequence <= this.#lastSequence) throw new Error('sequence numbers do not grow');
      this.#lastSequence = sequence;
    }
    if (number === 0xf35c6d01) {
      const reqMsgId = reader.long();
      const packed = reader.peek() === 0x3072cfa1;
      let result = reader.raw(reader.left);
      if (packed) result = gunzipSync(new TlReader(result.subarray(4)).bytes());
      // A bare vector does not say of what: what it holds is left as it is.
      const decoded = result.readUInt32LE(0) === VECTOR_ID ? { _: 'vector', bytes: result } : tl.decode(result);
      this.received.push({ id, sequence, contained, packed, object: { _: 'rpc_result', reqMsgId, result: decoded } });
      return;
    }
    const object = tl.decode(body);
    if (object._ === 'bad_server_salt') this.salt = object.newServerSalt as bigint;
    if (object._ === 'new_session_created') this.salt = object.serverSalt as bigint;
    this.received.push({ id, sequence, contained, object });
  }
}
