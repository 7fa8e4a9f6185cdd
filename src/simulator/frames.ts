import { ByteQueue } from './byte-queue.ts';
import type { Frame } from './framing.ts';
import { detectTransport, type Transport } from './transport-detection.ts';

/** Cuts a connection's bytes into payloads, whichever transport they come by. */
export class Frames {
  #transport: Transport | undefined;
  readonly #queue = new ByteQueue();

  push(chunk: Buffer): void {
    this.#queue.push(this.#transport?.obfuscation?.incoming.update(chunk) ?? chunk);
  }

  /** @returns the next payload, or undefined when it is not all there. @throws FrameError */
  next(): Omit<Frame, 'end'> | undefined {
    if (this.#queue.length === 0 || (this.#transport === undefined && !this.#detect())) return undefined;
    const frame = this.#transport?.framing.take(this.#queue.bytes);
    if (frame !== undefined) this.#queue.drop(frame.end);
    return frame;
  }

  /** @returns the payload as it goes onto the wire, which it then must do, in this order @throws Error before the first payload came */
  wrap(payload: Buffer): Buffer {
    return this.#obfuscated(this.#known.framing.wrap(payload));
  }

  /** @returns the token as it goes onto the wire, as {@link wrap}; undefined where the transport has no quick acknowledgements */
  wrapQuickAck(token: Buffer): Buffer | undefined {
    const wrapped = this.#known.framing.wrapQuickAck(token);
    return wrapped === undefined ? undefined : this.#obfuscated(wrapped);
  }

  get #known(): Transport {
    if (this.#transport === undefined) throw new Error('nothing came yet: the transport is not known');
    return this.#transport;
  }

  #detect(): boolean {
    const transport = detectTransport(this.#queue.bytes);
    if (transport === undefined) return false;
    this.#transport = transport;
    this.#queue.drop(transport.headerBytes);
    if (transport.obfuscation !== undefined) {
      const rest = this.#queue.bytes;
      this.#queue.drop(rest.length);
      this.#queue.push(transport.obfuscation.incoming.update(rest));
    }
    return this.#queue.length > 0;
  }

  #obfuscated(bytes: Buffer): Buffer {
    return this.#transport?.obfuscation?.outgoing.update(bytes) ?? bytes;
  }
}
