import bigInt from 'big-integer';
import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { expectAnswer, type SpeedPart } from './speed-part.ts';

/** What reading an int64 needs of GramJS's reader. */
export interface LongReader {
  readonly stream: Buffer;
  offset: number;
  readLong(signed?: boolean): bigInt.BigInteger;
}

type ReadLong = (this: LongReader, signed?: boolean) => bigInt.BigInteger;

const LONG_BYTES = 8;

/**
 * Reads 64 bits without the way through hexadecimal text and a hundred multiplications that GramJS takes (12 µs each).
 * @param original GramJS's own, which gets to say that there are no 8 bytes left
 */
export function fastReadLong(original: ReadLong): ReadLong {
  return function (this: LongReader, signed = true) {
    const { stream, offset } = this;
    if (offset + LONG_BYTES > stream.length) return original.call(this, signed);
    const value = signed ? stream.readBigInt64LE(offset) : stream.readBigUInt64LE(offset);
    this.offset = offset + LONG_BYTES;
    return bigInt(value);
  };
}

/** Bytes as on the wire, and the number as signed and as unsigned. */
const KNOWN: readonly (readonly [hex: string, signed: string, unsigned: string])[] = [
  ['0000000000000000', '0', '0'],
  ['0100000000000000', '1', '1'],
  ['ffffffffffffffff', '-1', '18446744073709551615'],
  ['ffffffffffffff7f', '9223372036854775807', '9223372036854775807'],
  ['0000000000000080', '-9223372036854775808', '9223372036854775808'],
  ['ffffffff00000000', '4294967295', '4294967295'],
  ['0000000000002000', '9007199254740992', '9007199254740992'],
  ['0100000000002000', '9007199254740993', '9007199254740993'],
  ['efcdab8967452301', '81985529216486895', '81985529216486895'],
  ['efcdab89674523f1', '-1070935975390360081', '17375808098319191535'],
];

/** Reading of 64-bit integers. @param target the prototype that has the method */
export function int64Part(target: LongReader = BinaryReader.prototype as unknown as LongReader): SpeedPart {
  const original = target.readLong as ReadLong;
  const ours = fastReadLong(original);
  return {
    name: 'int64',
    check() {
      for (const [hex, signed, unsigned] of KNOWN) {
        for (const [who, read] of [['GramJS', original] as const, ['ours', ours] as const]) {
          expectAnswer(who, hex, said(read, hex, true), `${signed} @8`);
          expectAnswer(who, `unsigned ${hex}`, said(read, hex, false), `${unsigned} @8`);
        }
      }
    },
    install() {
      target.readLong = ours;
    },
  };
}

/** The number that was read and where the reader stands then. */
function said(read: ReadLong, hex: string, signed: boolean): string {
  const reader = new BinaryReader(Buffer.from(hex, 'hex')) as unknown as LongReader;
  const value = read.call(reader, signed);
  if (!bigInt.isInstance(value)) return `no big-integer: ${String(value)}`;
  return `${value} @${reader.offset}`;
}
