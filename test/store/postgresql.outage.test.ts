import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { CHANNEL_ID, channel, claiming, history, newJob, step } from './fixtures.ts';
import { storeOn, WORLD } from './store-harness.ts';

const UNAVAILABLE = { code: 'STORE_UNAVAILABLE', fault: 'transient', retryAfterMs: 1000 };

/** Far above the deadlines under test (0.5 s), far below the suite's own. */
const IN_TIME_MS = 5000;

describePostgres('store when PostgreSQL fails', () => {
  let server: PrivatePostgres;
  const open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
  afterAll(() => server?.remove());

  function impatient(url: string): SqlDriver {
    const driver = openPgDriver(
      { url, connectMs: 500, statementMs: 500, connections: 3 },
      { clock: systemClock, log: silentLog },
    );
    open.push(driver);
    return driver;
  }

  async function prepared(): Promise<{ store: Store; driver: SqlDriver }> {
    const made = storeOn(impatient((await server.createDatabase()).url));
    await made.store.prepare(WORLD);
    return made;
  }

  async function expectUnavailable(call: Promise<unknown>): Promise<void> {
    const start = performance.now();
    await expect(call).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - start).toBeLessThan(IN_TIME_MS);
  }

  test('a server that is down is a state: opening succeeds, calls say so, and work once it is up', async () => {
    const { url } = await server.createDatabase();
    await server.stop();
    const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
    open.push(store);
    await expectUnavailable(store.prepare(WORLD));
    await expectUnavailable(store.ping());
    await expectUnavailable(store.insertJob(newJob()));
    await expectUnavailable(store.transaction(async () => {}));
    await server.start();
    await store.prepare(WORLD);
    expect((await store.insertJob(newJob())).status).toBe('queued');
  });

  test.each(['fast', 'immediate'] as const)(
    'connections that a server takes with it (%s stop) are replaced when it is back',
    async (mode) => {
      const { store } = await prepared();
      await Promise.all(Array.from({ length: 5 }, () => store.ping()));
      await store.insertJob(newJob());
      await server.stop(mode);
      await expectUnavailable(store.ping());
      await server.start();
      await expect
        .poll(
          () =>
            store.ping().then(
              () => 'up',
              () => 'down',
            ),
          { timeout: IN_TIME_MS },
        )
        .toBe('up');
      expect((await store.findJob('sync-1'))?.status).toBe('queued');
    },
  );

  test('a transaction that loses its server in the middle rejects, and leaves nothing', async () => {
    const { store } = await prepared();
    await store.insertJob(newJob());
    const work = store.stepJob('sync-1', claiming(1), async (tx) => {
      await tx.upsertChannels([channel()]);
      await server.stop('immediate');
      await tx.upsertMessages(0, history(10));
    });
    await expectUnavailable(work);
    await server.start();
    expect(await store.findJob('sync-1')).toMatchObject({ status: 'queued', version: 0 });
    expect(await store.listChannels(5)).toEqual([]);
  });

  test('a connection that ends between two statements of a transaction ends that transaction and not the process', async () => {
    const { store, driver } = await prepared();
    const work = store.transaction(async (tx) => {
      await tx.upsertChannels([channel()]);
      await server.admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vigilia' AND state LIKE 'idle in%'`,
      );
      await tx.upsertMessages(0, history(1));
    });
    await expectUnavailable(work);
    expect(await store.countMessages(CHANNEL_ID)).toBe(0);
    expect(await driver.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('a server that hangs is unavailable at the deadline, on open connections and for new ones, and used again when it answers', async () => {
    const { store } = await prepared();
    await store.insertJob(newJob());
    await store.ping();
    await server.freeze();
    try {
      await Promise.all([1, 2, 3, 4, 5].map(() => expectUnavailable(store.ping())));
      await expectUnavailable(store.stepJob('sync-1', claiming(1)));
    } finally {
      await server.thaw();
    }
    await expect
      .poll(
        () =>
          store.ping().then(
            () => 'up',
            () => 'down',
          ),
        { timeout: IN_TIME_MS },
      )
      .toBe('up');
    expect((await store.stepJob('sync-1', () => step({ reason: 'again' })))?.version).toBe(1);
  });

  test('closing ends at the deadline when the server hangs', async () => {
    const { store } = await prepared();
    await store.ping();
    await server.freeze();
    try {
      const start = performance.now();
      await store.close();
      expect(performance.now() - start).toBeLessThan(IN_TIME_MS);
    } finally {
      await server.thaw();
    }
    await expectUnavailable(store.ping());
  });

  test('a statement that waits for a lock gives up at the deadline, and does not hold what it had', async () => {
    const { store } = await prepared();
    await store.insertJob(newJob());
    await store.insertJob(newJob({ id: 'sync-2' }));
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let locked: () => void = () => {};
    const holding = new Promise<void>((resolve) => {
      locked = resolve;
    });
    const holder = store.stepJob(
      'sync-1',
      () => step({}),
      async () => {
        locked();
        await released;
      },
    );
    await holding;
    await expectUnavailable(store.stepJob('sync-1', () => step({})));
    release();
    await holder;
    expect((await store.stepJob('sync-1', () => step({})))?.version).toBe(2);
  });

  test('more callers than connections wait their turn, and are unavailable when it does not come', async () => {
    const { store } = await prepared();
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holders = [1, 2, 3].map(() => store.transaction(() => released));
    await expectUnavailable(store.ping());
    release();
    await Promise.all(holders);
    expect(await store.ping()).toBeGreaterThan(0);
  });

  test('something else that listens where the server should be is unavailable too', async () => {
    const sockets = new Set<Socket>();
    const silent: Server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    await expectUnavailable(storeOn(impatient(`postgresql://x:y@127.0.0.1:${port}/z`)).store.ping());
    for (const socket of sockets) socket.destroy();
    silent.close();
    await once(silent, 'close');
    await expectUnavailable(storeOn(impatient(`postgresql://x:y@127.0.0.1:${port}/z`)).store.ping());
    await expectUnavailable(storeOn(impatient('postgresql://x:y@no-such-host.invalid/z')).store.ping());
  });

  test('a wrong password and a missing database are refusals, not outages', async () => {
    const { url } = await server.createDatabase();
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(storeOn(impatient(wrong.href)).store.ping()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await expect(storeOn(impatient(`${url}_missing`)).store.ping()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});
