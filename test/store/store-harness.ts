import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import { openPgliteDriver } from '../../src/actors/store/pglite.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Store, World } from '../../src/ports.ts';
import { type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { PreparedDatabase } from './as-prepared.ts';

export const WORLD: World = { kind: 'simulator', id: 'ab12' };

/** 2024-05-06 07:08:09.123 UTC. */
export const NOW = 1_714_979_289_123;

/** A store on a database of its own, whose clock the test sets. */
export interface TestStore {
  readonly store: Store;
  /** For a look past the port. */
  readonly driver: SqlDriver;
  readonly clock: { nowMs: number };
}

/** Where a suite gets its stores from. */
export interface StoreHarness {
  /** A store on a prepared database that nobody else uses; closed and deleted by `end`. */
  fresh(): Promise<TestStore>;
  /** The same on a database that was never prepared. */
  blank(): Promise<TestStore>;
  /** Ends the stores of the last test. */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** A store over a driver, with a clock that stands still until it is set. */
export function storeOn(driver: SqlDriver, sqlFolder?: URL): TestStore {
  const clock = { nowMs: NOW };
  const parts = { driver, clock: { ...systemClock, now: () => clock.nowMs }, log: silentLog };
  return { store: createSqlStore(sqlFolder === undefined ? parts : { ...parts, sqlFolder }), driver, clock };
}

/** Stores on one PGlite, its rows put back for each test: opening a database takes far longer, and so do its migrations. */
export async function pgliteHarness(): Promise<StoreHarness> {
  const root = mkdtempSync(join(tmpdir(), 'vigilia-pglite-'));
  const driver = await openPgliteDriver({ dataDir: join(root, 'database') }, { clock: systemClock, log: silentLog });
  const prepared = new PreparedDatabase(driver);

  async function blank(): Promise<TestStore> {
    await driver.script('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    return storeOn(driver);
  }

  return {
    blank,
    async fresh() {
      if (await prepared.putBack()) return storeOn(driver);
      const test = await blank();
      await test.store.prepare(WORLD);
      await prepared.keep();
      return test;
    },
    async end() {},
    async close() {
      await driver.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Stores on a private PostgreSQL, on one prepared database whose rows are put back for each test. */
export async function postgresHarness(): Promise<StoreHarness> {
  const server = await startPostgres();
  const harness = await harnessOn(server);
  return { ...harness, close: () => harness.close().finally(() => server.remove()) };
}

/**
 * The same on a server that is there.
 * @param addressFor of a database as the stores shall reach it. @default its own
 */
export async function harnessOn(
  server: PrivatePostgres,
  addressFor: (url: string) => string = (url) => url,
  sqlFolder?: URL,
): Promise<StoreHarness> {
  const open: SqlDriver[] = [];
  const shared = await server.createDatabase();
  const direct = openPgDriver({ url: shared.url, connections: 1 }, { clock: systemClock, log: silentLog });
  await storeOn(direct, sqlFolder).store.prepare(WORLD);
  const prepared = new PreparedDatabase(direct);
  await prepared.keep();

  function storeAt(url: string): TestStore {
    const driver = openPgDriver({ url: addressFor(url) }, { clock: systemClock, log: silentLog });
    open.push(driver);
    return storeOn(driver, sqlFolder);
  }

  return {
    async fresh() {
      if (!(await prepared.putBack())) throw new Error('a test has changed the schema that others use: it needs `blank`');
      return storeAt(shared.url);
    },
    blank: async () => storeAt((await server.createDatabase()).url),
    async end() {
      await Promise.all(open.splice(0).map((driver) => driver.close()));
    },
    close: () => direct.close(),
  };
}
