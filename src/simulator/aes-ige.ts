import { createCipheriv, createDecipheriv } from 'node:crypto';

const BLOCK = 16;

/** XORs `from` into `into`, both from their given offsets on. */
function xorInto(into: Buffer, intoAt: number, from: Buffer, fromAt: number, length: number): void {
  for (let index = 0; index < length; index++) {
    into[intoAt + index] = (into[intoAt + index] ?? 0) ^ (from[fromAt + index] ?? 0);
  }
}

/**
 * AES-256 in IGE mode (https://core.telegram.org/mtproto/description). Equal to CBC over `x[i] ^ x[i-2]` with `x[i-1]` XORed into
 * its output, so that one native call does the work.
 * @param data a multiple of 16 bytes
 * @param key 32 bytes
 * @param iv 32 bytes
 */
export function igeEncrypt(data: Buffer, key: Buffer, iv: Buffer): Buffer {
  const mixed = Buffer.from(data);
  if (data.length > BLOCK) {
    xorInto(mixed, BLOCK, iv, BLOCK, BLOCK);
    xorInto(mixed, 2 * BLOCK, data, 0, data.length - 2 * BLOCK);
  }
  const cipher = createCipheriv('aes-256-cbc', key, iv.subarray(0, BLOCK)).setAutoPadding(false);
  const output = cipher.update(mixed);
  xorInto(output, 0, iv, BLOCK, BLOCK);
  xorInto(output, BLOCK, data, 0, data.length - BLOCK);
  return output;
}

/** The inverse of {@link igeEncrypt}, which has no such form: block by block. */
export function igeDecrypt(data: Buffer, key: Buffer, iv: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const output = Buffer.allocUnsafe(data.length);
  const input = Buffer.allocUnsafe(BLOCK);
  let previousCipher = iv.subarray(0, BLOCK);
  let previousPlain = iv.subarray(BLOCK, 2 * BLOCK);
  for (let at = 0; at < data.length; at += BLOCK) {
    data.copy(input, 0, at, at + BLOCK);
    xorInto(input, 0, previousPlain, 0, BLOCK);
    const plain = decipher.update(input);
    xorInto(plain, 0, previousCipher, 0, BLOCK);
    plain.copy(output, at);
    previousCipher = data.subarray(at, at + BLOCK);
    previousPlain = output.subarray(at, at + BLOCK);
  }
  return output;
}
