import { afterAll, beforeAll, describe } from 'vitest';
import { describePgbouncer, type PrivatePgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { storeContract } from './store.contract.ts';
import { harnessOn } from './store-harness.ts';

describePostgres('store on PostgreSQL', () => {
  let server: PrivatePostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.remove());

  describe('directly', () => storeContract(() => harnessOn(server)));

  describePgbouncer('through PgBouncer in transaction mode', () => {
    let pooler: PrivatePgbouncer | undefined;
    afterAll(() => pooler?.remove());
    storeContract(async () => {
      pooler = await startPgbouncer(server, server.superuser);
      return harnessOn(server, pooler.pooled);
    });
  });
});
