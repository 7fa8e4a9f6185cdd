import { igeDecrypt } from './aes-ige.ts';
import { sha1, sha256 } from './digest.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlError, TlReader } from './tl-reader.ts';

/** Where the data begin in the older form: behind a zero byte, which makes it smaller than the modulus, and a SHA-1. */
const OLDER_DATA_AT = 21;

/**
 * Undoes RSA_PAD (https://core.telegram.org/mtproto/auth_key#presenting-proof-of-work-server-authentication): a temporary key XORed
 * with the hash of what it encrypts, which is the reversed data and a hash over both.
 * @returns the 192 bytes of data with padding, or undefined when they were not made this way
 */
function undoRsaPad(decrypted: Buffer): Buffer | undefined {
  const encrypted = decrypted.subarray(32);
  const mask = sha256(encrypted);
  const temporaryKey = Buffer.alloc(32);
  for (let index = 0; index < 32; index++) temporaryKey[index] = (decrypted[index] ?? 0) ^ (mask[index] ?? 0);
  const inner = igeDecrypt(encrypted, temporaryKey, Buffer.alloc(32));
  const data = Buffer.from(inner.subarray(0, 192)).reverse();
  return sha256(temporaryKey, data).equals(inner.subarray(192)) ? data : undefined;
}

/** The form before RSA_PAD, which older clients have: the SHA-1 of the data, the data, and whatever fills it up to 255 bytes. */
function openOlderForm(decrypted: Buffer): TlObject | undefined {
  if (decrypted[0] !== 0) return undefined;
  const padded = decrypted.subarray(OLDER_DATA_AT);
  const reader = new TlReader(padded);
  try {
    const inner = tl.read(reader);
    const data = padded.subarray(0, padded.length - reader.left);
    return sha1(data).equals(decrypted.subarray(1, OLDER_DATA_AT)) ? inner : undefined;
  } catch (error) {
    if (error instanceof TlError) return undefined;
    throw error;
  }
}

/**
 * Reads what a client encrypted for the server's RSA key in req_DH_params, in either form.
 * @param decrypted 256 bytes
 * @returns undefined when they are of neither @throws TlError when what RSA_PAD held is not an object
 */
export function openInnerData(decrypted: Buffer): TlObject | undefined {
  const data = undoRsaPad(decrypted);
  return data === undefined ? openOlderForm(decrypted) : tl.decode(data);
}
