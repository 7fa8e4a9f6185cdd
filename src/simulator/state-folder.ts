import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { type Clock, pause } from '../clock.ts';
import { VigiliaError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { generateServerKey, readServerKey, type ServerKey } from './server-key.ts';

/** A predecessor that was told to end, or was killed a moment ago, may hold the folder a little longer. */
const LOCK_WAIT_MS = 5_000;
const LOCK_POLL_MS = 50;

const PRIVATE_KEY_FILE = 'server-key.pem';
const PUBLIC_KEY_FILE = 'server-public-key.pem';

/** The simulator's folder, held by this process alone. */
export interface StateFolder {
  readonly serverKey: ServerKey;
  readonly publicKeyFile: string;
  readonly journalFile: string;
  /** Gives the folder back. */
  release(): void;
}

/** A file is there whole or not at all, whenever the process ends. */
function writeWhole(path: string, text: string, mode: number): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}

function readOrMakeKey(directory: string): ServerKey {
  const path = join(directory, PRIVATE_KEY_FILE);
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const key = generateServerKey();
    writeWhole(path, key.privatePem, 0o600);
    return key;
  }
  return readServerKey(pem);
}

/**
 * Makes the folder where it is missing, locks it, and reads or makes the server's key.
 * @throws DATA_DIR_LOCKED when another process keeps it for five seconds, DATA_DIR_UNUSABLE when it cannot be used
 */
export async function openStateFolder(directory: string, clock: Clock): Promise<StateFolder> {
  let lock: number;
  try {
    makeFolder(directory);
    lock = openSync(join(directory, 'lock'), 'a+', 0o600);
  } catch (cause) {
    throw new VigiliaError(
      'DATA_DIR_UNUSABLE',
      `The simulator's folder ${directory} cannot be used: ${(cause as Error).message}`,
      { cause },
    );
  }
  const deadline = clock.monotonic() + LOCK_WAIT_MS;
  while (!tryLock(lock)) {
    if (clock.monotonic() >= deadline) {
      closeSync(lock);
      throw new VigiliaError('DATA_DIR_LOCKED', `Another simulator holds the folder ${directory}.`);
    }
    await pause(clock, LOCK_POLL_MS, new AbortController().signal);
  }
  try {
    const serverKey = readOrMakeKey(directory);
    const publicKeyFile = join(directory, PUBLIC_KEY_FILE);
    writeWhole(publicKeyFile, serverKey.publicPem, 0o644);
    return { serverKey, publicKeyFile, journalFile: join(directory, 'journal.jsonl'), release: () => closeSync(lock) };
  } catch (cause) {
    closeSync(lock);
    throw new VigiliaError(
      'DATA_DIR_UNUSABLE',
      `The simulator's folder ${directory} cannot be used: ${(cause as Error).message}`,
      { cause },
    );
  }
}
