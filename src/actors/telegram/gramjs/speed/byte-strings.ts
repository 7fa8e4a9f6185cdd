import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { expectAnswer, type SpeedPart } from './speed-part.ts';

/** What reading TL's bytes needs of GramJS's reader. */
export interface BytesReader {
  readonly stream: Buffer;
  offset: number;
  tgReadBytes(): Buffer;
}

type ReadBytes = (this: BytesReader) => Buffer;

/** A first byte of this value says that three more hold the length. */
const LONG_FORM = 254;

/**
 * Reads TL's bytes (and so its strings) with one view of the memory, where GramJS makes one for every byte of the length and for
 * the padding too.
 * @param original GramJS's own, which gets to say that not all is there
 */
export function fastReadBytes(original: ReadBytes): ReadBytes {
  return function (this: BytesReader) {
    const { stream, offset } = this;
    const first = stream[offset];
    const isLong = first === LONG_FORM;
    if (first === undefined || (isLong && offset + 4 > stream.length)) return original.call(this);
    const start = offset + (isLong ? 4 : 1);
    const end = start + (isLong ? stream.readUIntLE(offset + 1, 3) : first);
    const next = end + ((offset - end) & 3);
    if (next > stream.length) return original.call(this);
    this.offset = next;
    return stream.subarray(start, end);
  };
}

/** As on the wire, and the text that it is. */
const KNOWN: readonly (readonly [hex: string, text: string])[] = [
  ['00000000', ''],
  ['0161000000', 'a'],
  ['0361626300', 'abc'],
  ['046162636400000000', 'abcd'],
  [`fd${'61'.repeat(253)}0000`, 'a'.repeat(253)],
  [`fefe0000${'61'.repeat(254)}0000`, 'a'.repeat(254)],
];

/** Reading of bytes and strings. @param target the prototype that has the method */
export function byteStringsPart(target: BytesReader = BinaryReader.prototype as unknown as BytesReader): SpeedPart {
  const original = target.tgReadBytes as ReadBytes;
  const ours = fastReadBytes(original);
  return {
    name: 'byte-strings',
    check() {
      for (const [hex, text] of KNOWN) {
        const end = Math.ceil((text.length + (text.length < LONG_FORM ? 1 : 4)) / 4) * 4;
        for (const [who, read] of [['GramJS', original] as const, ['ours', ours] as const]) {
          const reader = new BinaryReader(Buffer.from(`${hex}0000`, 'hex')) as unknown as BytesReader;
          expectAnswer(who, hex, `${read.call(reader)} @${reader.offset}`, `${text} @${end}`);
        }
      }
    },
    install() {
      target.tgReadBytes = ours;
    },
  };
}
