import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPgliteDriver } from '../../src/actors/store/pglite.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { systemClock } from '../../src/clock.ts';
import type { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { CHANNEL_ID, newJob } from './fixtures.ts';
import { storeOn, WORLD } from './store-harness.ts';

const deps = { clock: systemClock, log: silentLog };
const SLOW = 'SELECT count(*) FROM generate_series(1, 200000000)';

let template: string;
let root: string;
const open: SqlDriver[] = [];
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'vigilia-crash-template-'));
  const { store } = storeOn(await openPgliteDriver({ dataDir: join(template, 'database') }, deps));
  await store.prepare(WORLD);
  await store.close();
});
afterAll(() => rmSync(template, { recursive: true, force: true }));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vigilia-crash-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((driver) => driver.close()));
  rmSync(root, { recursive: true, force: true });
});

async function openDriver(options: Parameters<typeof openPgliteDriver>[0]): Promise<SqlDriver> {
  const driver = await openPgliteDriver(options, deps);
  open.push(driver);
  return driver;
}

/** A database in the test's own folder, prepared already. */
async function openPrepared(options: Omit<Parameters<typeof openPgliteDriver>[0], 'dataDir'>): Promise<SqlDriver> {
  cpSync(template, root, { recursive: true });
  return openDriver({ ...options, dataDir: join(root, 'database') });
}

describe('the embedded database', () => {
  test('loses no acknowledged row when its process is killed in mid-write, again and again', async () => {
    const dataDir = join(root, 'database');
    let acknowledged = -1;
    for (let round = 0; round < 4; round += 1) {
      const script = fileURLToPath(new URL('./write-until-killed.js', import.meta.url));
      const writer = spawn(process.execPath, [script, dataDir, String(acknowledged + 1)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const before = acknowledged;
      let tail = '';
      writer.stdout.on('data', (chunk) => {
        const lines = (tail + chunk).split('\n');
        tail = lines.pop() ?? '';
        for (const line of lines) acknowledged = Number(line);
        if (acknowledged - before > 15 + 7 * round) writer.kill('SIGKILL');
      });
      const [, signal] = await once(writer, 'close');
      expect(signal).toBe('SIGKILL');

      const { store, driver } = storeOn(await openDriver({ dataDir }));
      await store.prepare(WORLD);
      const { completed } = await store.countJobs();
      // What was in flight when the process died is either there or not, but never a part of it.
      expect(completed).toBeGreaterThanOrEqual(acknowledged + 1);
      expect(completed).toBeLessThanOrEqual(acknowledged + 2);
      expect(await store.countMessages(CHANNEL_ID)).toBe(completed * 20);
      expect(await driver.query('SELECT count(*) AS rows FROM outbox')).toEqual([{ rows: completed }]);
      for (let n = 0; n <= acknowledged; n += 1)
        expect((await store.jobEvents(`sync-${String(n).padStart(6, '0')}`)).map(({ event }) => event)).toEqual([
          'SUBMIT',
          'COMPLETE',
        ]);
      acknowledged = completed - 1;
      await store.close();
    }
  }, 120_000);

  test('killed while it is being created leaves nothing that the next start stumbles over', async () => {
    const dataDir = join(root, 'database');
    // What a creation that was broken off leaves behind.
    mkdirSync(`${dataDir}.unfinished/base`, { recursive: true });
    writeFileSync(join(`${dataDir}.unfinished`, 'PG_VERSION'), '18\n');
    const { store } = storeOn(await openDriver({ dataDir }));
    await store.prepare(WORLD);
    expect(await store.ensureAccount('main')).toBe(1);
  }, 60_000);

  test('is refused where the folder holds something else', async () => {
    writeFileSync(join(root, 'precious.txt'), 'mine');
    await expect(openPgliteDriver({ dataDir: root }, deps)).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    writeFileSync(join(root, 'file'), '');
    await expect(openPgliteDriver({ dataDir: join(root, 'file', 'below') }, deps)).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
    });
  }, 60_000);

  test('whose thread dies fails what is in flight, tells its owner, and opens anew on the next call with all that was committed', async () => {
    const downs: VigiliaError[] = [];
    const driver = await openPrepared({ statementMs: 1500, onDown: (error) => downs.push(error) });
    const { store } = storeOn(driver);
    await store.insertJob(newJob());

    const slow = driver.query(SLOW);
    const waiting = store.ping();
    await expect(slow).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: 1000 });
    expect(downs).toHaveLength(1);
    expect(await waiting).toBeGreaterThan(0);

    expect((await store.findJob('sync-1'))?.status).toBe('queued');
    expect(downs).toHaveLength(1);
  }, 60_000);

  test('whose thread fails without a word of the database is replaced, and the call may be tried again', async () => {
    const downs: VigiliaError[] = [];
    const driver = await openPrepared({ onDown: (error) => downs.push(error) });
    const { store } = storeOn(driver);
    await store.insertJob(newJob());
    // No statement at all: what reads it inside the thread fails, not the database.
    const broken = driver.query({} as never);
    await expect(broken).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: 1000 });
    expect(downs).toHaveLength(1);
    await expect(broken).rejects.toBe(downs[0]);
    expect((await store.findJob('sync-1'))?.status).toBe('queued');
    expect(downs).toHaveLength(1);
  }, 60_000);

  test('whose thread dies within a transaction rolls it back', async () => {
    const driver = await openPrepared({ statementMs: 1500 });
    const { store } = storeOn(driver);
    const transaction = await driver.begin();
    await transaction.query(`INSERT INTO accounts (id) VALUES ('lost')`);
    await expect(transaction.query(SLOW)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.listAccounts()).toEqual([]);
  }, 60_000);

  test('in memory is gone with its thread, and says so instead of coming back empty', async () => {
    const driver = await openDriver({ dataDir: 'memory', statementMs: 1500 });
    const { store } = storeOn(driver);
    await expect(driver.query(SLOW)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }, 60_000);

  test('lets a call wait no longer than its deadline for a transaction that does not end', async () => {
    const driver = await openPrepared({ turnMs: 100 });
    const endless = await driver.begin();
    await expect(driver.query('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await endless.rollback();
    expect(await driver.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 60_000);

  test('once closed is unavailable, and closing again is harmless', async () => {
    const driver = await openPrepared({});
    await driver.close();
    await driver.close();
    await expect(driver.query('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }, 60_000);
});
