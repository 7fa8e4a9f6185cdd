import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { VigiliaError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** What derives the key from its text (RFC 7914); stored with each file, so that they may grow. */
const SCRYPT = { N: 16384, r: 8, p: 1 } as const;
/** The most that a file may ask for, as N · r · p: a damaged one shall not take all memory. */
const SCRYPT_MOST = 2 ** 20;
const FORMAT = 1;

interface Kdf {
  readonly name: 'scrypt';
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** Base64, as is all else. */
  readonly salt: string;
}

interface Sealed {
  readonly format: typeof FORMAT;
  readonly kdf: Kdf;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** Where an account's session is kept: sealed with AES-256-GCM, 0600, replaced atomically. */
export interface SessionFiles {
  /** @returns the session, or undefined when there is none. @throws SESSION_CORRUPT naming the file and what to do; nothing is changed */
  read(accountId: string): Promise<string | undefined>;
  /** Once it resolves, the session survives a crash and a power cut. @throws DATA_DIR_UNUSABLE; the session before it is kept */
  write(accountId: string, session: string): Promise<void>;
}

/**
 * @param folder made with 0700 where it is missing; no other process writes in it
 * @param key the text of `SESSION_KEY`; null: a key file beside the sessions, made at the first write
 */
export function sessionFiles(folder: string, key: string | null): SessionFiles {
  const fileOf = (accountId: string): string => join(folder, `${encodeURIComponent(accountId)}.session`);
  const keyFile = join(folder, 'session.key');
  // The last one that opened or sealed a file: what a damaged file asked for is never kept.
  let known: DerivedKey | undefined;
  let lastWrite: Promise<void> = Promise.resolve();

  async function secret(file: string): Promise<string> {
    const kept = key ?? (await readIfThere(keyFile));
    if (kept) return kept;
    const state = kept === undefined ? 'is not there' : 'is empty';
    throw new VigiliaError(
      'SESSION_CORRUPT',
      `${file} cannot be opened: its key ${keyFile} ${state}; restore the key from a backup, set SESSION_KEY if the file was sealed with one, or ${START_ANEW}`,
    );
  }

  async function write(accountId: string, session: string): Promise<void> {
    makeFolder(folder);
    if (key === null && !(await readIfThere(keyFile))) await replaceFile(keyFile, randomBytes(32).toString('base64url'));
    const file = fileOf(accountId);
    const used = await deriveKey(await secret(file), known?.kdf.N === SCRYPT.N ? known.kdf : freshKdf(), known);
    await replaceFile(file, `${JSON.stringify(seal(session, used, accountId))}\n`);
    known = used;
  }

  return {
    read: async (accountId) => {
      const file = fileOf(accountId);
      const text = await readIfThere(file);
      if (text === undefined) return undefined;
      const keyText = await secret(file);
      try {
        const sealed = JSON.parse(text) as Sealed;
        checkFormat(sealed);
        const used = await deriveKey(keyText, sealed.kdf, known);
        const session = unseal(sealed, used.key, accountId);
        known = used;
        return session;
      } catch (cause) {
        const advice = key === null ? 'restore it from a backup' : 'check SESSION_KEY, or restore the file from a backup';
        throw new VigiliaError(
          'SESSION_CORRUPT',
          `${file} cannot be opened: it is damaged, of another account, or sealed with another key; ${advice}, or ${START_ANEW}`,
          { cause },
        );
      }
    },
    write: (accountId, session) => {
      // One after the other: they share their drafts, and the first makes the key.
      const written = lastWrite.then(() => write(accountId, session)).catch(unwritable(folder));
      lastWrite = written.catch(() => {});
      return written;
    },
  };
}

const START_ANEW = 'move it away and restart: the account then has to log in anew';

/** A key together with what it was derived from. */
interface DerivedKey {
  readonly secret: string;
  readonly kdf: Kdf;
  readonly key: Buffer;
}

/** Deriving takes 40 ms, on purpose: what is known already is used again. */
async function deriveKey(secret: string, { N, r, p, salt }: Kdf, known: DerivedKey | undefined): Promise<DerivedKey> {
  const kdf: Kdf = { name: 'scrypt', N, r, p, salt };
  if (known?.secret === secret && JSON.stringify(known.kdf) === JSON.stringify(kdf)) return known;
  return { secret, kdf, key: await derive(secret, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r }) };
}

function freshKdf(): Kdf {
  return { name: 'scrypt', ...SCRYPT, salt: randomBytes(16).toString('base64') };
}

function seal(session: string, { kdf, key }: DerivedKey, accountId: string): Sealed {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  // Bound to its account: one account's file under another's name is refused.
  cipher.setAAD(Buffer.from(accountId));
  const data = Buffer.concat([cipher.update(session, 'utf8'), cipher.final()]);
  return {
    format: FORMAT,
    kdf,
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
}

function checkFormat({ format, kdf }: Sealed): void {
  if (format !== FORMAT || kdf.name !== 'scrypt' || !(kdf.N * kdf.r * kdf.p <= SCRYPT_MOST)) throw new Error('unknown format');
}

/** @throws when a single bit of what counts is not as it was sealed */
function unseal(sealed: Sealed, key: Buffer, accountId: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(accountId));
  decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
  return Buffer.concat([decipher.update(Buffer.from(sealed.data, 'base64')), decipher.final()]).toString('utf8');
}

/** What a file system says when it could not rather than when it would not. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'EBUSY', 'ESTALE', 'EINTR']);

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // Out of descriptors or memory, a disk that stutters: that is no news of the session, and it passes.
    if (code !== undefined && PASSING.has(code)) {
      throw new VigiliaError('SESSION_UNREADABLE', `${file} cannot be read at the moment (${code})`, { cause });
    }
    throw new VigiliaError('SESSION_CORRUPT', `${file} cannot be read (${code}): check its owner and mode`, { cause });
  }
}

function unwritable(folder: string): (thrown: unknown) => never {
  return (cause) => {
    if (cause instanceof VigiliaError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new VigiliaError('DATA_DIR_UNUSABLE', `a session cannot be written to ${folder} (${code})`, { cause });
  };
}

/**
 * A crash at any instant leaves the old file or the new one, whole: draft, fsync, rename, fsync of the folder.
 * The draft's name is fixed, so that those of crashed writes do not pile up.
 */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
