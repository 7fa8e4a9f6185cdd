import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { history, newJob } from './fixtures.ts';
import { storeOn, type TestStore, WORLD } from './store-harness.ts';

/** Room for a database of ours and little more. */
const DISK = '16m';
/** A disk that is full without filling anybody's has to be mounted, which not everybody may. */
const MAY_MOUNT = mayMount();
const WITHOUT = MAY_MOUNT ? '' : ': SKIPPED, nothing may be mounted here';

describePostgres('A PostgreSQL that answers and does not write', () => {
  let server: PrivatePostgres;
  const open: SqlDriver[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((driver) => driver.close()));
  });
  afterAll(() => server?.remove());

  function storeAt(url: string): TestStore {
    const driver = openPgDriver({ url, connections: 3 }, { clock: systemClock, log: silentLog });
    open.push(driver);
    return storeOn(driver);
  }

  test.runIf(MAY_MOUNT)(
    `because its disk is full fails the proof as it fails a job, until there is room again${WITHOUT}`,
    async () => {
      const disk = mountDisk();
      // What the server has there is of no use to anybody afterwards.
      onTestFinished(() => unmount(disk, '--lazy'));
      await server.admin(`CREATE TABLESPACE small LOCATION '${disk}'`);
      const { name, url } = await server.createDatabase();
      await server.admin(`ALTER DATABASE ${name} SET TABLESPACE small`);
      const { store, driver } = storeAt(url);
      await store.prepare(WORLD);
      await store.proveWrite();
      await driver.script('CREATE TABLE filler (page text); ALTER TABLE filler ALTER page SET STORAGE PLAIN');
      const fill = (pages: number) =>
        driver.query(`INSERT INTO filler SELECT repeat('x', 8000) FROM generate_series(1, $1::int4)`, [pages]);
      const full = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('53100') };
      for (const pages of [256, 32, 4, 1]) await expect(repeatedly(() => fill(pages))).rejects.toMatchObject(full);
      // What was given up left its pages behind, and the tables of others may have some left too.
      await expect(repeatedly(() => store.transaction((tx) => tx.upsertMessages(0, history(500))))).rejects.toMatchObject(full);
      expect(await store.ping()).toBeGreaterThan(0);
      await expect(store.proveWrite()).rejects.toMatchObject(full);
      expect(await store.countJobs()).toMatchObject({ queued: 0 });
      await driver.script('DROP TABLE filler');
      await store.proveWrite();
      await store.insertJob(newJob());
    },
  );

  test('has nothing to do with another process that stands still in the middle of the same proof', async () => {
    const { url } = await server.createDatabase();
    const { store, driver } = storeAt(url);
    await store.prepare(WORLD);
    const other = await driver.begin();
    await other.query('UPDATE world SET id = id');
    await storeAt(url).store.proveWrite();
    await other.rollback();
  });

  test('because it is a standby, or was set to read only, fails it too, and can be read', async () => {
    const { name, url } = await server.createDatabase();
    const { store } = storeAt(url);
    await store.prepare(WORLD);
    await server.admin(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const later = storeAt(url).store;
    await expect(later.proveWrite()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      fault: 'transient',
      message: expect.stringContaining('read-only transaction (25006)'),
    });
    expect(await later.countJobs()).toMatchObject({ queued: 0 });
  });

  test('because its role lost a right fails it as an outage: no row is at fault', async () => {
    const { url } = await server.createDatabase();
    await storeAt(url).store.prepare(WORLD);
    const user = `reader_${new URL(url).pathname.slice(1)}`;
    await server.admin(`CREATE ROLE ${user} LOGIN PASSWORD 'reader'`);
    const address = new URL(url);
    address.username = user;
    address.password = 'reader';
    const { store } = storeAt(address.href);
    const denied = { code: 'STORE_UNAVAILABLE', fault: 'transient', message: expect.stringContaining('42501') };
    await expect(store.proveWrite()).rejects.toMatchObject(denied);
    await expect(store.insertJob(newJob())).rejects.toMatchObject(denied);
  });
});

/** @returns the folder of a small disk of the server's own */
function mountDisk(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vigilia-disk-'));
  try {
    const user = execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8', stdio: 'pipe' }).trim();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=700,uid=${user}`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

function unmount(folder: string, ...options: readonly string[]): void {
  execFileSync('umount', [...options, folder]);
  rmSync(folder, { recursive: true });
}

function mayMount(): boolean {
  try {
    unmount(mountDisk());
    return true;
  } catch {
    return false;
  }
}

/** Again and again until it fails. */
async function repeatedly(work: () => Promise<unknown>): Promise<never> {
  for (;;) await work();
}
