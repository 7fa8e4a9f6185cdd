/** What came is not of the transport: the connection cannot go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Telegram closes a connection that sends more in one packet. */
const MAX_FRAME_BYTES = 1 << 20;

/** A payload off the wire. */
export interface Frame {
  readonly payload: Buffer;
  /** Where it ends in the buffer it was taken from. */
  readonly end: number;
  /** Whether the client asked to be told at once that it came (https://core.telegram.org/mtproto/mtproto-transports#quick-ack). */
  readonly wantsQuickAck: boolean;
}

/** One of MTProto's TCP transports (https://core.telegram.org/mtproto/mtproto-transports), one instance a connection. */
export interface Framing {
  /** Takes the next payload off the front. @returns undefined when more is needed @throws FrameError */
  take(buffer: Buffer): Frame | undefined;
  /** Wraps a payload, or the four bytes of a transport error. */
  wrap(payload: Buffer): Buffer;
  /** @param token as a client reads it off the intermediate transport: little-endian, the top bit set @returns undefined where the transport has none */
  wrapQuickAck(token: Buffer): Buffer | undefined;
}

/** @throws FrameError when no packet is that long */
export function checkLength(length: number, least: number, multipleOf: number): void {
  if (length < least || length > MAX_FRAME_BYTES || length % multipleOf !== 0)
    throw new FrameError(`a packet of ${length} bytes`);
}
