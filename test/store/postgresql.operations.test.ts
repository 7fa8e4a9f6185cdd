import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchStatement } from '../../src/actors/store/message-search.ts';
import { readMigrations, SQL_FOLDER } from '../../src/actors/store/migrations.ts';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { systemClock } from '../../src/clock.ts';
import { type Log, silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { describePgbouncer, type PrivatePgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { CHANNEL_ID, channel, claiming, history, message, newJob } from './fixtures.ts';
import { storeOn, WORLD } from './store-harness.ts';

const OPS = new URL('../../ops/postgresql/', import.meta.url);
const PASSWORDS = { owner: 'owner-1', service: 'service-2', report: 'report-3', pgbouncer: 'pgbouncer-4' };

/** Far above the deadline under test, far below the suite's own. */
const DEADLINE_MS = 400;
const IN_TIME_MS = 5000;

describePostgres('PostgreSQL in operation', () => {
  let server: PrivatePostgres;
  const open: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
  afterAll(() => server?.remove());

  function driverAt(url: string, statementMs?: number): SqlDriver {
    const driver = openPgDriver(
      { url, connections: 3, ...(statementMs !== undefined && { statementMs }) },
      { clock: systemClock, log: silentLog },
    );
    open.push(driver);
    return driver;
  }

  /** A session of its own, past the store. */
  async function client(url: string): Promise<pg.Client> {
    const made = new pg.Client({ connectionString: url });
    made.on('error', () => {});
    await made.connect();
    open.push({ close: () => made.end() });
    return made;
  }

  async function psql(url: string, file: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const set = Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
    const path = fileURLToPath(new URL(file, OPS));
    return (await promisify(execFile)('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...set, '-f', path, url])).stdout;
  }

  test('whoever looks at a process that leaves at that moment finds that it is gone, and no error', async () => {
    const { url } = await server.createDatabase();
    const driver = driverAt(url);
    const { store } = storeOn(driver);
    await store.prepare(WORLD);
    const figures = { lag: { p50Ms: 0, p99Ms: 0, maxMs: 0 }, busy: 0, memory: { rssBytes: 1, heapUsedBytes: 1 } };
    await store.beatProcess({ id: 'a', role: 'worker', host: 'b', pid: 1, version: '1', upMs: 1, figures }, true);
    const leaving = await driver.begin();
    await leaving.query(`DELETE FROM processes WHERE id = 'a'`);
    const looking = store.lookAt('a', '', 0, 8_000);
    const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await driver.query(waits)).length === 0);
    await leaving.commit();
    await looking;
    expect(await store.lookAt('a', '', 0, 8_000)).toBeUndefined();
  });

  async function grantRoles(url: string): Promise<void> {
    await psql(
      url,
      'roles.sql',
      Object.fromEntries(Object.entries(PASSWORDS).map(([role, password]) => [`${role}_password`, password])),
    );
  }

  /** The same address as somebody else. */
  function as(url: string, user: string, password: string): string {
    const address = new URL(url);
    address.username = user;
    address.password = password;
    return address.href;
  }

  function givesUp(way: () => (url: string) => string): void {
    test('a statement that is stuck comes back as an outage within its deadline, is ended at the server too, and the pool goes on', async () => {
      const { url } = await server.createDatabase();
      await storeOn(driverAt(url)).store.prepare(WORLD);
      // As roles.sql does it for the service: what waited in a pooler's queue when it was cancelled is noticed by this.
      await server.admin(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET client_connection_check_interval = '500ms'`);
      const { store } = storeOn(driverAt(way()(url), DEADLINE_MS));
      await store.transaction((tx) => tx.upsertChannels([channel()]));
      const holder = await client(url);
      await holder.query('BEGIN; LOCK TABLE messages, channels IN ACCESS EXCLUSIVE MODE');
      const start = performance.now();
      const unavailable = { code: 'STORE_UNAVAILABLE', fault: 'transient', retryAfterMs: 1000 };
      // More than there are connections: each is given up in turn.
      const stuck = [
        ...[1, 2, 3].map(() => store.readMessages({ chatId: CHANNEL_ID, limit: 1 })),
        store.transaction((tx) => tx.upsertMessages(0, history(1))),
        store.findChannel({ kind: 'id', chatId: CHANNEL_ID }),
      ];
      for (const end of await Promise.allSettled(stuck)) expect(end).toMatchObject({ status: 'rejected', reason: unavailable });
      expect(performance.now() - start).toBeLessThan(IN_TIME_MS);
      // The lock is still held, and nobody waits for it.
      const waiting = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      await expect.poll(async () => (await holder.query(waiting)).rows[0].waiting).toBe(0);
      expect(await store.findJob('none')).toBeUndefined();
      await holder.query('ROLLBACK');
      expect(await store.countMessages(CHANNEL_ID)).toBe(0);
    });
  }

  describe('directly', () => givesUp(() => (url) => url));

  describePgbouncer('behind PgBouncer', () => {
    let pooler: PrivatePgbouncer;
    beforeAll(async () => {
      // Fewer connections than the store has: one that were lost would be missed.
      pooler = await startPgbouncer(server, server.superuser, { default_pool_size: 2, max_db_connections: 2 });
    });
    afterAll(() => pooler?.remove());

    givesUp(() => pooler.pooled);

    test('a schema that is brought up to date through it is told of, with what to do; directly, and later, it is not', async () => {
      const { url } = await server.createDatabase();
      const warnings: unknown[] = [];
      const log: Log = { ...silentLog, warn: (_: unknown, message?: string) => warnings.push(message) };
      const through = (way: string): Store => createSqlStore({ driver: driverAt(way), clock: systemClock, log });
      await through(pooler.pooled(url)).prepare(WORLD);
      expect(warnings).toEqual([expect.stringContaining('set DATABASE_DIRECT_URL')]);
      await through(pooler.pooled(url)).prepare(WORLD);
      await through((await server.createDatabase()).url).prepare(WORLD);
      expect(warnings).toHaveLength(1);
    });

    test('the service works through it as the role it is meant to be, known by the function that the pooler asks', async () => {
      const { url } = await server.createDatabase();
      await grantRoles(url);
      const asking = await startPgbouncer(
        server,
        { user: 'pgbouncer', password: PASSWORDS.pgbouncer },
        { auth_user: 'pgbouncer', auth_query: 'SELECT name, secret FROM pgbouncer.secret_of($1)' },
      );
      open.push({ close: asking.remove });
      const owner = as(url, 'telegram_owner', PASSWORDS.owner);
      const service = asking.pooled(as(url, 'telegram', PASSWORDS.service));
      const store = createSqlStore({
        driver: driverAt(service),
        leaseDriver: driverAt(service),
        openMigrationDriver: () => driverAt(owner),
        clock: systemClock,
        log: silentLog,
      });
      await store.prepare(WORLD);
      await store.ensureAccount('main');
      await store.insertJob(newJob());
      const { granted } = await store.takeLease('main', 'here', true);
      expect(granted).toBe(true);
      await store.stepJob('sync-1', claiming(1), async (tx) => {
        await tx.upsertChannels([channel()]);
        await tx.upsertMessages(0, history(3));
        await tx.appendOutbox([{ topic: 'job.completed', payload: {} }]);
      });
      expect(await store.takeSequencer('here', 60_000)).toBe(1);
      expect(await store.placeEvents('here', 1, 10, 60_000)).toBe(1);
      expect(await store.prune(Date.now() + 9e9, 100)).toBe(1);
      expect(await store.pruneMessages(4e12, 100)).toBe(3);
      await expect(client(asking.pooled(as(url, 'telegram_owner', PASSWORDS.owner)))).rejects.toThrow();
    });
  });

  test('each role may do what it is for, within its time, and nothing else; granting again changes nothing', async () => {
    const { url } = await server.createDatabase();
    await grantRoles(url);
    await storeOn(driverAt(as(url, 'telegram_owner', PASSWORDS.owner))).store.prepare(WORLD);
    await grantRoles(url);
    const service = await client(as(url, 'telegram', PASSWORDS.service));
    const report = await client(as(url, 'telegram_report', PASSWORDS.report));
    const denied = { code: '42501' };
    await service.query(`INSERT INTO accounts (id) VALUES ('main')`);
    await expect(service.query('CREATE TABLE mine (id int)')).rejects.toMatchObject(denied);
    await expect(service.query('DROP TABLE jobs')).rejects.toMatchObject(denied);
    await expect(service.query('TRUNCATE jobs')).rejects.toMatchObject(denied);
    await expect(service.query(`SELECT pgbouncer.secret_of('telegram')`)).rejects.toMatchObject(denied);
    for (const view of ['jobs', 'queue', 'dead_letters', 'channels', 'stream', 'leases', 'tables']) {
      await report.query(`SELECT * FROM monitor_${view}`);
    }
    await report.query('SELECT * FROM message_hours, message_days, messages, channels');
    for (const secret of ['sessions', 'entities', 'login_errands', 'login_desks', 'request_keys', 'acts']) {
      await expect(report.query(`SELECT * FROM ${secret}`)).rejects.toMatchObject(denied);
    }
    await expect(report.query(`UPDATE channels SET title = ''`)).rejects.toMatchObject({ code: '25006' });
    const limits = `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`;
    expect((await service.query(limits)).rows).toEqual([{ statement: '90s', idle: '1min' }]);
    expect((await report.query(limits)).rows).toEqual([{ statement: '1min', idle: '1min' }]);
  });

  test('the views for those who watch say what is there', async () => {
    const { url } = await server.createDatabase();
    const { store, driver } = storeOn(driverAt(url));
    await store.prepare(WORLD);
    await store.ensureAccount('main');
    await store.insertJob(newJob({ createdAt: Date.now() - 60_000 }));
    await store.transaction(async (tx) => {
      await tx.upsertChannels([channel()]);
      await tx.upsertMessages(0, history(70));
      await tx.appendOutbox([{ topic: 'job.completed', payload: {} }]);
    });
    await store.takeLease('main', 'here', true);
    const view = async (name: string, columns: string) => await driver.query(`SELECT ${columns} FROM monitor_${name}`);
    expect(await view('jobs', 'status, account_id, jobs')).toEqual([{ status: 'queued', account_id: 'main', jobs: 1 }]);
    expect(await view('queue', `account_id, due, lag BETWEEN interval '59 s' AND interval '5 min' AS late`)).toEqual([
      { account_id: 'main', due: 1, late: true },
    ]);
    expect(await view('channels', 'username, messages, complete')).toEqual([
      { username: 'habr_com', messages: 70, complete: false },
    ]);
    expect(await view('stream', 'head, waiting, unpublished')).toEqual([{ head: 0, waiting: 1, unpublished: null }]);
    expect(await view('leases', 'account_id, owner, held')).toEqual([{ account_id: 'main', owner: 'here', held: true }]);
    expect(await view('dead_letters', '*')).toEqual([]);
    expect((await view('tables', 'table_name')).length).toBeGreaterThan(15);
    expect(await driver.query('SELECT sum(messages)::int8 AS messages FROM message_days')).toEqual([{ messages: 70 }]);
  });

  test('a search finds the same with its index as without, whatever is looked for', async () => {
    const { url } = await server.createDatabase();
    const { store, driver } = storeOn(driverAt(url));
    await store.prepare(WORLD);
    const texts = ['Olá, mundo', 'OLÁ', '100 % \\ _ of it', 'новости Москвы', 'НОВОСТИ', 'a\0b', '\ud800', 'ab', ''];
    await store.transaction((tx) =>
      tx.upsertMessages(
        0,
        texts.map((text, at) => message({ id: at + 1, text })),
      ),
    );
    const parts = ['olá', 'O', '%', '_', '\\', '% \\ _', 'москв', 'новости', '\0', '\ud800', 'ab', 'nothing', ' '];
    const search = (by: Store) =>
      Promise.all(
        parts.map(async (part) => (await by.readMessages({ chatId: CHANNEL_ID, limit: 99, search: part })).map(({ id }) => id)),
      );
    const without = await search(store);
    expect(without[3]).toEqual([3]);
    await psql(url, 'text-search.sql');
    // Whatever else so few rows would be read by.
    await driver.script('DROP INDEX messages_newest; ALTER TABLE messages DROP CONSTRAINT messages_pkey');
    await server.admin(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET enable_seqscan = off`);
    const indexed = storeOn(driverAt(url));
    const plan = await indexed.driver.query(
      `EXPLAIN SELECT id FROM messages WHERE deleted_at IS NULL AND text ILIKE '%nothing%'`,
    );
    expect(JSON.stringify(plan)).toContain('messages_text');
    const everywhere = searchStatement({ text: 'nothing', limit: 5, accountId: 'main', before: { date: 1, chatId: -1, id: 1 } });
    expect(JSON.stringify(await indexed.driver.query(`EXPLAIN ${everywhere.text}`, everywhere.values))).toContain(
      'messages_text',
    );
    expect(await search(indexed.store)).toEqual(without);
  });

  test('after a restore the stream goes on where nobody has been, what was not published is not lost, and old claims are', async () => {
    const { url } = await server.createDatabase();
    const { store, driver } = storeOn(driverAt(url));
    await store.prepare(WORLD);
    await store.ensureAccount('main');
    const token = (await store.takeLease('main', 'here', true)) as { token: number };
    const held = { owner: 'here', token: (await store.takeSequencer('here', 60_000)) ?? 0 };
    const tell = (n: number) => store.transaction((tx) => tx.appendOutbox([{ topic: 'job.completed', payload: { n } }]));
    for (const n of [1, 2, 3]) await tell(n);
    await store.placeEvents('here', held.token, 10, 60_000);
    await store.readUnpublished(held, 1);
    await driver.query('UPDATE publishing SET position = 2');
    await tell(4);
    await store.insertJob(newJob());
    await store.stepJob('sync-1', claiming(token.token));
    const said = await psql(url, 'after-restore.sql', { position_step: '1000' });
    expect(said).toContain('1003');
    const next = (await store.takeSequencer('there', 60_000)) ?? 0;
    expect(next).toBeGreaterThan(1_000_000);
    await store.placeEvents('there', next, 10, 60_000);
    const page = await store.readEvents(3, 10);
    expect(page).toMatchObject({ head: 1005, oldest: 1004 });
    expect(page.events.map(({ position, payload }) => [position, payload])).toEqual([
      [1004, { n: 3 }],
      [1005, { n: 4 }],
    ]);
    expect(await store.readUnpublished({ owner: 'there', token: next }, 10)).toMatchObject({ position: 1003 });
    expect(await store.findLost(['main'])).toEqual(['sync-1']);
    expect(await store.takeLease('main', 'there', true)).toMatchObject({ granted: true });
  });

  describe('with TimescaleDB', () => {
    /** The lock that stands before the chunks, so that a test may come in between. */
    const ABOUT_TO_DROP = 4711;
    /** Functions of its names that tell that they were called; a catalogue's row instead of the extension. What only its own code takes is left out. */
    const STANDS_IN = `
      CREATE TABLE calls (id int GENERATED ALWAYS AS IDENTITY, call text);
      CREATE FUNCTION told(call text) RETURNS int LANGUAGE sql AS $$ INSERT INTO calls (call) VALUES (call) RETURNING id $$;
      CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval, create_default_indexes boolean, migrate_data boolean)
        RETURNS int LANGUAGE sql AS $$ SELECT told(concat_ws(' ', 'hypertable', relation, time_column_name, chunk_time_interval)) $$;
      CREATE FUNCTION time_bucket(bucket interval, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT date_bin(bucket, at, '2000-01-01Z') $$;
      CREATE FUNCTION add_continuous_aggregate_policy(aggregate regclass, start_offset interval, end_offset interval, schedule_interval interval)
        RETURNS int LANGUAGE sql AS $$ SELECT told(concat_ws(' ', 'refresh', aggregate, end_offset, schedule_interval)) $$;
      CREATE FUNCTION add_compression_policy(relation regclass, compress_after interval)
        RETURNS int LANGUAGE sql AS $$ SELECT told(concat_ws(' ', 'compress', relation, compress_after)) $$;
      CREATE FUNCTION show_chunks(relation regclass, older_than timestamptz)
        RETURNS SETOF regclass LANGUAGE plpgsql AS $$ BEGIN
          RETURN QUERY SELECT relation WHERE EXISTS (SELECT FROM messages WHERE date < older_than);
        END $$;
      CREATE FUNCTION drop_chunks(relation regclass, older_than timestamptz)
        RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
          PERFORM pg_advisory_xact_lock(${ABOUT_TO_DROP});
          LOCK TABLE messages IN ACCESS EXCLUSIVE MODE;
          RETURN QUERY SELECT told(concat_ws(' ', 'drop', relation))::text;
        END $$;
      INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        SELECT 99999, 'timescaledb', 10, 'public'::regnamespace, false, `;

    async function migrated(version: string, license: string): Promise<{ readonly driver: SqlDriver; readonly url: string }> {
      const { url } = await server.createDatabase();
      const admin = await client(url);
      await admin.query(`${STANDS_IN}'${version}'`);
      await admin.query(`SET timescaledb.license = '${license}'`);
      for (const { sql } of await readMigrations(SQL_FOLDER)) {
        await admin.query(
          sql
            .replace(/ WITH \(timescaledb\.continuous, timescaledb\.materialized_only = false\)/, '')
            .replace(/SET \(timescaledb\.[^)]*\)/, 'SET (autovacuum_enabled = true)'),
        );
      }
      return { driver: driverAt(url), url };
    }

    test('the same files make a hypertable, an aggregate and policies, in that order (its functions stood in for)', async () => {
      const { driver } = await migrated('2.17.2', 'timescale');
      expect((await driver.query('SELECT call FROM calls ORDER BY id')).map(({ call }) => call)).toEqual([
        'hypertable messages date 7 days',
        'refresh message_hours 01:00:00 00:15:00',
        'compress messages 90 days',
      ]);
      const { store } = storeOn(driver);
      await store.transaction((tx) => tx.upsertChannels([channel()]).then(() => tx.upsertMessages(0, [message()])));
      await driver.script('REFRESH MATERIALIZED VIEW message_hours');
      expect(await store.messagesPerHour({ chatId: CHANNEL_ID, from: 0, to: 4e12 })).toEqual([
        { hour: 1_699_999_200_000, messages: 1 },
      ]);
      expect(await store.pruneMessages(0, 100)).toBe(0);
      expect(await driver.query('SELECT call FROM calls ORDER BY id DESC LIMIT 1')).not.toEqual([{ call: 'drop messages' }]);
      expect(await store.pruneMessages(4e12, 100)).toBe(1);
      expect(await driver.query('SELECT call FROM calls ORDER BY id DESC LIMIT 1')).toEqual([{ call: 'drop messages' }]);
    });

    describe('old chunks', () => {
      let store: Store;
      let url: string;
      /** A session past the store, since within its transactions nothing else of it may be asked. */
      let watcher: pg.Client;
      beforeEach(async () => {
        const { driver, url: own } = await migrated('2.17.2', 'timescale');
        url = own;
        watcher = await client(url);
        ({ store } = storeOn(driver));
        await store.transaction((tx) => tx.upsertChannels([channel()]).then(() => tx.upsertMessages(0, history(3))));
      });
      /** Waits until so many wait for a lock. */
      const waiters = (count: number): Promise<unknown> =>
        expect
          .poll(async () => (await watcher.query('SELECT count(DISTINCT pid)::int AS pids FROM pg_locks WHERE NOT granted')).rows)
          .toEqual([{ pids: count }]);
      const patient = (): Promise<unknown> =>
        watcher.query(`ALTER FUNCTION delete_old_messages(timestamptz, bigint) SET lock_timeout = '10s'`);

      test('go once those are done who hold a channel and are about to write its messages', async () => {
        await patient();
        const pruner = await client(url);
        let pruned: Promise<pg.QueryResult> | undefined;
        await store.transaction(async (tx) => {
          await tx.upsertChannels([channel({ title: 'held' })]);
          pruned = pruner.query(`SELECT delete_old_messages('2100-01-01', 100)::int AS dropped`);
          pruned.catch(() => {});
          await waiters(1);
          await tx.deleteMessages(0, CHANNEL_ID, [1], 0);
        });
        expect((await pruned)?.rows).toEqual([{ dropped: 1 }]);
      });

      test('go before those who come meanwhile, who then write', async () => {
        await patient();
        const gate = await client(url);
        const before = (await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision ?? 0;
        await gate.query(`SELECT pg_advisory_lock(${ABOUT_TO_DROP})`);
        const asked = store.pruneMessages(4e12, 100);
        await waiters(1);
        const deleted = store.transaction((tx) => tx.deleteMessages(0, CHANNEL_ID, [1], 0));
        await waiters(2);
        await gate.query(`SELECT pg_advisory_unlock(${ABOUT_TO_DROP})`);
        expect(await Promise.all([asked, deleted])).toEqual([1, [1]]);
        expect((await store.findChannel({ kind: 'id', chatId: CHANNEL_ID }))?.revision).toBe(before + 2);
      });

      test('stay where somebody works with them for long: nobody waits behind whoever drops them', async () => {
        const reader = await client(url);
        await reader.query('BEGIN; SELECT count(*) FROM messages');
        await expect(store.pruneMessages(4e12, 100)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await reader.query('COMMIT');
        expect(await store.pruneMessages(4e12, 100)).toBe(1);
      });
    });

    test.each([
      ['that is too old', '2.10.3', 'timescale'],
      ['of the Apache edition', '2.17.2', 'apache'],
    ])('one %s is left alone, and tables are plain', async (_, version, license) => {
      const { driver } = await migrated(version, license);
      expect(await driver.query('SELECT call FROM calls')).toEqual([]);
      expect(await driver.query(`SELECT relkind::text AS kind FROM pg_class WHERE relname = 'message_hours'`)).toEqual([
        { kind: 'r' },
      ]);
    });

    test('its files say what only it understands as its manual does', async () => {
      const text = await readFile(new URL('015_message_hours.sql', SQL_FOLDER), 'utf8');
      expect(text).toContain('WITH (timescaledb.continuous, timescaledb.materialized_only = false)');
      expect(text).toContain(`SET (timescaledb.compress, timescaledb.compress_segmentby = 'scope, chat_id'`);
    });
  });
});
