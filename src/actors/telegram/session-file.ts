import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VigiliaError } from '../../errors.ts';

/** What derives the key from its text (RFC 7914); stored with each file, so that they may grow. */
const SCRYPT = { N: 16384, r: 8, p: 1 } as const;
const FORMAT = 1;

interface Sealed {
  readonly format: typeof FORMAT;
  readonly kdf: { readonly name: 'scrypt'; readonly N: number; readonly r: number; readonly p: number; readonly salt: string };
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** Where an account's session is kept: sealed with AES-256-GCM, 0600, replaced atomically. */
export interface SessionFiles {
  /** @returns the session, or undefined when there is none. @throws SESSION_CORRUPT naming the file and what to do */
  read(accountId: string): Promise<string | undefined>;
  /** Once it resolves, the session survives a crash and a power cut. */
  write(accountId: string, session: string): Promise<void>;
}

/**
 * @param folder made with 0700 where it is missing
 * @param key the text of `SESSION_KEY`; null: a key file beside the sessions, made at the first write
 */
export function sessionFiles(folder: string, key: string | null): SessionFiles {
  const fileOf = (accountId: string): string => join(folder, `${encodeURIComponent(accountId)}.session`);
  const keyFile = join(folder, 'session.key');

  async function secret(): Promise<string> {
    if (key !== null) return key;
    const kept = await readIfThere(keyFile);
    if (kept) return kept;
    const made = randomBytes(32).toString('base64url');
    await replaceFile(keyFile, made);
    return made;
  }

  return {
    read: async (accountId) => {
      const file = fileOf(accountId);
      const text = await readIfThere(file);
      if (text === undefined) return undefined;
      try {
        return unseal(JSON.parse(text) as Sealed, await secret(), accountId);
      } catch (cause) {
        const advice = key === null ? 'restore it from a backup' : 'check SESSION_KEY, or restore the file from a backup';
        throw new VigiliaError('SESSION_CORRUPT', `${file} cannot be read: ${advice}, or move it away and log in again`, {
          cause,
        });
      }
    },
    write: async (accountId, session) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replaceFile(fileOf(accountId), `${JSON.stringify(seal(session, await secret(), accountId))}\n`);
    },
  };
}

function seal(session: string, secret: string, accountId: string): Sealed {
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', scryptSync(secret, salt, 32, SCRYPT), iv);
  // Bound to its account: one account's file under another's name is refused.
  cipher.setAAD(Buffer.from(accountId));
  const data = Buffer.concat([cipher.update(session, 'utf8'), cipher.final()]);
  return {
    format: FORMAT,
    kdf: { name: 'scrypt', ...SCRYPT, salt: salt.toString('base64') },
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
}

function unseal(sealed: Sealed, secret: string, accountId: string): string {
  const { N, r, p, salt } = sealed.kdf;
  if (sealed.format !== FORMAT || sealed.kdf.name !== 'scrypt' || N > 2 ** 20) throw new Error('unknown format');
  const key = scryptSync(secret, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r });
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(accountId));
  decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
  return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]).toString('utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new VigiliaError('SESSION_CORRUPT', `${file} cannot be read: check its owner and mode`, { cause: error });
  }
}

/** A crash at any instant leaves the old file or the new one, whole: temporary file, fsync, rename, fsync of the folder. */
async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
