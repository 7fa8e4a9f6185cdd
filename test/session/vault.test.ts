import { describe } from 'vitest';
import { pgliteHarness, postgresHarness } from '../store/store-harness.ts';
import { describePostgres } from '../support/postgres.ts';
import { fencingContract, vaultContract } from './vault.contract.ts';
import { fileHarness, storeShelfHarness } from './vault-harness.ts';

const pglite = () => storeShelfHarness(pgliteHarness);
const postgres = () => storeShelfHarness(postgresHarness);

describe('sessions in files', () => vaultContract(fileHarness));
describe('sessions in PGlite', () => {
  vaultContract(pglite);
  describe('with fencing tokens', () => fencingContract(pglite));
});
describePostgres('sessions in PostgreSQL', () => {
  vaultContract(postgres);
  describe('with fencing tokens', () => fencingContract(postgres));
});
