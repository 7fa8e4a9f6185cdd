import { crc32 } from 'node:zlib';
import { checkLength, type Frame, FrameError, type Framing } from './framing.ts';

/** The full transport: length, sequence number, payload, CRC-32. It has no quick acknowledgements. */
export class FullFraming implements Framing {
  #received = 0;
  #sent = 0;

  take(buffer: Buffer): Frame | undefined {
    if (buffer.length < 4) return undefined;
    const length = buffer.readInt32LE(0);
    checkLength(length, 16, 4);
    if (buffer.length < length) return undefined;
    if (buffer.readInt32LE(4) !== this.#received) throw new FrameError('a packet out of order');
    if (crc32(buffer.subarray(0, length - 4)) !== buffer.readUInt32LE(length - 4)) throw new FrameError('a wrong checksum');
    this.#received++;
    return { payload: buffer.subarray(8, length - 4), end: length, wantsQuickAck: false };
  }

  wrap(payload: Buffer): Buffer {
    const packet = Buffer.allocUnsafe(payload.length + 12);
    packet.writeInt32LE(packet.length, 0);
    packet.writeInt32LE(this.#sent++, 4);
    payload.copy(packet, 8);
    packet.writeUInt32LE(crc32(packet.subarray(0, packet.length - 4)), packet.length - 4);
    return packet;
  }

  wrapQuickAck(): undefined {
    return undefined;
  }
}
