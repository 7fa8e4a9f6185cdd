import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SQL_FOLDER } from '../../src/actors/store/migrations.ts';
import { hasExtension, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { CHANNEL_ID, channel, history, message } from './fixtures.ts';
import { storeContract } from './store.contract.ts';
import { harnessOn, type StoreHarness, WORLD } from './store-harness.ts';

/** What of `015_message_hours.sql` only the full edition takes; in the Apache edition a view stands in for the aggregate, and nothing is compressed. */
const FULL_EDITION_ONLY: readonly (readonly [what: RegExp, instead: string])[] = [
  [/current_setting\('timescaledb\.license', true\) = 'timescale'/, 'true'],
  [
    /MATERIALIZED VIEW message_hours WITH \(timescaledb\.continuous, timescaledb\.materialized_only = false\)/,
    'VIEW message_hours',
  ],
  [/ WITH NO DATA\$\$,[^\]]*?(?=\n {4}\] LOOP)/, '$$$$'],
];

const SETTINGS = ['shared_preload_libraries=timescaledb', 'timescaledb.telemetry_level=off'];
const EIGHT_DAYS_S = 8 * 86_400;

/** The numbered files as they are, or as the Apache edition takes them. */
async function filesFor(license: string): Promise<URL> {
  if (license !== 'apache') return SQL_FOLDER;
  const folder = await mkdtemp(join(tmpdir(), 'vigilia-sql-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  await cp(SQL_FOLDER, folder, { recursive: true });
  const file = join(folder, '015_message_hours.sql');
  let sql = await readFile(file, 'utf8');
  for (const [what, instead] of FULL_EDITION_ONLY) {
    expect(sql).toMatch(what);
    sql = sql.replace(what, instead);
  }
  await writeFile(file, sql);
  return pathToFileURL(`${folder}/`);
}

/** Known only where the extension is in use. */
async function licenseOf(server: PrivatePostgres): Promise<string> {
  const { url } = await server.createDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE EXTENSION timescaledb');
    return (await client.query(`SELECT current_setting('timescaledb.license') AS license`)).rows[0].license;
  } finally {
    await client.end();
  }
}

// Debian 12, where these tests must skip nothing, has no package of it; Debian 13 has the Apache edition.
if (hasExtension('timescaledb')) {
  describe('store on a hypertable', () => {
    let server: PrivatePostgres;
    beforeAll(async () => {
      server = await startPostgres({ settings: SETTINGS });
    });
    afterAll(() => server?.remove());

    const start = async (): Promise<StoreHarness> => harnessOn(server, undefined, await filesFor(await licenseOf(server)));
    storeContract(start, { inChunks: true });

    describe('of messages', () => {
      let harness: StoreHarness;
      beforeAll(async () => {
        harness = await start();
      });
      afterAll(() => harness?.end().finally(() => harness.close()));

      test('old ones go by whole chunks of seven days, the others stay, and whoever holds a window learns of it', async () => {
        const { store, driver } = await harness.fresh();
        const [first] = history(1);
        const late = (first?.date ?? 0) + EIGHT_DAYS_S;
        await store.transaction(async (tx) => {
          await tx.upsertChannels([channel()]);
          await tx.upsertMessages(0, [...history(3), message({ id: 9, date: late })]);
        });
        const chunks = `SELECT count(*)::int AS chunks FROM timescaledb_information.chunks WHERE hypertable_name = 'messages'`;
        expect(await driver.query(chunks)).toEqual([{ chunks: 2 }]);
        const before = (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision ?? 0;
        expect(await store.pruneMessages(late * 1000, 100)).toBe(1);
        expect((await store.readMessages({ chatId: CHANNEL_ID, limit: 10 })).map(({ id }) => id)).toEqual([9]);
        expect((await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision).toBeGreaterThan(before);
      });
    });
  });

  describe('the files as they are', () => {
    let server: PrivatePostgres;
    beforeAll(async () => {
      server = await startPostgres({ settings: SETTINGS });
    });
    afterAll(() => server?.remove());

    test('make a hypertable where its edition has aggregates and compression, and a plain table where not', async () => {
      const harness = await harnessOn(server);
      const { store, driver } = await harness.blank();
      await store.prepare(WORLD);
      const made = await driver.query(
        `SELECT hypertable_name AS name FROM timescaledb_information.hypertables WHERE hypertable_name = 'messages'`,
      );
      expect(made).toEqual((await licenseOf(server)) === 'apache' ? [] : [{ name: 'messages' }]);
      await harness.end();
      await harness.close();
    });
  });
} else {
  describe('store on a hypertable', () => {
    test('is for where TimescaleDB is installed; here a server says that it has none', async () => {
      const server = await startPostgres();
      try {
        await expect(licenseOf(server)).rejects.toMatchObject({ code: '0A000' });
      } finally {
        await server.remove();
      }
    });
  });
}
