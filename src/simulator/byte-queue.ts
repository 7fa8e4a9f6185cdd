const LEAST_BYTES = 1024;

/**
 * Bytes that come in pieces and are taken in others, in one buffer that grows by doubling: a packet that comes byte by byte costs no more
 * than one that comes whole. What was handed out is never written over.
 */
export class ByteQueue {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** All that is there, first come first. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      // As most often a chunk is a packet: then it is not copied. It has no room behind it either, so that the next one moves it.
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#end + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, 2 * (this.length + chunk.length)));
      this.bytes.copy(larger);
      this.#end = this.length;
      this.#start = 0;
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** Lets the first bytes go. */
  drop(count: number): void {
    this.#start += count;
    if (this.length > 0) return;
    this.#buffer = Buffer.alloc(0);
    this.#start = 0;
    this.#end = 0;
  }
}
