import { timingSafeEqual } from 'node:crypto';
import { igeDecrypt } from './aes-ige.ts';
import type { AuthKey } from './auth-key.ts';
import { sha1 } from './digest.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlError } from './tl-reader.ts';

/** Random bytes, message id, sequence number and length stand before the body. */
const HEADER_BYTES = 32;
const BODY_BYTES = 40;
const PADDING_BYTES = 8;
const PACKET_BYTES = 24 + HEADER_BYTES + BODY_BYTES + PADDING_BYTES;

/** Key and vector of MTProto 1.0 (https://core.telegram.org/mtproto/description_v1#defining-aes-key-and-initialization-vector), client to server. */
function keyAndIv({ bytes }: AuthKey, messageKey: Buffer): { key: Buffer; iv: Buffer } {
  const a = sha1(messageKey, bytes.subarray(0, 32));
  const b = sha1(bytes.subarray(32, 48), messageKey, bytes.subarray(48, 64));
  const c = sha1(bytes.subarray(64, 96), messageKey);
  const d = sha1(messageKey, bytes.subarray(96, 128));
  return {
    key: Buffer.concat([a.subarray(0, 8), b.subarray(8, 20), c.subarray(4, 16)]),
    iv: Buffer.concat([a.subarray(8, 20), b.subarray(0, 8), c.subarray(16, 20), d.subarray(0, 8)]),
  };
}

/**
 * Opens the message by which the holder of a permanent key lets a temporary one stand for it, sealed as MTProto 1.0 has it
 * (https://core.telegram.org/method/auth.bindTempAuthKey).
 * @param messageId of the message that carries it, which it has to name
 * @returns its `bind_auth_key_inner`, or undefined when the key's holder did not make it for that message
 */
export function openBindingMessage(key: AuthKey, packet: Buffer, messageId: bigint): TlObject | undefined {
  if (packet.length !== PACKET_BYTES || packet.readBigInt64LE(0) !== key.id) return undefined;
  const messageKey = packet.subarray(8, 24);
  const secret = keyAndIv(key, messageKey);
  const plain = igeDecrypt(packet.subarray(24), secret.key, secret.iv);
  const message = plain.subarray(0, HEADER_BYTES + BODY_BYTES);
  if (!timingSafeEqual(sha1(message).subarray(4, 20), messageKey)) return undefined;
  const [id, sequence, length] = [message.readBigInt64LE(16), message.readInt32LE(24), message.readInt32LE(28)];
  if (id !== messageId || sequence !== 0 || length !== BODY_BYTES) return undefined;
  try {
    const inner = tl.decode(message.subarray(HEADER_BYTES));
    return inner._ === 'bind_auth_key_inner' ? inner : undefined;
  } catch (error) {
    if (error instanceof TlError) return undefined;
    throw error;
  }
}
