import { gunzipSync } from 'node:zlib';
import { GZIPPacked } from 'telegram/tl/core/GZIPPacked.js';
import { expectAnswer, type SpeedPart } from './speed-part.ts';

/** GramJS's class of packed objects, which unpacks every answer above some size. */
export interface Unpacker {
  ungzip(input: Buffer): Buffer;
}

type Ungzip = Unpacker['ungzip'];

const GZIP_MAGIC = 0x8b1f;
/** The shortest gzip: a header of 10 bytes, an empty block of 2, a trailer of 8. */
const MIN_GZIP_BYTES = 20;
/** No answer of Telegram is a tenth as large. GramJS's own has no limit, and a few bytes could fill the memory. */
export const MAX_UNPACKED_BYTES = 32 << 20;
/** Bounds of zlib's output buffer, in bytes. */
const MIN_CHUNK_BYTES = 1 << 10;
const MAX_CHUNK_BYTES = 1 << 20;

/**
 * Unpacks with Node's zlib instead of one in JavaScript (four times slower). Whatever is not one whole gzip (zlib's own format,
 * damaged or cut data, something behind it) goes to GramJS's own, so that it is taken or refused as it always was.
 * @returns a function that @throws RangeError beyond {@link MAX_UNPACKED_BYTES}
 */
export function fastUngzip(original: Ungzip): Ungzip {
  return (input) => {
    if (input.length < MIN_GZIP_BYTES || input.readUInt16LE(0) !== GZIP_MAGIC) return original(input);
    try {
      // The trailer says how much comes out, so that one buffer of the right size takes it; it may lie, within bounds.
      const saidBytes = input.readUInt32LE(input.length - 4) + 1;
      const chunkSize = Math.min(Math.max(saidBytes, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
      const { buffer, engine } = gunzipWithInfo(input, { chunkSize, maxOutputLength: MAX_UNPACKED_BYTES });
      if (engine.bytesWritten === input.length) return buffer;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw error;
    }
    return original(input);
  };
}

/** `info` gives the stream too, whose `bytesWritten` is how much of the input was used; the types do not know of it. */
function gunzipWithInfo(
  input: Buffer,
  options: { readonly chunkSize: number; readonly maxOutputLength: number },
): { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } } {
  return gunzipSync(input, { ...options, info: true }) as unknown as ReturnType<typeof gunzipWithInfo>;
}

/** Packed by gzip(1), and as text. */
const KNOWN = {
  packedHex: '1f8b0800000000000203ab562a49ad2851b2520acb4c3fbc3627335121eff0e27c8594fca2dc543d05a205956a01ab0291e149000000',
  text: '{"text":"Vigília não dorme. Vigília não dorme. Vigília não dorme."}',
};

/** Unpacking of gzip_packed. @param target the class that has the method */
export function gunzipPart(target: Unpacker = GZIPPacked): SpeedPart {
  const original = target.ungzip;
  const ours = fastUngzip(original);
  return {
    name: 'gunzip',
    check() {
      const packed = Buffer.from(KNOWN.packedHex, 'hex');
      expectAnswer('GramJS', 'the known gzip', original(packed).toString(), KNOWN.text);
      expectAnswer('ours', 'the known gzip', ours(packed).toString(), KNOWN.text);
    },
    install() {
      target.ungzip = ours;
    },
  };
}
