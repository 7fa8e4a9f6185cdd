import { gunzipSync, gzipSync } from 'node:zlib';
import { tl } from './tl.ts';
import { TlError, type TlReader } from './tl-reader.ts';
import { TlWriter } from './tl-writer.ts';

const RPC_RESULT_ID = 0xf35c6d01;
const GZIP_ID = 0x3072cfa1;
/** Results larger than this are packed, as Telegram does, where that makes them smaller. */
const PACK_ABOVE_BYTES = 512;
/** What a client may unpack to: a bomb is refused. */
const MAX_UNPACKED_BYTES = 4 << 20;

/** @returns the body of an rpc_result, packed where that is worth it; a result that is a gzip_packed already goes as it is */
export function rpcResult(callId: bigint, result: Buffer): Buffer {
  const writer = new TlWriter(result.length + 16);
  writer.int(RPC_RESULT_ID);
  writer.long(callId);
  writer.raw(packed(result));
  return writer.result();
}

/** @returns a result as a gzip_packed; itself where that makes it no smaller, and where it is one */
export function packed(result: Buffer): Buffer {
  if (result.length <= PACK_ABOVE_BYTES || isPacked(result.readUInt32LE(0))) return result;
  const compressed = gzipSync(result, { level: 3 });
  if (compressed.length + 8 >= result.length) return result;
  const writer = new TlWriter(compressed.length + 12);
  writer.int(GZIP_ID);
  writer.bytes(compressed);
  return writer.result();
}

/** @returns the body of an rpc_result that holds an rpc_error */
export function rpcFailure(callId: bigint, code: number, message: string): Buffer {
  return rpcResult(callId, tl.encode({ _: 'rpc_error', errorCode: code, errorMessage: message }));
}

/** @returns what a gzip_packed holds, the reader standing behind its number. @throws TlError */
export function unpacked(reader: TlReader): Buffer {
  try {
    return gunzipSync(reader.bytes(), { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    throw error instanceof TlError ? error : new TlError(`gzip_packed cannot be unpacked: ${(error as Error).message}`);
  }
}

/** Whether a body is a gzip_packed. */
export function isPacked(constructorId: number): boolean {
  return constructorId === GZIP_ID;
}
