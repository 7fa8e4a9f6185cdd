import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VigiliaError } from '../../../errors.ts';
import type { SealedGeneration, SessionShelf } from '../../../ports.ts';
import { createFile, isDraft, makeFolderDurably, readIfThere, replaceFile, unreadable, unwritable } from './durable-file.ts';

const GENERATION = /^(\d{8,15})\.session$/;
/** The first format is one file an account, beside where the accounts' folders are now. */
const FIRST_FORMAT = /^(.+)\.session$/;

/** How often the files are looked at anew when they change meanwhile. */
const LOOKS = 50;

/** A generation is a file: `<account>/00000007.session`. */
export interface FileShelf extends SessionShelf {
  /** @returns the account's folder */
  folderOf(accountId: string): string;
}

/**
 * Sessions as files, 0600 in folders 0700.
 * @param folder made where it is missing; no other process writes in it
 */
export function fileShelf(folder: string): FileShelf {
  const folderOf = (accountId: string): string => join(folder, folderName(accountId));
  const fileOf = (accountId: string, generation: number): string =>
    generation === 0
      ? join(folder, `${encodeURIComponent(accountId)}.session`)
      : join(folderOf(accountId), `${String(generation).padStart(8, '0')}.session`);
  /** Accounts whose drafts of crashed writes are gone. */
  const swept = new Set<string>();

  async function sweep(accountId: string): Promise<void> {
    if (swept.has(accountId)) return;
    const drafts = (await listIfThere(folderOf(accountId))).filter(isDraft);
    for (const draft of drafts) await rm(join(folderOf(accountId), draft), { force: true });
    swept.add(accountId);
  }

  async function listGenerations(accountId: string): Promise<number[]> {
    return (await listIfThere(folderOf(accountId)))
      .map((name) => Number(GENERATION.exec(name)?.[1] ?? 0))
      .filter((generation) => generation > 0)
      .sort((a, b) => b - a);
  }

  /** By the names alone: the accounts of hundreds of folders are asked for every few seconds. */
  async function holdsAny(accountId: string): Promise<boolean> {
    try {
      return (await listGenerations(accountId)).length > 0;
    } catch {
      // Whoever reads this account is told why it cannot be read; the others have nothing to do with it.
      return true;
    }
  }

  /** Beside a process that saves, files go and come: nothing is believed absent that was there, or came, while one looked. */
  async function readGenerations(accountId: string): Promise<SealedGeneration[]> {
    for (let look = 0; look < LOOKS; look++) {
      const numbers = await listGenerations(accountId);
      const generations: SealedGeneration[] = [];
      for (const generation of [...numbers, 0]) {
        const envelope = await readGeneration(fileOf(accountId, generation));
        if (envelope !== undefined) generations.push({ generation, envelope });
      }
      if (numbers.some((number) => !generations.some(({ generation }) => generation === number))) continue;
      if (generations.length > 0 || (await listGenerations(accountId)).length === 0) return generations;
    }
    throw new VigiliaError('SESSION_UNREADABLE', `the sessions in ${folderOf(accountId)} keep changing while they are read`);
  }

  return {
    folderOf,
    async sessionAccounts() {
      const found = new Set<string>();
      for (const name of await listIfThere(folder)) {
        const account = accountOf(name);
        if (account !== undefined) {
          if (await holdsAny(account)) found.add(account);
        } else {
          const former = firstFormatAccount(name);
          if (former !== undefined) found.add(former);
        }
      }
      return [...found].sort();
    },
    sessionGenerations: async (accountId) => ({ generations: await readGenerations(accountId), fencingToken: null }),
    async addSession(accountId, { generation, envelope }) {
      try {
        await makeFolderDurably(folderOf(accountId));
        await sweep(accountId);
        return await createFile(fileOf(accountId, generation), envelope);
      } catch (cause) {
        throw unwritable(folder, cause);
      }
    },
    async resealSession(accountId, { generation, envelope: before }, envelope) {
      const file = fileOf(accountId, generation);
      if ((await readIfThere(file)) !== before) return false;
      try {
        await sweep(accountId);
        await replaceFile(file, envelope);
        return true;
      } catch (cause) {
        throw unwritable(folder, cause);
      }
    },
    async dropSessions(accountId, generations) {
      try {
        for (const generation of generations) await rm(fileOf(accountId, generation), { force: true, recursive: true });
      } catch (cause) {
        throw unwritable(folder, cause);
      }
    },
  };
}

/** A folder in the place of a file holds no session, and the one before it is as good as ever. */
async function readGeneration(file: string): Promise<string | undefined> {
  try {
    return await readIfThere(file);
  } catch (error) {
    if (((error as VigiliaError).cause as NodeJS.ErrnoException).code === 'EISDIR') return '';
    throw error;
  }
}

/** Without dots, so that it is no file of the first format; without capitals, which some file systems take for small ones. */
function folderName(accountId: string): string {
  return encodeURIComponent(accountId).replace(/%..|[.A-Z]/g, (part) =>
    part.startsWith('%') ? part : `%${part.charCodeAt(0).toString(16)}`,
  );
}

/** @returns the account whose folder this is */
function accountOf(name: string): string | undefined {
  const account = decoded(name);
  return account !== undefined && folderName(account) === name ? account : undefined;
}

function firstFormatAccount(name: string): string | undefined {
  const account = decoded(FIRST_FORMAT.exec(name)?.[1] ?? '');
  return account !== undefined && account !== '' && name === `${encodeURIComponent(account)}.session` ? account : undefined;
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

async function listIfThere(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    // A file, such as the key's, is no account's folder.
    if (code === 'ENOTDIR') return [];
    throw unreadable(folder, error);
  }
}
