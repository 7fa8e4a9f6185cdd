import { crc32 } from 'node:zlib';

/** What came is not of the transport: the connection cannot go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Telegram closes a connection that sends more in one packet. */
const MAX_FRAME_BYTES = 1 << 20;

const ABRIDGED_TAG = 0xef;

/** One of MTProto's TCP transports (https://core.telegram.org/mtproto/mtproto-transports), one instance a connection. */
interface Framing {
  /** Takes the next payload off the front. @returns its end in the buffer and itself, or undefined when more is needed */
  take(buffer: Buffer): { readonly payload: Buffer; readonly end: number } | undefined;
  /** Wraps a payload. */
  wrap(payload: Buffer): Buffer;
}

function checkLength(length: number, least: number): void {
  if (length < least || length > MAX_FRAME_BYTES || length % 4 !== 0) throw new FrameError(`a packet of ${length} bytes`);
}

/** Length, sequence number, payload, CRC-32. */
class FullFraming implements Framing {
  #received = 0;
  #sent = 0;

  take(buffer: Buffer): { payload: Buffer; end: number } | undefined {
    if (buffer.length < 4) return undefined;
    const length = buffer.readInt32LE(0);
    checkLength(length, 16);
    if (buffer.length < length) return undefined;
    if (buffer.readInt32LE(4) !== this.#received) throw new FrameError('a packet out of order');
    if (crc32(buffer.subarray(0, length - 4)) !== buffer.readUInt32LE(length - 4)) throw new FrameError('a wrong checksum');
    this.#received++;
    return { payload: buffer.subarray(8, length - 4), end: length };
  }

  wrap(payload: Buffer): Buffer {
    const packet = Buffer.allocUnsafe(payload.length + 12);
    packet.writeInt32LE(packet.length, 0);
    packet.writeInt32LE(this.#sent++, 4);
    payload.copy(packet, 8);
    packet.writeUInt32LE(crc32(packet.subarray(0, packet.length - 4)), packet.length - 4);
    return packet;
  }
}

/** A length in words of one byte, or of three after 0x7f. The top bit asks for a quick acknowledgement, which we may leave out. */
class AbridgedFraming implements Framing {
  take(buffer: Buffer): { payload: Buffer; end: number } | undefined {
    if (buffer.length < 4) return undefined;
    const first = (buffer[0] ?? 0) & 0x7f;
    const header = first === 0x7f ? 4 : 1;
    const length = (first === 0x7f ? buffer.readUIntLE(1, 3) : first) * 4;
    checkLength(length, 4);
    if (buffer.length < header + length) return undefined;
    return { payload: buffer.subarray(header, header + length), end: header + length };
  }

  wrap(payload: Buffer): Buffer {
    const words = payload.length / 4;
    const header =
      words < 0x7f ? Buffer.from([words]) : Buffer.from([0x7f, words & 255, (words >> 8) & 255, (words >> 16) & 255]);
    return Buffer.concat([header, payload]);
  }
}

/** Cuts a connection's bytes into payloads, and tells the transports apart by the first of them. */
export class Frames {
  #framing: Framing | undefined;
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** @returns the next payload, or undefined when it is not all there. @throws FrameError */
  next(): Buffer | undefined {
    if (this.#length === 0) return undefined;
    let buffer = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    if (this.#framing === undefined) {
      const abridged = buffer[0] === ABRIDGED_TAG;
      this.#framing = abridged ? new AbridgedFraming() : new FullFraming();
      if (abridged) buffer = buffer.subarray(1);
    }
    const frame = this.#framing.take(buffer);
    const rest = frame === undefined ? buffer : buffer.subarray(frame.end);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return frame?.payload;
  }

  /** @returns the payload as it goes onto the wire */
  wrap(payload: Buffer): Buffer {
    this.#framing ??= new FullFraming();
    return this.#framing.wrap(payload);
  }
}
