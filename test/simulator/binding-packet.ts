import { randomBytes } from 'node:crypto';
import { igeEncrypt } from '../../src/simulator/aes-ige.ts';
import { sha1 } from '../../src/simulator/digest.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';

/** A key's id. */
export function keyId(key: Buffer): bigint {
  return sha1(key).readBigInt64LE(12);
}

/**
 * Seals an object with a permanent key as https://core.telegram.org/method/auth.bindTempAuthKey describes it, in MTProto 1.0
 * (https://core.telegram.org/mtproto/description_v1).
 * @param messageId of the message that will carry it
 */
export function bindingPacket(key: Buffer, inner: TlObject, messageId: bigint, sequence = 0): Buffer {
  const body = tl.encode(inner);
  const header = Buffer.alloc(32);
  randomBytes(16).copy(header);
  header.writeBigInt64LE(messageId, 16);
  header.writeInt32LE(sequence, 24);
  header.writeInt32LE(body.length, 28);
  const plain = Buffer.concat([header, body]);
  const messageKey = sha1(plain).subarray(4, 20);
  const a = sha1(messageKey, key.subarray(0, 32));
  const b = sha1(key.subarray(32, 48), messageKey, key.subarray(48, 64));
  const c = sha1(key.subarray(64, 96), messageKey);
  const d = sha1(messageKey, key.subarray(96, 128));
  const aesKey = Buffer.concat([a.subarray(0, 8), b.subarray(8, 20), c.subarray(4, 16)]);
  const aesIv = Buffer.concat([a.subarray(8, 20), b.subarray(0, 8), c.subarray(16, 20), d.subarray(0, 8)]);
  const padded = Buffer.concat([plain, randomBytes((16 - (plain.length % 16)) % 16)]);
  return Buffer.concat([sha1(key).subarray(12, 20), messageKey, igeEncrypt(padded, aesKey, aesIv)]);
}
