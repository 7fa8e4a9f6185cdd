import { checkLength, type Frame, type Framing } from './framing.ts';

/** The abridged transport: a length in words of one byte, or of three after 0x7f. The first byte's top bit asks for a quick acknowledgement. */
export class AbridgedFraming implements Framing {
  take(buffer: Buffer): Frame | undefined {
    const first = buffer[0] ?? 0;
    const isLong = (first & 0x7f) === 0x7f;
    const header = isLong ? 4 : 1;
    if (buffer.length < header) return undefined;
    const length = (isLong ? buffer.readUIntLE(1, 3) : first & 0x7f) * 4;
    checkLength(length, 4, 4);
    if (buffer.length < header + length) return undefined;
    return { payload: buffer.subarray(header, header + length), end: header + length, wantsQuickAck: first > 0x7f };
  }

  wrap(payload: Buffer): Buffer {
    const words = payload.length / 4;
    const header =
      words < 0x7f ? Buffer.from([words]) : Buffer.from([0x7f, words & 255, (words >> 8) & 255, (words >> 16) & 255]);
    return Buffer.concat([header, payload]);
  }

  /** The other way round, so that the top bit is in the first byte, where no length has it. */
  wrapQuickAck(token: Buffer): Buffer {
    return Buffer.from(token).reverse();
  }
}
