import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, privateDecrypt } from 'node:crypto';
import { sha1, sha256 } from './digest.ts';
import { TlWriter } from './tl-writer.ts';

const MODULUS_BYTES = 256;

/** The server's RSA key, which a client has to know in advance (https://core.telegram.org/mtproto/auth_key). */
export interface ServerKey {
  /** The private half as PEM, for the state folder. */
  readonly privatePem: string;
  /** The public half as PEM (PKCS #1, as Telegram publishes its own). */
  readonly publicPem: string;
  /** Lower 64 bits of the SHA-1 of the key in TL, signed. */
  readonly fingerprint: bigint;
  /** First 16 hex digits of the SHA-256 of the public key in DER (SubjectPublicKeyInfo). */
  readonly worldId: string;
  /** From which the server derives what it must be able to tell again: salts, access hashes. */
  readonly secret: Buffer;
  /**
   * Undoes raw RSA.
   * @param data 256 bytes, or fewer where the first ones are zero, smaller than the modulus
   * @returns 256 bytes, or undefined when the input cannot be one
   */
  decrypt(data: Buffer): Buffer | undefined;
}

function fingerprint(key: KeyObject): bigint {
  const { n, e } = key.export({ format: 'jwk' });
  const writer = new TlWriter();
  writer.bytes(Buffer.from(n ?? '', 'base64url'));
  writer.bytes(Buffer.from(e ?? '', 'base64url'));
  return sha1(writer.result()).readBigInt64LE(12);
}

/** @throws when the text is not a private RSA key */
export function readServerKey(privatePem: string): ServerKey {
  const privateKey = createPrivateKey(privatePem);
  const publicKey = createPublicKey(privateKey);
  return {
    privatePem,
    publicPem: publicKey.export({ format: 'pem', type: 'pkcs1' }).toString(),
    fingerprint: fingerprint(publicKey),
    worldId: sha256(publicKey.export({ format: 'der', type: 'spki' }))
      .toString('hex')
      .slice(0, 16),
    secret: sha256(Buffer.from(privatePem)),
    decrypt: (data) => {
      try {
        // Some clients leave leading zeros out.
        const whole = Buffer.concat([Buffer.alloc(Math.max(0, MODULUS_BYTES - data.length)), data]);
        return privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, whole);
      } catch {
        return undefined;
      }
    },
  };
}

/** A new 2048-bit key. */
export function generateServerKey(): ServerKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 65537 });
  return readServerKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
}
