import { type Cipher, createCipheriv, randomBytes, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The transports there are, those that are obfuscated by what is inside. */
export const TRANSPORTS = [
  'full',
  'abridged',
  'intermediate',
  'padded',
  'obfuscated abridged',
  'obfuscated intermediate',
  'obfuscated padded',
] as const;

/** One of {@link TRANSPORTS}. */
export type TransportName = (typeof TRANSPORTS)[number];

/** What comes by a transport: a payload, or the token of a quick acknowledgement as a number with its top bit set. */
export type Arrival = { readonly payload: Buffer } | { readonly quickAck: number };

const TAGS = { abridged: 'efefefef', intermediate: 'eeeeeeee', padded: 'dddddddd' } as const;

/** First words that would be taken for another transport, for HTTP or for TLS. */
const TAKEN = ['44414548', '54534f50', '20544547', '4954504f', '02010316', 'eeeeeeee', 'dddddddd'];

/** The client's half of a transport, written from its description (https://core.telegram.org/mtproto/mtproto-transports). */
export class ClientTransport {
  readonly name: TransportName;
  readonly #inner: 'full' | keyof typeof TAGS;
  readonly #outgoing: Cipher | undefined;
  readonly #incoming: Cipher | undefined;
  /** What goes before the first packet. */
  readonly header: Buffer;
  #sent = 0;
  #received = 0;
  #buffer = Buffer.alloc(0);

  constructor(name: TransportName) {
    this.name = name;
    this.#inner = name.replace('obfuscated ', '') as 'full' | keyof typeof TAGS;
    this.header = Buffer.alloc(0);
    if (this.#inner === 'full') return;
    const tag = Buffer.from(TAGS[this.#inner], 'hex');
    this.header = this.#inner === 'abridged' ? tag.subarray(0, 1) : tag;
    if (!name.startsWith('obfuscated')) return;
    const random = freeHeader();
    tag.copy(random, 56);
    const reversed = Buffer.from(random.subarray(8, 56)).reverse();
    this.#outgoing = createCipheriv('aes-256-ctr', random.subarray(8, 40), random.subarray(40, 56));
    this.#incoming = createCipheriv('aes-256-ctr', reversed.subarray(0, 32), reversed.subarray(32));
    const encrypted = this.#outgoing.update(random);
    this.header = Buffer.concat([random.subarray(0, 56), encrypted.subarray(56)]);
  }

  /** @param wantsQuickAck asks for one where the transport has them */
  wrap(payload: Buffer, wantsQuickAck = false): Buffer {
    const packet = this.#wrap(payload, wantsQuickAck);
    return this.#outgoing?.update(packet) ?? packet;
  }

  /** Takes bytes of the server. @returns what they complete */
  feed(chunk: Buffer): Arrival[] {
    this.#buffer = Buffer.concat([this.#buffer, this.#incoming?.update(chunk) ?? chunk]);
    const arrivals: Arrival[] = [];
    for (;;) {
      const arrival = this.#take();
      if (arrival === undefined) return arrivals;
      arrivals.push(arrival);
    }
  }

  #wrap(payload: Buffer, wantsQuickAck: boolean): Buffer {
    if (this.#inner === 'full') {
      const head = Buffer.alloc(8);
      head.writeInt32LE(payload.length + 12, 0);
      head.writeInt32LE(this.#sent++, 4);
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32LE(crc32(Buffer.concat([head, payload])));
      return Buffer.concat([head, payload, checksum]);
    }
    const bit = wantsQuickAck ? 0x80 : 0;
    if (this.#inner === 'abridged') {
      const words = payload.length / 4;
      if (words < 127) return Buffer.concat([Buffer.from([words | bit]), payload]);
      return Buffer.concat([Buffer.from([0x7f | bit, words & 255, (words >> 8) & 255, words >> 16]), payload]);
    }
    const body = this.#inner === 'padded' ? Buffer.concat([payload, randomBytes(randomInt(16))]) : payload;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    length[3] = (length[3] ?? 0) | bit;
    return Buffer.concat([length, body]);
  }

  #take(): Arrival | undefined {
    const buffer = this.#buffer;
    if (buffer.length < 4) return undefined;
    if (this.#inner === 'full') {
      const length = buffer.readInt32LE(0);
      if (buffer.length < length) return undefined;
      if (buffer.readInt32LE(4) !== this.#received++) throw new Error('a packet of the server is out of order');
      if (crc32(buffer.subarray(0, length - 4)) !== buffer.readUInt32LE(length - 4)) throw new Error('a wrong checksum');
      this.#buffer = buffer.subarray(length);
      return { payload: buffer.subarray(8, length - 4) };
    }
    const isAbridged = this.#inner === 'abridged';
    const word = isAbridged ? buffer.readUInt32BE(0) : buffer.readUInt32LE(0);
    if (word >= 2 ** 31) {
      this.#buffer = buffer.subarray(4);
      return { quickAck: word };
    }
    const first = buffer[0] ?? 0;
    const header = isAbridged && first < 127 ? 1 : 4;
    const length = isAbridged ? (first < 127 ? first : buffer.readUIntLE(1, 3)) * 4 : word;
    if (buffer.length < header + length) return undefined;
    this.#buffer = buffer.subarray(header + length);
    const payload = buffer.subarray(header, header + length);
    if (this.#inner !== 'padded' || length < 24 || payload.readBigInt64LE(0) === 0n) return { payload };
    return { payload: payload.subarray(0, length - ((length - 8) % 16)) };
  }
}

/** 64 random bytes that begin like nothing else. */
function freeHeader(): Buffer {
  for (;;) {
    const random = randomBytes(64);
    const first = random.readUInt32LE(0).toString(16).padStart(8, '0');
    if (random[0] !== 0xef && !TAKEN.includes(first) && random.readUInt32LE(4) !== 0) return random;
  }
}
