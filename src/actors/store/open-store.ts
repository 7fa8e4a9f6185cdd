import type { Clock } from '../../clock.ts';
import type { VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../ports.ts';
import { openPgDriver } from './pg.driver.ts';
import { openPgliteDriver } from './pglite.driver.ts';
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
 * Opens the store. PostgreSQL is not asked for anything yet: a server that cannot be reached is a state that each call reports, and calls
 * work as soon as it is up. Call `prepare` before anything else.
 * @throws DATA_DIR_UNUSABLE, STORE_UNAVAILABLE when PGlite cannot be opened; never for PostgreSQL
 */
export async function openStore(options: StoreOptions, deps: { readonly clock: Clock; readonly log: Log }): Promise<Store> {
  if (options.kind === 'pglite') {
    return createSqlStore({ driver: await openPgliteDriver(options, deps), ...deps });
  }
  const { url, directUrl = url } = options;
  return createSqlStore({
    driver: openPgDriver({ url }, deps),
    openMigrationDriver: () => openPgDriver({ url: directUrl, connections: 1, statementMs: MIGRATION_MS }, deps),
    ...deps,
  });
}
