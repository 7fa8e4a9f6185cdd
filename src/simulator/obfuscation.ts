import { type Cipher, createCipheriv } from 'node:crypto';

/** Random bytes, the keys in them, and encrypted at their end which transport is inside. */
export const OBFUSCATION_HEADER_BYTES = 64;

/** AES-256-CTR both ways (https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation); CTR decrypts as it encrypts. */
export interface Obfuscation {
  readonly incoming: Cipher;
  readonly outgoing: Cipher;
  /** What a transport begins with, four times the same byte; anything in the hands of a client that makes it up. */
  readonly tag: number;
}

function counter(key: Buffer, iv: Buffer): Cipher {
  return createCipheriv('aes-256-ctr', key, iv);
}

/**
 * @param header the first 64 bytes
 * @returns the ciphers, the incoming one standing behind the header. The data centre in it is not looked at: that is for proxies.
 */
export function openObfuscation(header: Buffer): Obfuscation {
  const secrets = Buffer.from(header.subarray(8, 56));
  const incoming = counter(secrets.subarray(0, 32), secrets.subarray(32));
  const reversed = Buffer.from(secrets).reverse();
  const outgoing = counter(reversed.subarray(0, 32), reversed.subarray(32));
  return { incoming, outgoing, tag: incoming.update(header).readUInt32LE(56) };
}
