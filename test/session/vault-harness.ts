import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileShelf } from '../../src/actors/telegram/session/file-shelf.ts';
import { vaultSecrets } from '../../src/actors/telegram/session/session-secrets.ts';
import { createSessionVault, type SessionVault, type VaultParts } from '../../src/actors/telegram/session/session-vault.ts';
import { silentLog } from '../../src/log.ts';
import type { SessionShelf, Store } from '../../src/ports.ts';
import type { StoreHarness } from '../store/store-harness.ts';
import { CHEAP, clock, KEY, WORLD } from './fixtures.ts';

/** A shelf of a test's own. */
export interface TestShelf {
  readonly shelf: SessionShelf;
  /** Makes accounts ready to have sessions. */
  ensure(...accounts: readonly string[]): Promise<void>;
  /** Puts a text in the place of a generation, as damage or a mistaken copy would. */
  put(account: string, generation: number, text: string): Promise<void>;
  read(account: string, generation: number): Promise<string>;
  /** Takes the account, where there are tokens. @returns the new token */
  take: ((account: string) => Promise<number>) | undefined;
}

/** Where a suite gets its shelves from. */
export interface ShelfHarness {
  fresh(): Promise<TestShelf>;
  end(): Promise<void>;
  close(): Promise<void>;
}

export async function fileHarness(): Promise<ShelfHarness> {
  const folders: string[] = [];
  return {
    async fresh() {
      const folder = mkdtempSync(join(tmpdir(), 'vigilia-vault-'));
      folders.push(folder);
      const shelf = fileShelf(folder);
      const fileOf = (account: string, generation: number): string =>
        join(shelf.folderOf(account), `${String(generation).padStart(8, '0')}.session`);
      return {
        shelf,
        ensure: async () => {},
        put: async (account, generation, text) => writeFileSync(fileOf(account, generation), text, 'latin1'),
        read: async (account, generation) => readFileSync(fileOf(account, generation), 'latin1'),
        take: undefined,
      };
    },
    async end() {
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    },
    close: async () => {},
  };
}

/** Shelves in the databases of a store's harness. */
export async function storeShelfHarness(start: () => Promise<StoreHarness>): Promise<ShelfHarness> {
  const harness = await start();
  return {
    async fresh() {
      const { store, driver } = await harness.fresh();
      return {
        shelf: store,
        ensure: async (...accounts) => {
          for (const account of accounts) await store.ensureAccount(account);
        },
        async put(account, generation, text) {
          const there = [account, generation, text];
          await driver.query('UPDATE sessions SET envelope = $3 WHERE account_id = $1 AND generation = $2', there);
        },
        async read(account, generation) {
          const [row] = await driver.query('SELECT envelope FROM sessions WHERE account_id = $1 AND generation = $2', [
            account,
            generation,
          ]);
          return row?.envelope as string;
        },
        take: (account) => (store as Store).takeAccount(account, 'a test'),
      };
    },
    end: () => harness.end(),
    close: () => harness.close(),
  };
}

export interface VaultOptions extends Partial<Pick<VaultParts, 'world' | 'log' | 'tokenOf' | 'clock' | 'scryptCost'>> {
  readonly key?: string;
  readonly previous?: string;
}

/** A process's view of a shelf: another one knows nothing of what this one keeps in memory. */
export function vaultOn(shelf: SessionShelf, { key = KEY, previous, ...options }: VaultOptions = {}): SessionVault {
  return createSessionVault({
    shelf,
    place: (account) => `the place of ${account}`,
    secrets: vaultSecrets(key, previous ?? null, '/nonexistent/session.key'),
    world: WORLD,
    clock,
    log: silentLog,
    scryptCost: CHEAP,
    ...options,
  });
}
