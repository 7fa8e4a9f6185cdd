import { crc32 as nativeCrc32 } from 'node:zlib';
import helpers from 'telegram/Helpers.js';
import { expectAnswer, type SpeedPart } from './speed-part.ts';

/** GramJS's module, whose users look the function up anew each time. */
export interface Crc32Module {
  crc32(data: Buffer | string): number;
}

type Crc32 = Crc32Module['crc32'];

/** Known sums (the first is the check value of every CRC-32 catalogue). */
const KNOWN: readonly (readonly [hex: string, sum: number])[] = [
  ['313233343536373839', 0xcbf43926],
  ['', 0],
  ['ffffffff', 0xffffffff],
];

/** The checksum of every packet of the full transport. @param original GramJS's own, which takes what is no Buffer */
export function fastCrc32(original: Crc32): Crc32 {
  return (data) => (Buffer.isBuffer(data) ? nativeCrc32(data) : original(data));
}

/** CRC-32. @param target the module that exports the function */
export function crc32Part(target: Crc32Module = helpers as unknown as Crc32Module): SpeedPart {
  const original = target.crc32;
  const ours = fastCrc32(original);
  return {
    name: 'crc32',
    check() {
      for (const [hex, sum] of KNOWN) {
        const data = Buffer.from(hex, 'hex');
        expectAnswer('GramJS', `the CRC-32 of ${hex}`, String(original(data)), String(sum));
        expectAnswer('ours', `the CRC-32 of ${hex}`, String(ours(data)), String(sum));
      }
    },
    install() {
      target.crc32 = ours;
    },
  };
}
