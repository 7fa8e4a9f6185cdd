import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { dumpSchema } from './schema-dump.ts';
import { pgliteHarness, postgresHarness, type StoreHarness } from './store-harness.ts';

const GOLDEN = new URL('../golden/schema.sql', import.meta.url);

function schemaIsGolden(start: () => Promise<StoreHarness>): void {
  let harness: StoreHarness;
  beforeAll(async () => {
    harness = await start();
  });
  afterAll(async () => {
    await harness?.end();
    await harness?.close();
  });

  test('the migrated schema is the golden one', async () => {
    const { driver } = await harness.fresh();
    const schema = await dumpSchema(driver);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, schema);
    expect(schema).toBe(readFileSync(GOLDEN, 'utf8'));
  });
}

describe('schema on PGlite', () => schemaIsGolden(pgliteHarness));
describePostgres('schema on PostgreSQL', () => schemaIsGolden(postgresHarness));
