import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { VigiliaError } from './errors.ts';
import { makeFolder } from './make-folder.ts';

/** Who holds a data directory, as `owner.json` says it. */
export interface DataDirOwner {
  readonly pid: number;
  /** ms since the Unix epoch. */
  readonly startedAt: number;
  /** Where its gateway listens, e.g. `http://127.0.0.1:4010`; null until it does. */
  readonly address: string | null;
}

/** A data directory that this process holds until it closes it or ends, however it ends. */
export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** Names this installation for ever; made with the directory. */
  readonly installationId: string;
  /** @returns the absolute path of something in it */
  file(...names: string[]): string;
  /** Says in `owner.json` where the process can be asked. */
  announce(address: string): void;
  /** Gives the directory back. A second call does nothing. */
  close(): void;
}

/** @returns who holds a data directory, by his own word; undefined where nobody has said so */
export function dataDirOwner(path: string): DataDirOwner | undefined {
  return readOwner(join(resolve(path), 'owner.json'));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Makes the directory where it is missing (0700) and takes it for this process. The lock is the kernel's (`fcntl` open file description
 * lock, `flock` on macOS), so it ends with the process, by `kill -9` too.
 * @param holder what to tell others of this process
 * @throws DATA_DIR_LOCKED when another process holds it, naming it; DATA_DIR_UNUSABLE when it cannot be made, written or locked
 */
export function openDataDir(path: string, holder: Omit<DataDirOwner, 'address'>): DataDir {
  const root = resolve(path);
  const lock = usable(root, () => {
    makeFolder(root);
    return openSync(join(root, 'lock'), 'a+', 0o600);
  });
  try {
    if (!usable(root, () => tryLock(lock))) throw locked(root);
    const writeOwner = (address: string | null): void =>
      usable(root, () => writeWhole(join(root, 'owner.json'), `${JSON.stringify({ ...holder, address })}\n`));
    writeOwner(null);
    const installationId = usable(root, () => keepInstallationId(join(root, 'installation-id')));
    let open = true;
    return {
      path: root,
      installationId,
      file: (...names) => join(root, ...names),
      announce: (address) => {
        if (open) writeOwner(address);
      },
      close: () => {
        if (!open) return;
        open = false;
        // Before the lock goes: afterwards the file may be the next holder's.
        rmSync(join(root, 'owner.json'), { force: true });
        closeSync(lock);
      },
    };
  } catch (error) {
    closeSync(lock);
    throw error;
  }
}

function keepInstallationId(file: string): string {
  const kept = readIfThere(file)?.trim() ?? '';
  if (UUID.test(kept)) return kept;
  const made = randomUUID();
  writeWhole(file, `${made}\n`);
  return made;
}

/** Replaces a file so that a crash at any instant leaves the old or the new one, whole. */
function writeWhole(file: string, content: string): void {
  const draft = `${file}.new`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function locked(root: string): VigiliaError {
  const owner = readOwner(join(root, 'owner.json'));
  const who =
    owner === undefined
      ? 'another process, which has not yet said who it is'
      : `process ${owner.pid}, since ${new Date(owner.startedAt).toISOString()}${owner.address === null ? '' : `, at ${owner.address}`}`;
  return new VigiliaError(
    'DATA_DIR_LOCKED',
    `The data directory ${root} is held by ${who}. Stop that one, or give this one a VIGILIA_DATA_DIR of its own.`,
  );
}

function readOwner(file: string): DataDirOwner | undefined {
  try {
    const { pid, startedAt, address } = JSON.parse(readFileSync(file, 'utf8')) as Partial<DataDirOwner>;
    if (typeof pid !== 'number' || typeof startedAt !== 'number' || Number.isNaN(new Date(startedAt).getTime())) return undefined;
    return { pid, startedAt, address: typeof address === 'string' ? address : null };
  } catch {
    return undefined;
  }
}

function usable<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const why = `The data directory ${root} cannot be used: ${REASONS[code] ?? code}.`;
    throw new VigiliaError('DATA_DIR_UNUSABLE', `${why} Put it right, or set VIGILIA_DATA_DIR to another.`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission (EACCES)',
  EPERM: 'not permitted (EPERM)',
  EROFS: 'the file system is read-only (EROFS)',
  ENOSPC: 'the disk is full (ENOSPC)',
  ENOTDIR: 'a part of its path is a file (ENOTDIR)',
  ENOENT: 'nothing can be made there (ENOENT)',
  EEXIST: 'there is a file in its place (EEXIST)',
  EISDIR: 'a folder lies where a file belongs (EISDIR)',
  ENOLCK: 'its file system has no locks (ENOLCK)',
  ENOSYS: 'its file system has no locks (ENOSYS)',
};
