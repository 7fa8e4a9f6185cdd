import { describePostgres } from '../support/postgres.ts';
import { storeContract } from './store.contract.ts';
import { postgresHarness } from './store-harness.ts';

describePostgres('store on PostgreSQL', () => storeContract(postgresHarness));
