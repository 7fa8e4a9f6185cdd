import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LinkStatus } from '../../src/actors/link.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { gateStore } from '../../src/actors/store/store-gate.ts';
import { storeLinkSpec } from '../../src/actors/store/store-link.actor.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { newJob } from './fixtures.ts';
import { pgliteHarness, type StoreHarness, WORLD } from './store-harness.ts';

const NOT_READY = {
  code: 'STORE_UNAVAILABLE',
  message: expect.stringMatching(/^the database is not ready: /),
  retryAfterMs: 1000,
};

let harness: StoreHarness;
const systems: ActorSystem[] = [];
beforeAll(async () => {
  harness = await pgliteHarness();
}, 60_000);
afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.stop()));
});
afterAll(() => harness.close());

/** Calls every method but those that open and end the gate, and the one that asks the database nothing. @returns what each rejected with */
async function refusals(store: Store): Promise<Record<string, unknown>> {
  const { kind: _kind, prepare: _prepare, close: _close, waiting: _waiting, ...methods } = store;
  const calls = Object.entries(methods).filter(([name]) => name !== 'shut') as [
    string,
    (...args: unknown[]) => Promise<unknown>,
  ][];
  const called = calls.map(async ([name, method]) => {
    const args = name === 'transaction' ? [async () => 'ran'] : [];
    return [name, await method(...args).catch((thrown: unknown) => thrown)] as const;
  });
  return Object.fromEntries(await Promise.all(called));
}

describe('a store behind its gate', () => {
  test('lets no call through before it was prepared, and all of them after', async () => {
    const { store, driver } = await harness.blank();
    const gate = gateStore(store);
    const refused = await refusals(gate);
    expect(Object.keys(refused).sort()).toEqual(
      Object.keys(store)
        .filter((name) => !['kind', 'prepare', 'close', 'waiting'].includes(name))
        .sort(),
    );
    for (const [name, thrown] of Object.entries(refused)) expect(thrown, name).toMatchObject(NOT_READY);
    expect(await driver.query(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).toEqual([]);
    await gate.prepare(WORLD);
    expect(await gate.ping()).toBeGreaterThanOrEqual(0);
    expect(await gate.transaction(async () => 'ran')).toBe('ran');
    expect((await gate.insertJob(newJob())).status).toBe('queued');
    expect(await gate.findJob('sync-1')).toMatchObject({ status: 'queued' });
  });

  test('is shut again when it is told to, until it was prepared anew', async () => {
    const { store } = await harness.fresh();
    const gate = gateStore(store);
    await gate.prepare(WORLD);
    gate.shut('it does not answer');
    await expect(gate.ping()).rejects.toMatchObject({ ...NOT_READY, message: 'the database is not ready: it does not answer' });
    await gate.prepare(WORLD);
    await gate.ping();
  });

  test('stays shut on a database of another world, and nothing of it is read or changed', async () => {
    const { store, driver } = await harness.fresh();
    await store.insertJob(newJob());
    const gate = gateStore(store);
    await expect(gate.prepare({ kind: 'telegram', id: 'telegram' })).rejects.toMatchObject({ code: 'FOREIGN_DATABASE' });
    for (const [name, thrown] of Object.entries(await refusals(gate))) expect(thrown, name).toMatchObject(NOT_READY);
    await expect(gate.findJob('sync-1')).rejects.toThrow(/belongs to the simulated Telegram ab12/);
    expect(await driver.query('SELECT count(*) AS rows FROM accounts')).toEqual([{ rows: 0 }]);
  });

  test('is not opened by a preparation that was overtaken', async () => {
    const { store } = await harness.fresh();
    const preparing: Deferred<void>[] = [];
    const gate = gateStore({
      ...store,
      prepare: () => {
        const next = deferred();
        preparing.push(next);
        return next.promise;
      },
    });
    const first = gate.prepare(WORLD);
    gate.shut('it is down');
    preparing[0]?.resolve();
    await first;
    await expect(gate.ping()).rejects.toMatchObject({ message: 'the database is not ready: it is down' });
    const second = gate.prepare(WORLD);
    const third = gate.prepare(WORLD);
    preparing[2]?.resolve();
    await third;
    preparing[1]?.reject(new Error('late'));
    await expect(second).rejects.toThrow('late');
    await gate.ping();
  });
});

describe('the link to the database', () => {
  function link(inner: Store, world = WORLD) {
    const clock = new VirtualClock();
    const status = new LinkStatus(clock);
    const store = gateStore(inner);
    const deps = { clock, random: () => 0.5, log: silentLog };
    const spec = storeLinkSpec(status, { ...deps, patienceMs: () => 1_000, store, world: () => world });
    const system = startSystem({ children: [spec] }, { ...deps, registry: new Registry(clock) });
    systems.push(system);
    const reached = async (state: string): Promise<void> => {
      while (status.health('pglite').state !== state) await clock.settle();
    };
    return { clock, status: () => status.health('pglite'), reached, store, system };
  }

  test('says that and why it refuses a foreign database, lets nobody in, and ends', async () => {
    const { store: inner } = await harness.fresh();
    const { clock, status, reached, store, system } = link(inner, { kind: 'telegram', id: 'telegram' });
    const failed = expect(system.started).rejects.toThrow();
    await reached('refused');
    expect(status()).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('belongs to the simulated Telegram ab12'),
    });
    await expect(store.listAccounts()).rejects.toMatchObject(NOT_READY);
    await clock.settle();
    await failed;
    expect(await system.ended).toMatchObject({ code: expect.any(String) });
  });

  test('shuts the gate when a check fails, and opens it when the database was prepared anew', async () => {
    const { store: inner } = await harness.fresh();
    let away = false;
    const preparing: Deferred<void>[] = [];
    const { clock, status, reached, store, system } = link({
      ...inner,
      ping: () => (away ? Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'away')) : inner.ping()),
      prepare: async (world) => {
        await preparing.at(-1)?.promise;
        return inner.prepare(world);
      },
    });
    await reached('up');
    expect(await store.listAccounts()).toEqual([]);
    away = true;
    await clock.advance(5_000);
    expect(status()).toMatchObject({ state: 'down', reason: 'away' });
    const back = deferred();
    preparing.push(back);
    away = false;
    await clock.advance(10_000);
    await expect(store.listAccounts()).rejects.toMatchObject(NOT_READY);
    await expect(store.ping()).rejects.toMatchObject(NOT_READY);
    back.resolve();
    await reached('up');
    expect(await store.listAccounts()).toEqual([]);
    await system.stop();
    expect(status()).toMatchObject({ state: 'down', reason: 'the link to it was stopped' });
    await expect(store.listAccounts()).rejects.toMatchObject(NOT_READY);
  });

  test('says that a database which does not write is read-only, and why, leaves it open to readers, and says when it writes again', async () => {
    const { store: inner } = await harness.fresh();
    let full = true;
    const { clock, status, reached, store } = link({
      ...inner,
      proveWrite: () => (full ? Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'no space left')) : inner.proveWrite()),
    });
    await reached('read-only');
    expect(status()).toMatchObject({ reason: 'no space left' });
    expect(await store.listAccounts()).toEqual([]);
    await clock.advance(5_000);
    await reached('read-only');
    full = false;
    // A check may be under way, whose answer starts the next interval.
    while (status().state !== 'up') await clock.advance(5_000);
    expect(status()).not.toHaveProperty('reason');
  });
});
