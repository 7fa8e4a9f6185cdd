import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VigiliaError } from '../../../errors.ts';
import { createFile, makeFolderDurably, readIfThere, sweepDrafts, syncFolder, unwritable } from './durable-file.ts';

/** A text that keys are derived from. */
export interface SessionSecret {
  readonly text: string;
  /** True of 256 bits from the system's source of chance, which need no stretching. */
  readonly random: boolean;
  /** How people know it: a variable, or a file. */
  readonly from: string;
}

/** Where secrets come from. */
export interface SessionSecrets {
  /** @returns the one that seals, made where there is none. @throws SESSION_CORRUPT, DATA_DIR_UNUSABLE */
  sealing(): Promise<SessionSecret>;
  /** @returns all that may open, the one that seals first; empty when there is none. @throws SESSION_CORRUPT when one cannot be read */
  known(): Promise<readonly SessionSecret[]>;
}

/** Secrets of a vault, and what a rotation does to them. */
export interface VaultSecrets extends SessionSecrets {
  /** What people have to look at when nothing opens. */
  readonly advice: string;
  /** Makes the secret that {@link SessionSecrets.sealing} gives the new one; what was sealed before still opens. May be called again after a crash. */
  beginRotation(): Promise<void>;
  /** Everything is sealed anew: forgets the former one. @returns the files that were deleted or replaced */
  endRotation(): Promise<string[]>;
}

/** 32 bytes in base64url. */
const KEY_TEXT = /^[A-Za-z0-9_-]{43}$/;

/**
 * @param key the text of `SESSION_KEY`; null: a key file, made at the first write
 * @param previous the text of `SESSION_KEY_PREVIOUS`, which opens and does not seal
 * @param keyFile where the key file is, or would be
 */
export function vaultSecrets(key: string | null, previous: string | null, keyFile: string): VaultSecrets {
  const former: SessionSecret[] = previous === null ? [] : [{ text: previous, random: false, from: 'SESSION_KEY_PREVIOUS' }];
  return key === null ? keyFileSecrets(keyFile, former) : configuredSecrets(key, keyFile, former);
}

/** One passphrase and nothing else, for a backup. */
export function passphrase(text: string, from: string): SessionSecrets {
  const secret: SessionSecret = { text, random: false, from };
  return { sealing: async () => secret, known: async () => [secret] };
}

/** @returns what opens by any of several; the first one seals */
export function anyOf(first: SessionSecrets, ...others: readonly SessionSecrets[]): SessionSecrets {
  return {
    sealing: () => first.sealing(),
    known: async () => (await Promise.all([first, ...others].map((secrets) => secrets.known()))).flat(),
  };
}

function configuredSecrets(text: string, keyFile: string, former: readonly SessionSecret[]): VaultSecrets {
  const secret: SessionSecret = { text, random: false, from: 'SESSION_KEY' };
  let rotating = false;
  return {
    advice: 'check SESSION_KEY (a former one opens as SESSION_KEY_PREVIOUS)',
    sealing: async () => secret,
    async known() {
      const inFiles: (SessionSecret | undefined)[] = rotating ? [await readKey(keyFile), await readKey(nextOf(keyFile))] : [];
      return [secret, ...former, ...inFiles.filter(isThere)];
    },
    async beginRotation() {
      rotating = true;
    },
    endRotation: () => removeFiles([keyFile, nextOf(keyFile)]),
  };
}

function keyFileSecrets(keyFile: string, former: readonly SessionSecret[]): VaultSecrets {
  let rotating = false;
  const current = async (): Promise<SessionSecret | undefined> => {
    const next = rotating ? await readKey(nextOf(keyFile)) : undefined;
    return next ?? (await readKey(keyFile));
  };
  return {
    advice: `check ${keyFile}, and SESSION_KEY if the session was sealed with one`,
    async sealing() {
      const kept = await current();
      if (kept !== undefined) return kept;
      await makeKey(keyFile);
      const made = await readKey(keyFile);
      if (made === undefined) throw new VigiliaError('DATA_DIR_UNUSABLE', `${keyFile} was made, and is gone`);
      return made;
    },
    async known() {
      // The next one is there after a rotation that did not end; read first, so that it cannot slip past while it is put in its place.
      const next = await readKey(nextOf(keyFile));
      const present = await readKey(keyFile);
      const files = rotating ? [next, present] : [present, next];
      const secrets = [...files.filter(isThere), ...former];
      return secrets.filter(({ text }, at) => secrets.findIndex((other) => other.text === text) === at);
    },
    async beginRotation() {
      await makeKey(nextOf(keyFile));
      rotating = true;
    },
    async endRotation() {
      rotating = false;
      try {
        await sweepDrafts(keyFile);
        await rename(nextOf(keyFile), keyFile);
        await syncFolder(dirname(keyFile));
      } catch (cause) {
        throw unwritable(dirname(keyFile), cause);
      }
      return [keyFile];
    },
  };
}

function isThere(secret: SessionSecret | undefined): secret is SessionSecret {
  return secret !== undefined;
}

function nextOf(keyFile: string): string {
  return `${keyFile}.next`;
}

/** Leaves one that is there already. */
async function makeKey(file: string): Promise<void> {
  try {
    await makeFolderDurably(dirname(file));
    await createFile(file, `${randomBytes(32).toString('base64url')}\n`);
    // A draft is as good as the key.
    await sweepDrafts(file);
  } catch (cause) {
    throw unwritable(dirname(file), cause);
  }
}

/** @throws SESSION_CORRUPT when there is something else in its place: no other key is made over it */
async function readKey(file: string): Promise<SessionSecret | undefined> {
  const text = (await readIfThere(file))?.trim();
  if (text === undefined) return undefined;
  if (KEY_TEXT.test(text)) return { text, random: true, from: file };
  const state = text === '' ? 'is empty' : 'is damaged';
  throw new VigiliaError(
    'SESSION_CORRUPT',
    `the sessions' key ${file} ${state}; restore the key from a backup, or set SESSION_KEY if the sessions were sealed with one`,
  );
}

async function removeFiles(files: readonly string[]): Promise<string[]> {
  const there: string[] = [];
  for (const file of files) {
    if ((await readIfThere(file)) === undefined) continue;
    await rm(file, { force: true });
    there.push(file);
  }
  return there;
}
