import type { Clock } from '../../clock.ts';
import type { VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { RENEWAL_TIMEOUT_MS } from '../../machines/lease-rule.ts';
import type { Store } from '../../ports.ts';
import { beginPgliteDriver } from './pglite.driver.ts';
import { createSqlStore } from './sql-store.ts';

/** Which database to use. */
export type StoreOptions =
  | {
      readonly kind: 'pglite';
      /** The database's own folder, created where it is missing, or `memory` (gone with the process). */
      readonly dataDir: string;
      /** Told each time the database's thread dies; the next call opens a new one. */
      readonly onDown?: (error: VigiliaError) => void;
    }
  | {
      readonly kind: 'postgresql';
      readonly url: string;
      /** Past a pooler, for migrations. @default url */
      readonly directUrl?: string;
    };

/** Migrations may rewrite large tables, and wait for another process that does. */
const MIGRATION_MS = 600_000;

/**
 * Opens the store, and waits for nothing but its own code: a database that cannot be reached, or opened, is told by each call, and calls work
 * as soon as it is up. Call `prepare` before anything else: of a folder that PGlite cannot open it says DATA_DIR_UNUSABLE.
 */
export async function openStore(options: StoreOptions, deps: { readonly clock: Clock; readonly log: Log }): Promise<Store> {
  if (options.kind === 'pglite') {
    return createSqlStore({ driver: beginPgliteDriver(options, deps), ...deps });
  }
  const { url, directUrl = url } = options;
  const { openPgDriver } = await import('./pg.driver.ts');
  const address = { wasLetIn: false };
  const direct = directUrl === url ? address : { wasLetIn: false };
  return createSqlStore({
    driver: openPgDriver({ url, address }, deps),
    leaseDriver: openPgDriver(
      { url, address, connections: 1, connectMs: RENEWAL_TIMEOUT_MS, statementMs: RENEWAL_TIMEOUT_MS },
      deps,
    ),
    openMigrationDriver: () => openPgDriver({ url: directUrl, address: direct, connections: 1, statementMs: MIGRATION_MS }, deps),
    ...deps,
  });
}
