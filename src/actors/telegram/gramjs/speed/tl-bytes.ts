/** TL's values out of bytes (https://core.telegram.org/mtproto/serialize), where GramJS makes an object of each. */
export class TlBytes {
  readonly #data: Buffer;
  #at: number;

  /** @param at where to begin, in bytes */
  constructor(data: Buffer, at = 0) {
    this.#data = data;
    this.#at = at;
  }

  /** Bytes that are not read yet. */
  get left(): number {
    return this.#data.length - this.#at;
  }

  /** What is not read yet, for an error to show. */
  rest(): Buffer {
    return this.#data.subarray(this.#at);
  }

  /** @throws RangeError at the end of the data, as all the others do */
  int(): number {
    const value = this.#data.readInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  uint(): number {
    const value = this.#data.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A signed 64-bit integer, in decimal. */
  long(): string {
    const low = this.#data.readUInt32LE(this.#at);
    const high = this.#data.readInt32LE(this.#at + 4);
    // Most are ids that a double holds exactly.
    const text =
      high >= -0x200000 && high < 0x200000 ? String(high * 0x1_0000_0000 + low) : this.#data.readBigInt64LE(this.#at).toString();
    this.#at += 8;
    return text;
  }

  double(): number {
    const value = this.#data.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  string(): string {
    return this.#sized('utf8');
  }

  /** Bytes, in base64. */
  bytes(): string {
    return this.#sized('base64');
  }

  /** A length of one byte, or 254 and one of three; the data; and padding to a multiple of four. */
  #sized(encoding: 'utf8' | 'base64'): string {
    const first = this.#data.readUInt8(this.#at);
    const long = first === 254;
    const length = long ? this.#data.readUIntLE(this.#at + 1, 3) : first;
    const start = this.#at + (long ? 4 : 1);
    const end = start + length;
    const next = end + ((4 - ((end - this.#at) & 3)) & 3);
    if (next > this.#data.length)
      throw new RangeError(`no more data left to read: ${length} bytes were announced, ${this.left} are there`);
    this.#at = next;
    return this.#data.toString(encoding, start, end);
  }
}
