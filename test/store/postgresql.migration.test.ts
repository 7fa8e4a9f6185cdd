import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMigrations, SQL_FOLDER } from '../../src/actors/store/migrations.ts';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { dumpSchema } from './schema-dump.ts';
import { storeOn, WORLD } from './store-harness.ts';

/** Runs `prepare-database.js` and collects what it says. */
class Preparer {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  readonly outcome: Promise<string>;

  constructor(url: string, worldId: string) {
    const script = fileURLToPath(new URL('./prepare-database.js', import.meta.url));
    this.process = spawn(process.execPath, [script, url, worldId], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    let becomeReady: () => void = () => {};
    this.ready = new Promise((resolve) => {
      becomeReady = resolve;
    });
    this.process.stdout?.on('data', (chunk) => {
      said += chunk;
      if (said.startsWith('ready\n')) becomeReady();
    });
    this.outcome = new Promise((resolve) => this.process.on('close', () => resolve(said.replace('ready\n', '').trim())));
  }
}

describePostgres('migrating PostgreSQL', () => {
  let server: PrivatePostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.remove());

  async function race(worlds: readonly string[]): Promise<{ outcomes: string[]; url: string }> {
    const { url } = await server.createDatabase();
    const preparers = worlds.map((world) => new Preparer(url, world));
    await Promise.all(preparers.map((preparer) => preparer.ready));
    for (const preparer of preparers) preparer.process.stdin?.write('go\n');
    return { outcomes: await Promise.all(preparers.map((preparer) => preparer.outcome)), url };
  }

  test('processes that start together migrate once, and all find it done', async () => {
    const { outcomes, url } = await race(['a', 'a', 'a', 'a']);
    expect(outcomes).toEqual(['prepared', 'prepared', 'prepared', 'prepared']);
    const driver = openPgDriver({ url }, { clock: systemClock, log: silentLog });
    const applied = await driver.query('SELECT version FROM schema_migrations ORDER BY version');
    expect(applied.map((row) => row.version)).toEqual((await readMigrations(SQL_FOLDER)).map((migration) => migration.version));
    await driver.close();
  });

  test('of processes of two worlds that start together, those of one world win', async () => {
    const { outcomes } = await race(['a', 'b', 'a', 'b']);
    expect([...outcomes].sort()).toEqual(['FOREIGN_DATABASE', 'FOREIGN_DATABASE', 'prepared', 'prepared']);
    expect(outcomes[0]).toBe(outcomes[2]);
  });

  test('a later version of the program adds its files, and an earlier one then refuses the database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vigilia-sql-'));
    cpSync(SQL_FOLDER, folder, { recursive: true });
    const next = (await readMigrations(SQL_FOLDER)).length + 1;
    const name = `${String(next).padStart(3, '0')}_next.sql`;
    writeFileSync(join(folder, name), 'ALTER TABLE accounts ADD COLUMN nickname text;\r\nCREATE TABLE extra (id integer);\r\n');
    const driver = openPgDriver({ url: (await server.createDatabase()).url }, { clock: systemClock, log: silentLog });
    await storeOn(driver).store.prepare(WORLD);
    await storeOn(driver, pathToFileURL(`${folder}/`)).store.prepare(WORLD);
    expect(await dumpSchema(driver)).toContain('nickname text');
    // The same file with other line ends is the same file.
    writeFileSync(join(folder, name), 'ALTER TABLE accounts ADD COLUMN nickname text;\nCREATE TABLE extra (id integer);\n');
    await storeOn(driver, pathToFileURL(`${folder}/`)).store.prepare(WORLD);
    await expect(storeOn(driver).store.prepare(WORLD)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
    await driver.close();
    rmSync(folder, { recursive: true });
  });

  test('a file that fails leaves the schema as it was before all pending files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vigilia-sql-'));
    writeFileSync(join(folder, '001_good.sql'), 'CREATE TABLE good (id integer);');
    writeFileSync(join(folder, '002_bad.sql'), 'CREATE TABLE half (id integer); SELECT nonsense;');
    const driver = openPgDriver({ url: (await server.createDatabase()).url }, { clock: systemClock, log: silentLog });
    await expect(storeOn(driver, pathToFileURL(`${folder}/`)).store.prepare(WORLD)).rejects.toThrow('sql/002_bad.sql');
    expect(await driver.query(`SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
    await driver.close();
    rmSync(folder, { recursive: true });
  });
});

describe('the numbered files', () => {
  test.each([
    ['a number left out', ['001_a.sql', '003_c.sql']],
    ['a number twice', ['001_a.sql', '001_b.sql']],
    ['a name without a number', ['001_a.sql', 'more.sql']],
  ])('are refused with %s', async (_, names) => {
    const folder = mkdtempSync(join(tmpdir(), 'vigilia-sql-'));
    for (const name of names) writeFileSync(join(folder, name), 'SELECT 1;');
    await expect(readMigrations(pathToFileURL(`${folder}/`))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    rmSync(folder, { recursive: true });
  });
});
