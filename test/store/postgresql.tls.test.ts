import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { newJob } from './fixtures.ts';
import { WORLD } from './store-harness.ts';

const DEPS = { clock: systemClock, log: silentLog };

describePostgres('store over TLS', () => {
  let own: Certificates;
  let other: Certificates;
  let server: PrivatePostgres;
  let url: string;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    [own, other] = await Promise.all([makeCertificates(), makeCertificates()]);
    server = await startPostgres({ tls: own });
    const password = randomBytes(12).toString('hex');
    await server.admin(`CREATE ROLE encrypted LOGIN SUPERUSER PASSWORD '${password}'`);
    const { name } = await server.createDatabase();
    url = `postgresql://encrypted:${password}@localhost:${server.port}/${name}`;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
  afterAll(async () => {
    await server?.remove();
    await Promise.all([own?.remove(), other?.remove()]);
  });

  async function storeAt(query: string): Promise<Store> {
    const store = await openStore({ kind: 'postgresql', url: `${url}${query}` }, DEPS);
    open.push(store);
    return store;
  }

  test('does its work where the address names the authority', async () => {
    const query = `?sslmode=verify-full&sslrootcert=${encodeURIComponent(own.authority)}`;
    const store = await storeAt(query);
    await store.prepare(WORLD);
    await store.ensureAccount('main');
    expect(await store.insertJob(newJob())).toMatchObject({ status: 'queued' });
    const driver = openPgDriver({ url: `${url}${query}` }, DEPS);
    open.push(driver);
    expect(await driver.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).toEqual([{ ssl: true }]);
  });

  test('cancels at the server what nobody waits for any more', async () => {
    const driver = openPgDriver(
      { url: `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(own.authority)}`, statementMs: 300 },
      DEPS,
    );
    open.push(driver);
    await expect(driver.query("SELECT pg_sleep(60), 'abandoned'")).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const watcher = openPgDriver({ url: `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(own.authority)}` }, DEPS);
    open.push(watcher);
    await expect
      .poll(() =>
        watcher.query(
          "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%abandoned%' AND pid <> pg_backend_pid()",
        ),
      )
      .toEqual([]);
  });

  test('that was let in once is away while the password is another one, however often it is prepared anew', async () => {
    const setPassword = (password: string) => server.admin(`ALTER ROLE rotated PASSWORD '${password}'`);
    await server.admin(`CREATE ROLE rotated LOGIN SUPERUSER PASSWORD 'first'`);
    const store = await openStore({ kind: 'postgresql', url: url.replace(/encrypted:[^@]+/, 'rotated:first') }, DEPS);
    open.push(store);
    await store.prepare(WORLD);
    await setPassword('second');
    await server.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'`);
    const away = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('(28P01); check DATABASE_URL') };
    for (let time = 0; time < 3; time++) await expect(store.prepare(WORLD)).rejects.toMatchObject(away);
    await expect(store.takeLease('main', 'nobody', false)).rejects.toMatchObject(away);
    await setPassword('first');
    await store.prepare(WORLD);
    await store.ping();
  });

  test.each([
    ['an authority that it does not know', () => '?sslmode=verify-full', /certificate/],
    ['another authority', () => `?sslmode=verify-full&sslrootcert=${encodeURIComponent(other.authority)}`, /certificate/],
  ])('is unavailable, and says why: %s', async (_, query, why) => {
    const store = await storeAt(query());
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(why) });
    await expect(store.prepare(WORLD)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('is refused where the server wants TLS and the address does not say so', async () => {
    const refused = { code: 'STORE_REFUSED', message: expect.stringMatching(/pg_hba\.conf.*no encryption.*check DATABASE_URL/) };
    await expect((await storeAt('')).prepare(WORLD)).rejects.toMatchObject(refused);
  });
});
