import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { Program } from '../support/program.ts';
import { AWAY, SAFE } from './login-house.ts';
import { ProgramHouse } from './program-house.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 90_000 });

describePostgres('a gateway and a worker on one database', () => {
  let postgres: PrivatePostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.remove());

  test('log an account in together, and the database sees nothing of it', async () => {
    const house = await ProgramHouse.open(onTestFinished);
    const { url } = await postgres.createDatabase();
    const shared = { ...house.env, DATABASE_URL: url };
    const worker = new Program(
      ['start'],
      { ...shared, VIGILIA_ROLE: 'worker', OPS_PORT: String(await freePort()), VIGILIA_DATA_DIR: 'worker-data' },
      house.folder,
    );
    house.programs.push(worker);
    await worker.logged(({ msg }) => msg === 'a person has to log in');
    const gateway = new Program(['start'], { ...shared, VIGILIA_ROLE: 'gateway' }, house.folder);
    house.programs.push(gateway);
    await house.is(gateway, 'reauth-required');

    // All that is ever in the tables, as whoever reads the database may see it: no row is lost to a look that came too late.
    const watcher = new pg.Client({ connectionString: url });
    await watcher.connect();
    onTestFinished(() => watcher.end());
    await watcher.query(`
      CREATE TABLE seen (row text);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (NEW::text); RETURN NEW; END $$;
      CREATE TRIGGER seen_errands AFTER INSERT OR UPDATE ON login_errands FOR EACH ROW EXECUTE FUNCTION note();
      CREATE TRIGGER seen_outbox AFTER INSERT OR UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION note();
      CREATE TRIGGER seen_leases AFTER INSERT OR UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION note();`);

    const begun = await house.login(gateway, 'POST', '', { method: 'code', phone: SAFE.phone });
    expect(begun, gateway.tail()).toMatchObject({ status: 200, body: { state: 'awaiting-code', phone: '+55…2345' } });
    expect(await house.login(gateway, 'POST', '/code', { code: '98769187' })).toMatchObject({
      body: { state: 'awaiting-code', error: { code: 'LOGIN_CODE_INVALID' } },
    });
    expect(await house.login(gateway, 'POST', '/code', { code: SAFE.code })).toMatchObject({
      body: { state: 'awaiting-password', passwordHint: SAFE.hint },
    });
    expect(await house.login(gateway, 'POST', '/code', { code: SAFE.code })).toMatchObject({
      status: 409,
      body: { error: { code: 'LOGIN_WRONG_STEP' } },
    });
    expect(await house.login(gateway, 'POST', '/password', { password: SAFE.password })).toMatchObject({
      status: 200,
      body: { state: 'done' },
    });
    await house.is(gateway, 'authenticated');

    const { rows } = await watcher.query<{ row: string }>('SELECT row FROM seen');
    const seen = rows.map(({ row }) => row).join('\n');
    expect(rows.length).toBeGreaterThan(10);
    const written = [gateway, worker].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    for (const secret of [SAFE.phone, SAFE.code, '98769187', SAFE.password, SAFE.hint, 'giveCode']) {
      if (secret.length > 4) expect(written.includes(secret) && secret !== 'giveCode', secret).toBe(false);
      expect(seen.includes(secret), `${secret} was in the database`).toBe(false);
    }
    expect((await watcher.query('SELECT * FROM login_errands')).rows).toEqual([]);

    // The command beside the worker finds the gateway by HTTP_PORT, or says what to name.
    const beside = { DATABASE_URL: url, VIGILIA_ROLE: 'worker', VIGILIA_DATA_DIR: 'worker-data' };
    const made = await house.run(['login', '--account', 'second', '--phone', AWAY.phone], {
      input: `${AWAY.code}\n`,
      env: beside,
    });
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect(made.stdout).toContain(`through the gateway at ${gateway.url}`);
    expect(made.stdout).toContain('there was no account second: it is made');
    await house.is(gateway, 'authenticated', 'second');
    const lost = await house.run(['login', '--qr'], { env: { ...beside, HTTP_PORT: String(await freePort()) } });
    expect(lost).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/none answers at .*--url \[LOGIN_ELSEWHERE\]/) });

    // Without the worker, the gateway says so.
    await worker.stop();
    const refused = await house.login(gateway, 'POST', '', { method: 'qr' });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'LOGIN_ELSEWHERE' } } });
    expect(await house.login(gateway, 'POST', '', { method: 'qr' }, 'absent')).toMatchObject({ status: 404 });
  });
});
