import { join } from 'node:path';
import { fileShelf } from './file-shelf.ts';
import { vaultSecrets } from './session-secrets.ts';
import { createSessionVault, type SessionVault, type VaultParts } from './session-vault.ts';

/** Secrets as they are configured. */
export interface ConfiguredKeys {
  /** `SESSION_KEY`; null: a key file beside the sessions. */
  readonly key: string | null;
  /** `SESSION_KEY_PREVIOUS`. @default none */
  readonly previous?: string | null;
}

/** @returns the vault over a folder of files, its key file in it */
export function openFileVault(
  folder: string,
  { key, previous = null }: ConfiguredKeys,
  deps: Pick<VaultParts, 'world' | 'clock' | 'log' | 'scryptCost'>,
): SessionVault {
  const shelf = fileShelf(folder);
  const secrets = vaultSecrets(key, previous, join(folder, 'session.key'));
  return createSessionVault({ ...deps, shelf, secrets, place: shelf.folderOf });
}
