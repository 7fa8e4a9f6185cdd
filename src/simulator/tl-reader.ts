/** What a client sent is not what the schema says. */
export class TlError extends Error {
  override readonly name = 'TlError';
  /** The constructor number nobody knows, where that was the reason. */
  readonly unknownId: number | undefined;

  constructor(message: string, unknownId?: number) {
    super(message);
    this.unknownId = unknownId;
  }
}

/** Reads TL's primitive values; whatever runs over the end, or cannot be, throws {@link TlError}. */
export class TlReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get left(): number {
    return this.#buffer.length - this.#at;
  }

  int(): number {
    return this.#buffer.readInt32LE(this.#take(4));
  }

  unsigned(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  /** The next number, without moving on. */
  peek(): number {
    const id = this.unsigned();
    this.#at -= 4;
    return id;
  }

  long(): bigint {
    return this.#buffer.readBigInt64LE(this.#take(8));
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  raw(count: number): Buffer {
    if (count < 0) throw new TlError('negative length');
    const at = this.#take(count);
    return this.#buffer.subarray(at, at + count);
  }

  bytes(): Buffer {
    const first = this.raw(1)[0] ?? 0;
    let length = first;
    let header = 1;
    if (first === 255) throw new TlError('a string of more than 16 MiB');
    if (first === 254) {
      const size = this.raw(3);
      length = (size[0] ?? 0) | ((size[1] ?? 0) << 8) | ((size[2] ?? 0) << 16);
      header = 4;
    }
    const data = this.raw(length);
    const padding = -(header + length) & 3;
    this.raw(Math.min(padding, this.left));
    return data;
  }

  /** How many elements a vector has; never more than could follow. */
  count(leastBytesEach: number): number {
    const count = this.int();
    if (count < 0 || count * leastBytesEach > this.left) throw new TlError(`a vector of ${count} elements does not fit`);
    return count;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.left) throw new TlError(`${count} bytes wanted, ${this.left} left`);
    this.#at += count;
    return at;
  }
}
