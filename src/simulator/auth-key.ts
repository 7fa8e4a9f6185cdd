import { sha1 } from './digest.ts';

/** A shared secret and the two names it goes by (https://core.telegram.org/mtproto/auth_key). */
export interface AuthKey {
  /** As the client hashes and slices it: 256 bytes, or fewer where the client drops leading zeros. */
  readonly bytes: Buffer;
  /** Lower 64 bits of its SHA-1, signed: what every encrypted message begins with. */
  readonly id: bigint;
  /** Higher 64 bits of its SHA-1. */
  readonly auxHash: Buffer;
}

/** @returns the key with its id */
export function authKey(bytes: Buffer): AuthKey {
  const hash = sha1(bytes);
  return { bytes, id: hash.readBigInt64LE(12), auxHash: hash.subarray(0, 8) };
}

/**
 * Both readings of a secret: padded to 256 bytes, as the protocol has it, and without leading zeros, as GramJS and Telethon
 * have it. They differ for one secret in 256.
 */
export function authKeyReadings(secret: Buffer): { readonly padded: AuthKey; readonly short: AuthKey } {
  let start = 0;
  while (start < secret.length - 1 && secret[start] === 0) start++;
  const trimmed = secret.subarray(start);
  const padded = Buffer.alloc(256);
  trimmed.copy(padded, 256 - trimmed.length);
  return { padded: authKey(padded), short: authKey(Buffer.from(trimmed)) };
}
