import { randomBytes, timingSafeEqual } from 'node:crypto';
import { igeDecrypt, igeEncrypt } from './aes-ige.ts';
import type { AuthKey } from './auth-key.ts';
import { sha256 } from './digest.ts';

/** What an encrypted packet holds (https://core.telegram.org/mtproto/description#encrypted-message-encrypted-data). */
export interface Envelope {
  readonly salt: bigint;
  readonly sessionId: bigint;
  readonly messageId: bigint;
  readonly sequence: number;
  readonly body: Buffer;
}

/** An envelope as it came. */
export interface OpenedEnvelope extends Envelope {
  /** What a quick acknowledgement of it holds, little-endian with the top bit set. */
  readonly quickAckToken: Buffer;
}

/** From client to server the key is sliced at 0, the other way at 8. */
function keyAndIv(key: AuthKey, messageKey: Buffer, x: 0 | 8): { key: Buffer; iv: Buffer } {
  const a = sha256(messageKey, key.bytes.subarray(x, x + 36));
  const b = sha256(key.bytes.subarray(x + 40, x + 76), messageKey);
  return {
    key: Buffer.concat([a.subarray(0, 8), b.subarray(8, 24), a.subarray(24, 32)]),
    iv: Buffer.concat([b.subarray(0, 8), a.subarray(8, 24), b.subarray(24, 32)]),
  };
}

/** The message key in the middle of it, and at its beginning what a quick acknowledgement is made of. */
function largeMessageKey(key: AuthKey, plain: Buffer, x: 0 | 8): Buffer {
  return sha256(key.bytes.subarray(88 + x, 88 + x + 32), plain);
}

function quickAckToken(large: Buffer): Buffer {
  const token = Buffer.from(large.subarray(0, 4));
  token.writeUInt32LE((token.readUInt32LE(0) | 0x8000_0000) >>> 0);
  return token;
}

/**
 * Opens a packet of a client.
 * @param packet key id, message key, encrypted data
 * @returns undefined when it is not what the holder of the key sent: wrong message key, length or padding
 */
export function openEnvelope(key: AuthKey, packet: Buffer): OpenedEnvelope | undefined {
  const encrypted = packet.subarray(24);
  if (encrypted.length < 48 || encrypted.length % 16 !== 0) return undefined;
  const messageKey = packet.subarray(8, 24);
  const secret = keyAndIv(key, messageKey, 0);
  const plain = igeDecrypt(encrypted, secret.key, secret.iv);
  const large = largeMessageKey(key, plain, 0);
  if (!timingSafeEqual(large.subarray(8, 24), messageKey)) return undefined;
  const length = plain.readInt32LE(28);
  const padding = plain.length - 32 - length;
  if (length < 0 || length % 4 !== 0 || padding < 12 || padding > 1024) return undefined;
  return {
    salt: plain.readBigInt64LE(0),
    sessionId: plain.readBigInt64LE(8),
    messageId: plain.readBigInt64LE(16),
    sequence: plain.readInt32LE(24),
    body: plain.subarray(32, 32 + length),
    quickAckToken: quickAckToken(large),
  };
}

/** @returns the packet that carries the envelope to the client */
export function sealEnvelope(key: AuthKey, envelope: Envelope): Buffer {
  const bare = 32 + envelope.body.length;
  const padding = 12 + ((16 - ((bare + 12) % 16)) % 16);
  const plain = Buffer.allocUnsafe(bare + padding);
  plain.writeBigInt64LE(envelope.salt, 0);
  plain.writeBigInt64LE(envelope.sessionId, 8);
  plain.writeBigInt64LE(envelope.messageId, 16);
  plain.writeInt32LE(envelope.sequence, 24);
  plain.writeInt32LE(envelope.body.length, 28);
  envelope.body.copy(plain, 32);
  randomBytes(padding).copy(plain, bare);
  const messageKey = largeMessageKey(key, plain, 8).subarray(8, 24);
  const secret = keyAndIv(key, messageKey, 8);
  const id = Buffer.allocUnsafe(8);
  id.writeBigInt64LE(key.id);
  return Buffer.concat([id, messageKey, igeEncrypt(plain, secret.key, secret.iv)]);
}
