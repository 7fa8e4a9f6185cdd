import { dirname } from 'node:path';
import type { Clock } from '../../../clock.ts';
import { VigiliaError } from '../../../errors.ts';
import { makeFolderDurably, readIfThere, replaceFile } from './durable-file.ts';
import { DamagedEnvelope, openEnvelope, parseEnvelope, sealEnvelope } from './envelope.ts';
import type { KeyRing } from './key-derivation.ts';
import { LOGGED_OUT, type SessionVault } from './session-vault.ts';

/** One account's session in a backup. */
interface SavedSession {
  readonly account: string;
  readonly generation: number;
  /** ms since the Unix epoch; null in the first format. */
  readonly savedAt: number | null;
  readonly session: string;
}

/** What a backup holds. */
export interface Backup {
  readonly world: string;
  /** ms since the Unix epoch. */
  readonly madeAt: number;
  readonly sessions: readonly SavedSession[];
}

/** What became of a backup that was made. */
export interface BackupReport {
  readonly accounts: readonly string[];
  /** Accounts that are not in it, since nothing of theirs could be opened: why, one line each. */
  readonly left: readonly string[];
}

/** What became of one account's session. */
export interface RestoredSession {
  readonly account: string;
  readonly outcome: 'restored' | 'the same already';
  /** Another session was there, and is the generation before now. */
  readonly keepsFormer: boolean;
}

/**
 * Writes every account's newest sound session into one sealed file (0600), reads it back, and only then puts it in the place of what is there.
 * @param ring whose key seals it
 * @throws SESSION_MISSING when there is nothing to back up, BACKUP_UNUSABLE when it cannot be written, SESSION_UNREADABLE, STORE_UNAVAILABLE
 */
export async function writeBackup(
  file: string,
  vault: SessionVault,
  ring: KeyRing,
  { world, clock }: { readonly world: string; readonly clock: Clock },
): Promise<BackupReport> {
  const sessions: SavedSession[] = [];
  const left: string[] = [];
  for (const account of await vault.accounts()) {
    try {
      const found = await vault.find(account);
      if (found !== undefined && found.session !== LOGGED_OUT) sessions.push({ account, ...found });
    } catch (error) {
      // One account's damage shall not cost the others their backup.
      if (!(error instanceof VigiliaError) || error.code !== 'SESSION_CORRUPT') throw error;
      left.push(error.message);
    }
  }
  if (sessions.length === 0) {
    const why = left.length > 0 ? `: ${left.join('; ')}` : '';
    throw new VigiliaError('SESSION_MISSING', `there is no session to back up, and ${file} was not touched${why}`);
  }
  const madeAt = clock.now();
  const content = JSON.stringify({ madeAt, sessions });
  const envelope = sealEnvelope({ kind: 'backup', world, account: '', generation: 0 }, madeAt, content, await ring.sealing());
  try {
    await makeFolderDurably(dirname(file));
    await replaceFile(file, envelope, async (written) => {
      if ((await openBackup(written, ring, file)).content !== content) throw new Error('it reads otherwise than it was written');
    });
  } catch (cause) {
    if (cause instanceof VigiliaError) throw cause;
    throw new VigiliaError('BACKUP_UNUSABLE', `the backup ${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
  return { accounts: sessions.map(({ account }) => account), left };
}

/** @throws BACKUP_UNUSABLE when it is not there, damaged, or sealed with a key that the ring has not; of another world */
export async function readBackup(file: string, ring: KeyRing, world: string): Promise<Backup> {
  const text = await readIfThere(file).catch((cause: Error) => {
    throw unusable(file, cause.message);
  });
  if (text === undefined) throw unusable(file, 'there is no such file');
  const { of, content } = await openBackup(text, ring, file);
  if (of !== world) throw unusable(file, `it is of another world, ${of}; the configuration says ${world}`);
  return { world: of, ...(JSON.parse(content) as Omit<Backup, 'world'>) };
}

/**
 * Makes a backup's sessions the newest ones of their accounts; those that were are kept as the generations before. Each is read back.
 * @param only this account; undefined: all of them
 * @throws BACKUP_UNUSABLE when the account is not in it, and as `SessionVault.write`
 */
export async function restoreBackup(backup: Backup, vault: SessionVault, only: string | undefined): Promise<RestoredSession[]> {
  const wanted = backup.sessions.filter(({ account }) => only === undefined || account === only);
  if (wanted.length === 0) {
    const there = backup.sessions.map(({ account }) => account).join(', ');
    throw new VigiliaError('BACKUP_UNUSABLE', `the backup has no session of account ${only}; it has ${there}`);
  }
  const restored: RestoredSession[] = [];
  for (const { account, session } of wanted) {
    const former = await usable(vault, account);
    if (former === session) {
      restored.push({ account, outcome: 'the same already', keepsFormer: false });
      continue;
    }
    await vault.write(account, session);
    if ((await vault.find(account))?.session !== session) {
      throw new VigiliaError('SESSION_CORRUPT', `the session of account ${account} reads otherwise than it was restored`);
    }
    restored.push({ account, outcome: 'restored', keepsFormer: former !== undefined });
  }
  return restored;
}

/** @returns the session that is there; undefined where none is, or none can be used: that is why people restore */
async function usable(vault: SessionVault, account: string): Promise<string | undefined> {
  try {
    return (await vault.find(account))?.session;
  } catch (error) {
    if (error instanceof VigiliaError && error.code === 'SESSION_CORRUPT') return undefined;
    throw error;
  }
}

async function openBackup(text: string, ring: KeyRing, file: string): Promise<{ readonly of: string; readonly content: string }> {
  try {
    const envelope = parseEnvelope(text);
    if (envelope.kind !== 'backup') throw new DamagedEnvelope(`is a stored ${envelope.kind}, not a backup`);
    const key = await ring.opening(envelope.kdf, envelope.keyCheck);
    if (key === undefined) {
      const by =
        envelope.kdf.name === 'scrypt' ? 'SESSION_BACKUP_KEY, or SESSION_KEY' : 'key file (session.key beside the sessions)';
      throw unusable(file, `it was sealed with another ${by}`);
    }
    return { of: envelope.world, content: openEnvelope(envelope, key) };
  } catch (error) {
    if (error instanceof DamagedEnvelope) throw unusable(file, `it ${error.message}`);
    throw error;
  }
}

function unusable(file: string, why: string): VigiliaError {
  return new VigiliaError('BACKUP_UNUSABLE', `the backup ${file} cannot be used: ${why}; nothing was changed`);
}
