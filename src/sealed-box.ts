import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const INFO = 'vigilia sealed box 1: X25519, HKDF-SHA-256, AES-256-GCM';
/** An X25519 public key in DER: a fixed head and 32 bytes. */
const KEY_BYTES = 44;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A key pair whose private half never leaves this object. */
export interface BoxKeys {
  /** Base64url. */
  readonly publicKey: string;
  /** @throws Error when the box was sealed to another key, about something else, or is not as it was sealed */
  open(box: string, about: string): string;
}

/** Makes a fresh key pair (decision 15). */
export function makeBoxKeys(): BoxKeys {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const own = derOf(publicKey);
  return {
    publicKey: own.toString('base64url'),
    open(box, about) {
      const bytes = Buffer.from(box, 'base64url');
      if (bytes.length < KEY_BYTES + IV_BYTES + TAG_BYTES) throw new Error('this is no sealed box');
      const sender = bytes.subarray(0, KEY_BYTES);
      const iv = bytes.subarray(KEY_BYTES, KEY_BYTES + IV_BYTES);
      const tag = bytes.subarray(KEY_BYTES + IV_BYTES, KEY_BYTES + IV_BYTES + TAG_BYTES);
      const key = sharedKey(privateKey, keyOf(sender), sender, own);
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(about, 'utf8'));
      decipher.setAuthTag(tag);
      const text = Buffer.concat([decipher.update(bytes.subarray(KEY_BYTES + IV_BYTES + TAG_BYTES)), decipher.final()]);
      return text.toString('utf8');
    },
  };
}

/**
 * Seals a text so that only the holder of the key pair can open it; not even who sealed it can. Who sealed it, it does not say.
 * @param publicKey as in {@link BoxKeys}
 * @param about what the box is for: it opens with the same words only
 * @returns base64url of a fresh public key, nonce, tag and the sealed text
 */
export function sealTo(publicKey: string, text: string, about: string): string {
  const recipient = Buffer.from(publicKey, 'base64url');
  const fresh = generateKeyPairSync('x25519');
  const sender = derOf(fresh.publicKey);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', sharedKey(fresh.privateKey, keyOf(recipient), sender, recipient), iv);
  cipher.setAAD(Buffer.from(about, 'utf8'));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([sender, iv, cipher.getAuthTag(), data]).toString('base64url');
}

/** Both public keys go into it, as in HPKE (RFC 9180) and libsodium's sealed boxes. */
function sharedKey(privateKey: KeyObject, publicKey: KeyObject, sender: Buffer, recipient: Buffer): Buffer {
  const secret = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([sender, recipient]), INFO, 32));
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function keyOf(der: Buffer): KeyObject {
  const key = createPublicKey({ key: der, type: 'spki', format: 'der' });
  if (key.asymmetricKeyType !== 'x25519') throw new Error('this is no X25519 key');
  return key;
}
