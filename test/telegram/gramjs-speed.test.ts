import { deflateSync, gzipSync } from 'node:zlib';
import bigInt from 'big-integer';
import fc from 'fast-check';
import ige from 'telegram/crypto/IGE.js';
import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import helpers from 'telegram/Helpers.js';
import { GZIPPacked } from 'telegram/tl/core/GZIPPacked.js';
import { describe, expect, test } from 'vitest';
import { aesIgePart, fastIge, type IgeModule, initWasm } from '../../src/actors/telegram/gramjs/speed/aes-ige.ts';
import { type Crc32Module, crc32Part, fastCrc32 } from '../../src/actors/telegram/gramjs/speed/crc32.ts';
import { fastUngzip, gunzipPart, MAX_UNPACKED_BYTES, type Unpacker } from '../../src/actors/telegram/gramjs/speed/gunzip.ts';
import { fastReadLong, int64Part, type LongReader } from '../../src/actors/telegram/gramjs/speed/int64.ts';
import type { SpeedPart } from '../../src/actors/telegram/gramjs/speed/speed-part.ts';
import { install, speedUp } from '../../src/actors/telegram/gramjs/speed/speed-up.ts';
import { type Log, silentLog } from '../../src/log.ts';

const RUNS = { numRuns: 2_000 };
const VERSION = '2.26.22';

// GramJS's own, taken before anything is replaced.
const { IGE } = ige as unknown as IgeModule;
const { crc32 } = helpers as unknown as Crc32Module;
const { ungzip } = GZIPPacked as Unpacker;
const { readLong } = BinaryReader.prototype as unknown as LongReader;
const { tgReadBytes, tgReadObject } = BinaryReader.prototype;
const own = [readLong, tgReadBytes, tgReadObject, IGE, ungzip, crc32];

/** What a call gives or, where it throws, what kind of thing it throws. */
function outcome<T>(call: () => T): { readonly value: T } | { readonly thrown: string } {
  try {
    return { value: call() };
  } catch (error) {
    return { thrown: error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error) };
  }
}

const bytes = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints).map((array) => Buffer.from(array));

describe('int64', () => {
  const ours = fastReadLong(readLong);
  const readBy = (read: typeof readLong, data: Buffer, offset: number, signed: boolean | undefined) => {
    const reader = new BinaryReader(data) as unknown as LongReader;
    reader.offset = offset;
    const result = outcome(() => (signed === undefined ? read.call(reader) : read.call(reader, signed)));
    return { result, offset: reader.offset };
  };

  test('reads every number as GramJS does, signed, unsigned and by default', () => {
    const edges = fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n));
    const number = fc.oneof(edges, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
    fc.assert(
      fc.property(number, fc.nat(9), fc.option(fc.boolean(), { nil: undefined }), (value, offset, signed) => {
        const data = Buffer.alloc(offset + 8 + 3, 0xab);
        data.writeBigInt64LE(value, offset);
        const theirs = readBy(readLong, data, offset, signed);
        expect(readBy(ours, data, offset, signed)).toEqual(theirs);
        const read = (theirs.result as { value: bigInt.BigInteger }).value;
        expect(read.toString()).toBe(String(signed === false ? BigInt.asUintN(64, value) : value));
      }),
      RUNS,
    );
  });

  test('gives a big-integer that computes as GramJS’s does', () => {
    const data = Buffer.from('0100000000000080', 'hex');
    const { result } = readBy(ours, data, 0, true);
    const value = (result as { value: bigInt.BigInteger }).value;
    expect(bigInt.isInstance(value)).toBe(true);
    expect(value.equals(bigInt('-9223372036854775807'))).toBe(true);
    expect(value.shiftRight(32).toJSNumber()).toBe(-2147483648);
  });

  test('never reads past the end, and fails as GramJS does', () => {
    fc.assert(
      fc.property(bytes({ maxLength: 20 }), fc.nat(24), fc.boolean(), (data, offset, signed) => {
        expect(readBy(ours, data, offset, signed)).toEqual(readBy(readLong, data, offset, signed));
      }),
      RUNS,
    );
    expect(readBy(ours, Buffer.alloc(7), 0, true).result).toMatchObject({ thrown: expect.stringContaining('No more data left') });
    // A view of a larger memory ends where the view ends.
    const view = Buffer.from(new ArrayBuffer(64), 8, 7);
    expect(readBy(ours, view, 0, true).result).toHaveProperty('thrown');
  });
});

describe('AES-IGE', () => {
  initWasm();
  const Ours = fastIge(IGE);
  const key = bytes({ minLength: 32, maxLength: 32 });
  const data = fc.oneof(
    fc.nat(64).chain((blocks) => bytes({ minLength: blocks * 16, maxLength: blocks * 16 })),
    bytes({ maxLength: 100 }),
  );

  test('decrypts as GramJS does, whole blocks or not', () => {
    fc.assert(
      fc.property(key, key, data, (aesKey, iv, cipher) => {
        const before = Buffer.from(cipher);
        expect(outcome(() => new Ours(aesKey, iv).decryptIge(cipher))).toEqual(
          outcome(() => new IGE(aesKey, iv).decryptIge(cipher)),
        );
        expect(cipher).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  test('encrypts as GramJS does, and pads what is no whole number of blocks', () => {
    fc.assert(
      fc.property(key, key, data, (aesKey, iv, plain) => {
        const ours = new Ours(aesKey, iv).encryptIge(plain);
        if (plain.length % 16 === 0) expect(ours).toEqual(new IGE(aesKey, iv).encryptIge(plain));
        expect(ours).toHaveLength(Math.ceil(plain.length / 16) * 16);
        expect(new IGE(aesKey, iv).decryptIge(ours).subarray(0, plain.length)).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });

  test('begins anew at the vector with each call, as GramJS does', () => {
    const [aesKey, iv, plain] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(64, 3)];
    const [ours, theirs] = [new Ours(aesKey, iv), new IGE(aesKey, iv)];
    const [first, second] = [ours.encryptIge(plain), ours.encryptIge(plain)];
    expect([first, second]).toEqual([theirs.encryptIge(plain), theirs.encryptIge(plain)]);
    expect(ours.decryptIge(first)).toEqual(plain);
  });

  test('keeps earlier results when the WASM memory grows', () => {
    const [aesKey, iv] = [Buffer.alloc(32, 5), Buffer.alloc(32, 6)];
    const small = new Ours(aesKey, iv).encryptIge(Buffer.alloc(32, 7));
    const copy = Buffer.from(small);
    const large = Buffer.alloc(4 << 20, 8);
    expect(new Ours(aesKey, iv).decryptIge(new Ours(aesKey, iv).encryptIge(large)).equals(large)).toBe(true);
    expect(small).toEqual(copy);
    expect(new Ours(aesKey, iv).decryptIge(small)).toEqual(Buffer.alloc(32, 7));
  });

  test.each([16, 24, 31, 33])('treats a key of %i bytes as GramJS does', (size) => {
    const [aesKey, iv, cipher] = [Buffer.alloc(size, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];
    expect(outcome(() => new Ours(aesKey, iv).decryptIge(cipher))).toEqual(outcome(() => new IGE(aesKey, iv).decryptIge(cipher)));
  });
});

describe('gunzip', () => {
  const ours = fastUngzip(ungzip);
  const text = fc.oneof(
    bytes({ maxLength: 3_000 }),
    fc.string({ maxLength: 500, unit: 'binary' }).map((s) => Buffer.from(s.repeat(9))),
  );

  test('unpacks what GramJS unpacks, to the same', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(0, 1, 3, 6, 9), fc.boolean(), (plain, level, gzip) => {
        const packed = gzip ? gzipSync(plain, { level }) : deflateSync(plain, { level });
        expect(ours(packed)).toEqual(ungzip(packed));
        expect(ours(packed)).toEqual(plain);
      }),
      { numRuns: 300 },
    );
  });

  test('takes or refuses damaged, cut and lengthened data as GramJS does', () => {
    const damage = fc.record({ at: fc.nat(), bit: fc.nat(7), cut: fc.nat(12), tail: bytes({ maxLength: 12 }) });
    fc.assert(
      fc.property(bytes({ maxLength: 400 }), damage, (plain, { at, bit, cut, tail }) => {
        const packed = gzipSync(plain);
        const place = at % packed.length;
        packed[place] = (packed[place] ?? 0) ^ (1 << bit);
        const input = Buffer.concat([packed.subarray(0, packed.length - cut), tail]);
        expect(outcome(() => ours(input))).toEqual(outcome(() => ungzip(input)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('goes on behind the first member as GramJS does', () => {
    const two = Buffer.concat([gzipSync('one'), gzipSync('two')]);
    expect(ours(two)).toEqual(ungzip(two));
    const zeros = Buffer.concat([gzipSync('one'), Buffer.alloc(9)]);
    expect(ours(zeros)).toEqual(ungzip(zeros));
  });

  test('refuses a bomb instead of filling the memory', () => {
    const bomb = gzipSync(Buffer.alloc(MAX_UNPACKED_BYTES + 1));
    expect(bomb.length).toBeLessThan(40_000);
    expect(() => ours(bomb)).toThrow(RangeError);
    expect(ours(gzipSync(Buffer.alloc(MAX_UNPACKED_BYTES)))).toHaveLength(MAX_UNPACKED_BYTES);
  });
});

describe('CRC-32', () => {
  test('sums buffers and texts as GramJS does', () => {
    const ours = fastCrc32(crc32);
    const input = fc.oneof(bytes({ maxLength: 300 }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(input, (data) => {
        expect(ours(data)).toBe(crc32(data));
      }),
      RUNS,
    );
  });
});

describe('standing in for GramJS', () => {
  /** A log that keeps its warnings. */
  function listening(): { readonly log: Log; readonly warnings: unknown[] } {
    const warnings: unknown[] = [];
    return { log: { ...silentLog, warn: (fields) => warnings.push(fields) }, warnings };
  }

  /** Each part with an original that is not as expected, and a look whether it was left alone. */
  const strangers: Record<string, () => { readonly part: SpeedPart; readonly untouched: () => boolean }> = {
    int64() {
      const target = { stream: Buffer.alloc(0), offset: 0, readLong: (): bigInt.BigInteger => bigInt(42) };
      const { readLong: own } = target;
      return { part: int64Part(target), untouched: () => target.readLong === own };
    },
    'int64, right numbers at the wrong place'() {
      const wrong = function (this: LongReader, signed?: boolean): bigInt.BigInteger {
        const value = readLong.call(this, signed);
        this.offset -= 4;
        return value;
      };
      const target = { stream: Buffer.alloc(0), offset: 0, readLong: wrong };
      return { part: int64Part(target), untouched: () => target.readLong === wrong };
    },
    'int64, no method any more'() {
      const target = {} as LongReader;
      return { part: int64Part(target), untouched: () => target.readLong === undefined };
    },
    'aes-ige, other ciphertext'() {
      class Other extends IGE {
        override encryptIge(plain: Buffer): Buffer {
          return super.encryptIge(plain).reverse();
        }
      }
      const target = { IGE: Other };
      return { part: aesIgePart(target), untouched: () => target.IGE === Other };
    },
    'aes-ige, other plaintext'() {
      class Other extends IGE {
        override decryptIge(cipher: Buffer): Buffer {
          return super.decryptIge(cipher).subarray(16);
        }
      }
      const target = { IGE: Other };
      return { part: aesIgePart(target), untouched: () => target.IGE === Other };
    },
    gunzip() {
      const own = (input: Buffer): Buffer => Buffer.concat([ungzip(input), Buffer.alloc(1)]);
      const target = { ungzip: own };
      return { part: gunzipPart(target), untouched: () => target.ungzip === own };
    },
    crc32() {
      const own = (data: Buffer | string): number => crc32(data) | 0;
      const target = { crc32: own };
      return { part: crc32Part(target), untouched: () => target.crc32 === own };
    },
  };

  test.each(Object.entries(strangers))('%s: steps aside with one warning and changes nothing', (name, make) => {
    const { log, warnings } = listening();
    const { part, untouched } = make();
    const report = install([part], VERSION, log);
    expect(report).toEqual({
      running: [],
      aside: [{ part: part.name, reason: expect.stringMatching(/GramJS|not a function|undefined/) }],
    });
    expect(name).toContain(part.name);
    expect(warnings).toEqual(report.aside);
    expect(untouched()).toBe(true);
  });

  test('steps aside part by part: the others run', () => {
    const { log, warnings } = listening();
    const target = { crc32 };
    const stranger = strangers.gunzip?.().part as SpeedPart;
    const report = install([stranger, crc32Part(target)], VERSION, log);
    expect(report.running).toEqual(['crc32']);
    expect(report.aside.map(({ part }) => part)).toEqual(['gunzip']);
    expect(warnings).toHaveLength(1);
    expect(target.crc32).not.toBe(crc32);
  });

  test('steps aside as a whole for another version of GramJS', () => {
    const { log, warnings } = listening();
    const target = { crc32 };
    const report = install([crc32Part(target)], '2.26.23', log);
    expect(report).toEqual({ running: [], aside: [{ part: 'crc32', reason: 'GramJS is 2.26.23, and not 2.26.22' }] });
    expect(warnings).toHaveLength(1);
    expect(target.crc32).toBe(crc32);
  });

  test('replaces all parts of the GramJS that is installed, once', () => {
    const { log, warnings } = listening();
    const report = speedUp(log);
    expect(report).toEqual({ running: ['int64', 'byte-strings', 'objects', 'aes-ige', 'gunzip', 'crc32', 'history'], aside: [] });
    const now = () => {
      const { readLong, tgReadBytes, tgReadObject } = BinaryReader.prototype;
      return [readLong, tgReadBytes, tgReadObject, (ige as unknown as IgeModule).IGE, GZIPPacked.ungzip, helpers.crc32];
    };
    const installed = now();
    expect(installed.filter((one, index) => one === own[index])).toEqual([]);
    expect(speedUp(log)).toBe(report);
    expect(now()).toEqual(installed);
    expect(warnings).toEqual([]);
  });
});
