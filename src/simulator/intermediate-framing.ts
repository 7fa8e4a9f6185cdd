import { randomBytes, randomInt } from 'node:crypto';
import { checkLength, type Frame, type Framing } from './framing.ts';

/** A length's top bit: it asks for a quick acknowledgement, or is one. */
const QUICK_ACK_BIT = 0x8000_0000;
/** Fewer bytes than any message has. */
const KEY_ID_BYTES = 8;

/** The intermediate transport: a length of four bytes, whose top bit asks for a quick acknowledgement. */
export class IntermediateFraming implements Framing {
  take(buffer: Buffer): Frame | undefined {
    if (buffer.length < 4) return undefined;
    const header = buffer.readUInt32LE(0);
    const length = header % QUICK_ACK_BIT;
    this.check(length);
    if (buffer.length < 4 + length) return undefined;
    const payload = this.unpadded(buffer.subarray(4, 4 + length));
    return { payload, end: 4 + length, wantsQuickAck: header >= QUICK_ACK_BIT };
  }

  wrap(payload: Buffer): Buffer {
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32LE(payload.length);
    return Buffer.concat([header, payload]);
  }

  wrapQuickAck(token: Buffer): Buffer {
    return token;
  }

  protected check(length: number): void {
    checkLength(length, 4, 4);
  }

  protected unpadded(payload: Buffer): Buffer {
    return payload;
  }
}

/** The padded intermediate transport: 0 to 15 random bytes follow each payload. */
export class PaddedIntermediateFraming extends IntermediateFraming {
  /** A transport error goes without: clients tell it by its length of four. */
  override wrap(payload: Buffer): Buffer {
    if (payload.length <= 4) return super.wrap(payload);
    return super.wrap(Buffer.concat([payload, randomBytes(randomInt(16))]));
  }

  protected override check(length: number): void {
    checkLength(length, 4, 1);
  }

  /** An encrypted message is a key id and blocks of 16 bytes; one in plain says itself how long it is, so that what follows it does no harm. */
  protected override unpadded(payload: Buffer): Buffer {
    const isPlain = payload.length < KEY_ID_BYTES || payload.readBigInt64LE(0) === 0n;
    return isPlain ? payload : payload.subarray(0, payload.length - ((payload.length - KEY_ID_BYTES) % 16));
  }
}
