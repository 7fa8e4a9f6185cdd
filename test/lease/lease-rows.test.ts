import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { takeLease } from '../../src/actors/store/lease-rows.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { DEAD_SOCKET_MS, LEASE_MS } from '../../src/machines/lease-rule.ts';
import type { AccountHealth } from '../../src/ports.ts';
import { pgliteHarness, postgresHarness, type StoreHarness, type TestStore } from '../store/store-harness.ts';
import { describePostgres } from '../support/postgres.ts';

const HEALTH: AccountHealth = {
  id: 'main',
  state: 'authenticated',
  since: 1_714_979_289_123,
  lastPongAgeMs: 12,
  lastRpcAgeMs: null,
  lastUpdateAgeMs: 7,
  gaps: 0,
};

/** Asks until a session waits for another one's lock. */
async function untilOneWaits(driver: SqlDriver): Promise<void> {
  const text = `SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await driver.query(text))[0]?.waiting === 0) await setImmediate();
}

function leases(start: () => Promise<StoreHarness>): void {
  let harness: StoreHarness;
  beforeAll(async () => {
    harness = await start();
  });
  afterEach(() => harness.end());
  afterAll(() => harness.close());

  async function withAccounts(...ids: string[]): Promise<TestStore> {
    const test = await harness.fresh();
    for (const id of ids) await test.store.ensureAccount(id);
    return test;
  }

  /** Lets a lease be older than it is. */
  const age = ({ driver }: TestStore, ms: number) =>
    driver.script(
      `UPDATE leases SET expires_at = expires_at - interval '${ms} milliseconds', evidence_at = evidence_at - interval '${ms} milliseconds'`,
    );

  test('one owner has it; its own installation takes it back with a higher token, another waits for the dead socket', async () => {
    const test = await withAccounts('main');
    const { store } = test;
    expect(await store.takeLease('main', 'a', false)).toEqual({ granted: true, token: 1 });
    const refused = await store.takeLease('main', 'b', false);
    if (refused.granted) throw new Error('two have it');
    expect(refused.owner).toBe('a');
    expect(refused.freeInMs).toBeGreaterThan(LEASE_MS + DEAD_SOCKET_MS - 5_000);
    expect(refused.freeInMs).toBeLessThanOrEqual(LEASE_MS + DEAD_SOCKET_MS);
    expect(await store.takeLease('main', 'a', false)).toEqual({ granted: true, token: 2 });
    await age(test, LEASE_MS + DEAD_SOCKET_MS - 3_000);
    expect(await store.takeLease('main', 'b', false)).toMatchObject({ granted: false });
    await age(test, 3_000);
    expect(await store.takeLease('main', 'b', false)).toEqual({ granted: true, token: 3 });
    await expect(store.takeLease('nobody', 'a', false)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
  });

  test('of many who ask at once one gets it', async () => {
    const { store } = await withAccounts('main');
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => store.takeLease('main', `worker ${index}`, false)));
    expect(answers.filter(({ granted }) => granted)).toEqual([{ granted: true, token: 1 }]);
  });

  test('is renewed under its token only, with evidence whose age is the database’s', async () => {
    const test = await withAccounts('main', 'second', 'third');
    const { store } = test;
    await store.takeLease('main', 'a', false);
    await store.takeLease('second', 'b', false);
    await age(test, 20_000);
    const renewal = { accountId: 'main', token: 1, evidence: { ...HEALTH, reason: 'a NUL \u0000 in it' } };
    const foreign = { accountId: 'second', token: 1, evidence: HEALTH };
    expect(await store.renewLeases('a', [renewal, foreign, { ...renewal, accountId: 'third' }], ['main'])).toEqual(['main']);
    expect(await store.renewLeases('a', [{ ...renewal, token: 2 }], [])).toEqual([]);
    await age(test, 4_000);
    const [main, second, third] = await store.leases();
    expect(main).toMatchObject({ accountId: 'main', owner: 'a', token: 1, home: 'a', evidence: renewal.evidence });
    expect(main?.evidenceAgeMs).toBeGreaterThanOrEqual(4_000);
    expect(main?.evidenceAgeMs).toBeLessThan(9_000);
    expect(main?.expiresInMs).toBeGreaterThan(LEASE_MS - 9_000);
    expect(second).toMatchObject({ owner: 'b', evidence: null, evidenceAgeMs: null, home: null });
    expect(second?.expiresInMs).toBeLessThan(0);
    expect(third).toEqual({
      accountId: 'third',
      removed: false,
      owner: null,
      token: 0,
      expiresInMs: null,
      home: null,
      evidence: null,
      evidenceAgeMs: null,
      userId: null,
    });
  });

  test('that is given back is free at once; a word that comes late ends nothing that was taken since', async () => {
    const { store } = await withAccounts('main');
    await store.takeLease('main', 'a', true);
    await store.releaseLease('main', 'b', 1);
    expect((await store.leases())[0]).toMatchObject({ owner: 'a' });
    await store.takeLease('main', 'a', false);
    await store.releaseLease('main', 'a', 1);
    expect((await store.leases())[0]).toMatchObject({ owner: 'a', token: 2, home: 'a' });
    await store.releaseLease('main', 'a', 2);
    expect((await store.leases())[0]).toMatchObject({ owner: null, expiresInMs: null, evidence: null });
    expect(await store.takeLease('main', 'b', false)).toEqual({ granted: true, token: 3 });
  });

  test('is what raises the fencing token: a former owner can neither raise it nor save a session', async () => {
    const test = await withAccounts('main');
    const { store } = test;
    await store.takeLease('main', 'a', false);
    expect(await store.raiseToken('main', 'a', 1)).toBe(2);
    expect(await store.raiseToken('main', 'a', 1)).toBe(3);
    // What counts is the lease's: his consumer has gone on since, and has nothing to do with sessions.
    expect(await store.addSession('main', { generation: 1, envelope: 'one' }, 1)).toBe(true);
    for (const token of [0, 2, 3, null]) {
      await expect(store.addSession('main', { generation: 2, envelope: 'x' }, token)).rejects.toMatchObject({
        code: 'SESSION_FENCED',
      });
    }
    await age(test, LEASE_MS + DEAD_SOCKET_MS);
    expect(await store.takeLease('main', 'b', false)).toEqual({ granted: true, token: 4 });
    await expect(store.raiseToken('main', 'a', 1)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(store.addSession('main', { generation: 2, envelope: 'two' }, 1)).rejects.toMatchObject({
      code: 'SESSION_FENCED',
    });
    expect(await store.raiseToken('main', 'b', 4)).toBe(5);
    expect(await store.addSession('main', { generation: 2, envelope: 'two' }, 4)).toBe(true);
  });

  test('a save that has to wait for whoever takes the lease is refused when he has it', async () => {
    const { store, driver } = await withAccounts('main');
    await store.takeLease('main', 'a', false);
    const taking = await driver.begin();
    await takeLease(taking, 'main', 'a', false);
    const refused = expect(store.addSession('main', { generation: 1, envelope: 'late' }, 1)).rejects.toMatchObject({
      code: 'SESSION_FENCED',
    });
    // Embedded, it waits for its turn, and there is nobody to ask in between.
    if (store.kind === 'postgresql') await untilOneWaits(driver);
    await taking.commit();
    await refused;
    expect(await store.addSession('main', { generation: 1, envelope: 'in time' }, 2)).toBe(true);
  });

  test('ends when somebody takes the account past it, and is given anew once the owner’s socket is gone', async () => {
    const test = await withAccounts('main');
    const { store } = test;
    await store.takeLease('main', 'a', false);
    expect(await store.takeAccount('main', 'vigilia session')).toBe(2);
    expect(await store.renewLeases('a', [{ accountId: 'main', token: 1, evidence: HEALTH }], [])).toEqual([]);
    await expect(store.addSession('main', { generation: 1, envelope: 'one' }, 1)).rejects.toMatchObject({
      code: 'SESSION_FENCED',
    });
    const refused = await store.takeLease('main', 'a', false);
    expect(refused).toMatchObject({ granted: false, owner: 'vigilia session' });
    await age(test, DEAD_SOCKET_MS);
    expect(await store.takeLease('main', 'a', false)).toEqual({ granted: true, token: 3 });
  });

  test('workers are counted while they say so', async () => {
    const { store, driver } = await withAccounts();
    expect(await store.checkInWorker('a', 15_000)).toBe(1);
    expect(await store.checkInWorker('b', 15_000)).toBe(2);
    expect(await store.checkInWorker('a', 15_000)).toBe(2);
    expect(await store.checkInWorker('a', 0)).toBe(1);
    await driver.script(`UPDATE workers SET expires_at = now() - interval '1 second'`);
    expect(await store.checkInWorker('a', 15_000)).toBe(1);
  });

  test('accounts that know a channel are found by its id and by its username in any case', async () => {
    const { store } = await withAccounts('main', 'second', 'third');
    const entity = { peerId: -1_000_000_000_005, accessHash: '1', username: 'Some_Channel' };
    await store.transaction(async (tx) => {
      await tx.upsertEntities('third', [entity]);
      await tx.upsertEntities('second', [entity]);
    });
    expect(await store.accountsKnowing({ kind: 'id', chatId: entity.peerId })).toEqual(['second', 'third']);
    expect(await store.accountsKnowing({ kind: 'username', username: 'some_channel' })).toEqual(['second', 'third']);
    expect(await store.accountsKnowing({ kind: 'username', username: 'some' })).toEqual([]);
  });
}

describe('leases on PGlite', () => leases(pgliteHarness));
describePostgres('leases on PostgreSQL', () => leases(postgresHarness));
