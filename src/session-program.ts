import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openStore } from './actors/store/open-store.ts';
import { openFileVault } from './actors/telegram/session/file-vault.ts';
import { KeyRing } from './actors/telegram/session/key-derivation.ts';
import type { Rotation } from './actors/telegram/session/key-rotation.ts';
import {
  type BackupReport,
  type RestoredSession,
  readBackup,
  restoreBackup,
  writeBackup,
} from './actors/telegram/session/session-backup.ts';
import { anyOf, passphrase, vaultSecrets } from './actors/telegram/session/session-secrets.ts';
import {
  createSessionVault,
  type GenerationReport,
  LOGGED_OUT,
  type SessionVault,
} from './actors/telegram/session/session-vault.ts';
import { parseStringSession } from './actors/telegram/session/string-session.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { openDataDir } from './data-dir.ts';
import { VigiliaError } from './errors.ts';
import type { Log } from './log.ts';
import type { SessionShelf, Store, World } from './ports.ts';
import { fingerprint, worldOf, worldPlace } from './worlds.ts';

export type { GenerationReport };

/** The account that this version serves. */
export const DEFAULT_ACCOUNT = 'main';

/** Where a world's sessions are in the data directory. */
function sessionFolder(dataDir: string, place: string): string {
  return join(dataDir, 'worlds', place, 'sessions');
}

/**
 * The vault as the configuration wants it.
 * @param dataDir absolute
 * @param store where the sessions lie if `SESSION_STORE=database`
 * @param tokenOf the fencing token under which this process holds an account
 */
export function openSessionVault(
  config: Config,
  dataDir: string,
  store: SessionShelf | undefined,
  deps: { readonly clock: Clock; readonly log: Log; readonly tokenOf?: (accountId: string) => number | undefined },
): SessionVault {
  const world = worldPlace(config.telegram);
  const folder = sessionFolder(dataDir, world);
  const keys = { key: config.sessionKey, previous: config.sessionKeyPrevious };
  if (store === undefined) return openFileVault(folder, keys, { ...deps, world });
  const secrets = vaultSecrets(keys.key, keys.previous, join(folder, 'session.key'));
  const place = (accountId: string): string => `the database's sessions of ${accountId}`;
  return createSessionVault({ ...deps, shelf: store, place, secrets, world });
}

/** What `vigilia session` does. */
export interface SessionTools {
  /** Where the sessions are, for people. */
  readonly where: string;
  /** @returns each account's generations, newest first */
  list(): Promise<readonly { readonly account: string; readonly generations: readonly GenerationReport[] }[]>;
  /** What {@link writeBackup} says. */
  backup(file: string): Promise<BackupReport>;
  /** What {@link restoreBackup} says. Nothing is written before the whole backup was verified. */
  restore(file: string, account: string | undefined): Promise<RestoredSession[]>;
  /** What `SessionVault.rotate` says. */
  rotate(): Promise<Rotation>;
  /**
   * Makes a StringSession an account's newest session.
   * @param replace whether it may take the place of another one, which is kept as the generation before
   * @throws SESSION_INVALID, SESSION_EXISTS, and as `SessionVault.write`
   */
  import(text: string, account: string, replace: boolean): Promise<{ readonly dcId: number; readonly isNew: boolean }>;
  close(): Promise<void>;
}

/**
 * Opens the sessions for a command.
 * @param access `write` takes the data directory, and brings a database up to date; `read` changes nothing, and may be done beside a running program
 * @throws DATA_DIR_LOCKED when a program runs that writes there too, DATA_DIR_UNUSABLE, FOREIGN_DATABASE, STORE_UNAVAILABLE
 */
export async function openSessionTools(
  config: Config,
  access: 'read' | 'write',
  deps: { readonly pid: number; readonly clock: Clock; readonly log: Log },
): Promise<SessionTools> {
  const dataDir = access === 'write' ? takeDataDir(config.dataDir, deps) : undefined;
  const root = resolve(config.dataDir);
  const world = worldPlace(config.telegram);
  let store: Store | undefined;
  const close = async (): Promise<void> => {
    await store?.close();
    dataDir?.close();
  };
  try {
    if (config.sessionStore === 'database' && config.database) {
      store = await openStore({ kind: 'postgresql', ...config.database }, deps);
      if (access === 'write') await store.prepare(databaseWorld(config, root));
    }
    const tokens = new Map<string, number>();
    const vault = openSessionVault(config, root, store, { ...deps, tokenOf: (accountId) => tokens.get(accountId) });
    /** Whoever held the account until now cannot save its session over what comes. */
    const take = async (accountId: string): Promise<void> => {
      if (store === undefined || tokens.has(accountId)) return;
      await store.ensureAccount(accountId);
      tokens.set(accountId, await store.takeAccount(accountId, 'vigilia session'));
    };
    const ring = backupRing(config, root, vault);
    return {
      where: store === undefined ? sessionFolder(root, world) : 'the database',
      list: async () => {
        const accounts = await vault.accounts();
        return Promise.all(accounts.map(async (account) => ({ account, generations: await vault.inspect(account) })));
      },
      backup: (file) => writeBackup(resolve(file), vault, ring, { world, clock: deps.clock }),
      restore: async (file, account) => {
        const backup = await readBackup(resolve(file), ring, world);
        for (const { session } of backup.sessions) parseStringSession(session);
        return restoreBackup(
          backup,
          { ...vault, write: (id, session) => take(id).then(() => vault.write(id, session)) },
          account,
        );
      },
      rotate: () => vault.rotate(),
      import: async (text, account, replace) => {
        const { session, dcId } = parseStringSession(text);
        const present = await vault.find(account).catch((error: VigiliaError) => error);
        if (present instanceof VigiliaError && (present.code !== 'SESSION_CORRUPT' || !replace)) throw present;
        if (present !== undefined && !(present instanceof VigiliaError) && present.session !== LOGGED_OUT) {
          if (present.session === session) return { dcId, isNew: false };
          if (!replace) throw alreadyThere(account);
        }
        await take(account);
        await vault.write(account, session);
        if ((await vault.find(account))?.session !== session) {
          throw new VigiliaError('SESSION_CORRUPT', `the session of account ${account} reads otherwise than it was written`);
        }
        return { dcId, isNew: true };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Backups have a key of their own, or that of the sessions; whichever it was opens them. */
function backupRing(config: Config, root: string, vault: SessionVault): KeyRing {
  if (config.sessionBackupKey === null) return vault.ring;
  const keyFile = join(sessionFolder(root, worldPlace(config.telegram)), 'session.key');
  const own = passphrase(config.sessionBackupKey, 'SESSION_BACKUP_KEY');
  return new KeyRing(anyOf(own, vaultSecrets(config.sessionKey, config.sessionKeyPrevious, keyFile)));
}

function takeDataDir(path: string, { pid, clock }: { readonly pid: number; readonly clock: Clock }) {
  try {
    return openDataDir(path, { pid, startedAt: clock.now() });
  } catch (error) {
    if (!(error instanceof VigiliaError) || error.code !== 'DATA_DIR_LOCKED') throw error;
    const [who = error.message] = error.message.split('. ');
    const why = `${who}. Stop it first: two that write the sessions would undo each other's work.`;
    throw new VigiliaError('DATA_DIR_LOCKED', why, { cause: error });
  }
}

/** A simulator is known by its key, which lies in the data directory once it has been started there. */
function databaseWorld({ telegram }: Config, root: string): World {
  if (telegram.kind !== 'simulated') return worldOf(telegram, undefined);
  const keyFile = join(root, 'worlds', worldPlace(telegram), 'simulator', 'server-public-key.pem');
  let keyPem: string;
  try {
    keyPem = readFileSync(keyFile, 'utf8');
  } catch (cause) {
    throw new VigiliaError('FOREIGN_DATABASE', `there is no ${keyFile} to know the simulated world by: start the program once`, {
      cause,
    });
  }
  return { kind: 'simulator', id: fingerprint(keyPem) };
}

function alreadyThere(account: string): VigiliaError {
  return new VigiliaError(
    'SESSION_EXISTS',
    `account ${account} has another session already; --replace puts this one in its place and keeps the other as the generation before`,
  );
}
