import { createHash, createHmac } from 'node:crypto';

/** SHA-1 of the parts, one after the other. */
export function sha1(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A signed 64-bit number that only the holder of the secret can tell from what it is made of. */
export function keyedLong(secret: Buffer, ...what: readonly (string | number | bigint)[]): bigint {
  return createHmac('sha256', secret).update(what.join('\n')).digest().readBigInt64LE(0);
}
