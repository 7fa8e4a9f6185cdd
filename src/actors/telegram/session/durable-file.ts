import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { VigiliaError } from '../../../errors.ts';
import { makeFolder } from '../../../make-folder.ts';

/** What a file system says when it could not rather than when it would not. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN', 'EBUSY', 'ESTALE', 'EINTR']);
/** What it says of hard links where it has none. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
const DRAFT = /\.[0-9a-f]{12}\.new$/;

/** @returns whether a name is that of a draft, which a crash may leave behind */
export function isDraft(name: string): boolean {
  return DRAFT.test(name);
}

/**
 * Replaces a file. A crash at any instant leaves the old file or the new one, whole: draft, fsync, rename, fsync of the folder.
 * @param text of characters up to U+00FF, each of which is a byte
 * @param verify looks at what the draft reads as, before it is put in the file's place; what it throws leaves the file as it was
 */
export async function replaceFile(
  file: string,
  text: string,
  verify: (written: string) => Promise<void> = async () => {},
): Promise<void> {
  const draft = await writeDraft(file, text);
  try {
    await verify(await readFile(draft, 'latin1'));
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(file));
}

/**
 * The same where there is no file yet. Of several that try at once, one succeeds.
 * @returns false when there was a file by then, which is left alone
 */
export async function createFile(file: string, text: string): Promise<boolean> {
  const draft = await writeDraft(file, text);
  try {
    await link(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Whoever made it may have swept our draft away.
    if (code === 'EEXIST' || (code === 'ENOENT' && (await isThere(file)))) return false;
    // Without links nobody can tell whether it was there already: the lock on the data directory has to do.
    if (code === undefined || !NO_LINKS.has(code)) throw error;
    if ((await readFile(file).catch(() => undefined)) !== undefined) return false;
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
  await syncFolder(dirname(file));
  return true;
}

async function writeDraft(file: string, text: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text, 'latin1');
      await handle.sync();
    } finally {
      await handle.close();
    }
    return draft;
  } catch (error) {
    // On a full disk half a draft is what is in the way.
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** Deletes what crashed writes of a file left. For whoever knows that nobody else is writing it. */
export async function sweepDrafts(file: string): Promise<void> {
  const folder = dirname(file);
  const drafts = (await readdir(folder)).filter((name) => isDraft(name) && name.startsWith(`${basename(file)}.`));
  for (const draft of drafts) await rm(join(folder, draft), { force: true });
}

/** Makes a folder (0700) and those above it where they are missing, so that a power cut does not take them back. */
export async function makeFolderDurably(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = folder; !(await isThere(at)) && dirname(at) !== at; at = dirname(at)) missing.push(at);
  makeFolder(folder);
  for (const made of missing) await syncFolder(dirname(made));
}

async function isThere(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.close();
  return handle !== undefined;
}

/** What was renamed, made or deleted in a folder survives a power cut from now on. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * @returns the bytes of a file, one a character; undefined where there is none
 * @throws SESSION_UNREADABLE when that may pass, SESSION_CORRUPT with the reason when it will not
 */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  }
}

/** What a failed read means: out of descriptors or memory, a disk that stutters are no news of the session, and pass. */
export function unreadable(path: string, cause: unknown): VigiliaError {
  const { code } = cause as NodeJS.ErrnoException;
  return code !== undefined && PASSING.has(code)
    ? new VigiliaError('SESSION_UNREADABLE', `${path} cannot be read at the moment (${code})`, { cause })
    : new VigiliaError('SESSION_CORRUPT', `${path} cannot be read (${code}): check its owner and mode`, { cause });
}

/** What a failed write means; what is one of our errors already stays as it is. */
export function unwritable(folder: string, cause: unknown): VigiliaError {
  if (cause instanceof VigiliaError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? `the disk is full, ${code}` : code;
  return new VigiliaError(
    'DATA_DIR_UNUSABLE',
    `a session cannot be written to ${folder} (${why}); what was stored before is kept`,
    {
      cause,
    },
  );
}
