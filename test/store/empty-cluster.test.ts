import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { emptyCluster } from '../../src/actors/store/empty-cluster.ts';
import { readMigrations, SQL_FOLDER } from '../../src/actors/store/migrations.ts';
import { openPgliteDriver } from '../../src/actors/store/pglite.driver.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { silentLog as log } from '../../src/log.ts';

test('a new embedded database has the whole schema before anything is migrated, belongs to nobody yet, and is nobody else’s to read', async () => {
  expect(emptyCluster(), 'npm run build makes it').toBeDefined();
  const home = mkdtempSync(join(tmpdir(), 'vigilia-cluster-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const driver = await openPgliteDriver({ dataDir: join(home, 'database') }, { clock, log });
  onTestFinished(() => driver.close());
  const applied = await driver.query('SELECT name, checksum FROM schema_migrations ORDER BY version');
  expect(applied).toEqual((await readMigrations(SQL_FOLDER)).map(({ name, checksum }) => ({ name, checksum })));
  expect(await driver.query('SELECT * FROM world')).toEqual([]);
  expect(statSync(join(home, 'database')).mode & 0o077).toBe(0);
  expect(statSync(join(home, 'database', 'PG_VERSION')).mode & 0o077).toBe(0);
});
