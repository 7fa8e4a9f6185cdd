/** Writes TL's primitive values (https://core.telegram.org/mtproto/serialize) into a buffer that grows as needed. */
export class TlWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(sizeBytes = 1024) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes);
  }

  int(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeInt32LE(value | 0, at);
  }

  long(value: bigint): void {
    const at = this.#reserve(8);
    this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), at);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** A string (as UTF-8) or bytes, with its length and padding. */
  bytes(value: string | Uint8Array): void {
    const data = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (data.length < 254) {
      const at = this.#reserve(1);
      this.#buffer[at] = data.length;
    } else {
      if (data.length > 0xff_ff_ff) throw new RangeError('TL bytes are longer than 16 MiB');
      const at = this.#reserve(4);
      this.#buffer.writeUInt32LE(254 + data.length * 256, at);
    }
    this.raw(data);
    while (this.#length % 4 !== 0) {
      const at = this.#reserve(1);
      this.#buffer[at] = 0;
    }
  }

  /** What was written so far. */
  result(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
