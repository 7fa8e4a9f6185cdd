import { createDecipheriv, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { isKdf } from './key-derivation.ts';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** The first format: one file an account, sealed with a key derived from the secret itself, bound to its account only. */
interface FirstFormat {
  readonly format: 1;
  readonly kdf: { readonly N: number; readonly r: number; readonly p: number; readonly salt: string };
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** @returns whether a text is a whole file of the first format; whether it can be opened is another question */
export function isFirstFormat(text: string): boolean {
  return parse(text) !== undefined;
}

/** @returns the session, or undefined when it is damaged, of another account, or sealed with another secret: this format cannot tell which */
export async function openFirstFormat(text: string, accountId: string, secret: string): Promise<string | undefined> {
  const sealed = parse(text);
  if (sealed === undefined) return undefined;
  const { N, r, p, salt } = sealed.kdf;
  const key = await derive(secret, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r });
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(accountId));
    decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

function parse(text: string): FirstFormat | undefined {
  try {
    const sealed = JSON.parse(text) as Partial<FirstFormat> | null;
    const texts = [sealed?.iv, sealed?.tag, sealed?.data].every((part) => typeof part === 'string');
    return sealed?.format === 1 && texts && isKdf(sealed.kdf) ? (sealed as FirstFormat) : undefined;
  } catch {
    return undefined;
  }
}
