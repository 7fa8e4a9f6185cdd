import { describe, expect, test } from 'vitest';
import type { ProcessBeat } from '../../src/ports.ts';
import type { StoreHarness } from './store-harness.ts';

const FIGURES = { lag: { p50Ms: 0.1, p99Ms: 2, maxMs: 40 }, busy: 0.02, memory: { rssBytes: 90e6, heapUsedBytes: 30e6 } };
const LOOK_MS = 8_000;

function beat(id: string, more: Partial<ProcessBeat> = {}): ProcessBeat {
  return { id, role: 'worker', host: 'one', pid: 42, version: '0.1.0', upMs: 5_000, figures: FIGURES, ...more };
}

/** What every store does with processes that say that they are there, and show each other their actors. */
export function processesContract(harness: () => StoreHarness): void {
  describe('a process', () => {
    test('is known from its first beat on, as it is now, with how long ago it was heard of by the database’s clock', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      await store.beatProcess(beat('b', { role: 'gateway', upMs: 1_000 }), true);
      await driver.query(
        `UPDATE processes SET seen_at = now() - interval '20 s', started_at = '2026-01-02T03:04:05Z' WHERE id = 'a'`,
      );
      const [a, b] = await store.processes();
      expect(a).toMatchObject({
        id: 'a',
        role: 'worker',
        host: 'one',
        pid: 42,
        version: '0.1.0',
        figures: FIGURES,
        accounts: [],
      });
      expect(a?.startedAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
      expect(a?.seenAgeMs).toBeGreaterThanOrEqual(20_000);
      expect(a?.seenAgeMs).toBeLessThan(30_000);
      expect(b).toMatchObject({ id: 'b', role: 'gateway' });
      expect(b?.seenAgeMs).toBeLessThan(10_000);
    });

    test('keeps when it began from beat to beat, and begins anew with its next life', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      await driver.query(`UPDATE processes SET started_at = '2026-01-02T03:04:05Z'`);
      await store.beatProcess(beat('a', { pid: 42, upMs: 99_000 }), false);
      expect((await store.processes())[0]?.startedAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
      await store.beatProcess(beat('a', { pid: 43, upMs: 100 }), true);
      expect((await store.processes())[0]?.startedAt).toBeGreaterThan(Date.UTC(2026, 0, 2, 3, 4, 5));
    });

    test('leaves nothing behind with each beat that vacuum would have to take away', async () => {
      const { store, driver } = await harness().fresh();
      for (let n = 0; n < 150; n++) await store.beatProcess(beat('a', { upMs: n }), n === 0);
      const [size] = await driver.query(`SELECT pg_relation_size('processes') AS bytes`);
      // 150 rows would be five pages.
      expect(size?.bytes).toBeLessThanOrEqual(2 * 8192);
    });

    test('is told with the accounts whose lease it holds', async () => {
      const { store, driver } = await harness().fresh();
      for (const account of ['main', 'second', 'third', 'gone']) await store.ensureAccount(account);
      for (const account of ['second', 'main', 'gone']) await store.takeLease(account, 'a', false);
      await driver.query(`UPDATE leases SET expires_at = now() - interval '1 s' WHERE account_id = 'gone'`);
      await store.beatProcess(beat('a'), true);
      await store.beatProcess(beat('b'), true);
      expect((await store.processes()).map(({ id, accounts }) => [id, accounts])).toEqual(
        expect.arrayContaining([
          ['a', ['main', 'second']],
          ['b', []],
        ]),
      );
    });

    test('is gone when it ends well, and its views with it; another life of it stays', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a', { pid: 43 }), true);
      await store.lookAt('a', '', 0, LOOK_MS);
      await store.leaveProcesses('a', 42);
      expect(await store.processes()).toHaveLength(1);
      await store.leaveProcesses('a', 43);
      expect(await store.processes()).toEqual([]);
      expect(await driver.query('SELECT * FROM process_views')).toEqual([]);
    });

    test('that has said nothing for a day is forgotten by the others', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('old'), true);
      await store.beatProcess(beat('quiet'), true);
      await driver.query(
        `UPDATE processes SET seen_at = now() - CASE id WHEN 'old' THEN interval '25 h' ELSE interval '23 h' END`,
      );
      await store.beatProcess(beat('a'), true);
      expect((await store.processes()).map(({ id }) => id).sort()).toEqual(['a', 'quiet']);
    });

    test('that comes back after a day is there again', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      await driver.query(`UPDATE processes SET seen_at = now() - interval '25 h'`);
      await store.beatProcess(beat('a'), false);
      expect((await store.processes())[0]?.seenAgeMs).toBeLessThan(10_000);
    });
  });

  describe('a view of a process', () => {
    test('is wanted from the first look on, for as long as that says, and read as it was written', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      expect(await store.wantedViews('a')).toEqual([]);
      expect(await store.lookAt('a', 'root/x', 0, LOOK_MS)).toMatchObject({ version: 0, text: null, absent: false, ageMs: null });
      expect(await store.wantedViews('a')).toEqual(['root/x']);
      expect(await store.beatProcess(beat('a'), false)).toEqual(['root/x']);
      await store.writeViews('a', [
        { path: 'root/x', text: 'H4sI+/=' },
        { path: 'nobody asked', text: 'x' },
      ]);
      const told = await store.lookAt('a', 'root/x', 0, LOOK_MS);
      expect(told).toMatchObject({ text: 'H4sI+/=', absent: false });
      expect(told?.ageMs).toBeLessThan(10_000);
      expect(told?.version).toBeGreaterThan(0);
      expect(await store.lookAt('a', 'root/x', told?.version ?? 0, LOOK_MS)).toMatchObject({
        version: told?.version,
        text: null,
      });
      await driver.query(`UPDATE process_views SET wanted_until = now() - interval '1 s'`);
      expect(await store.wantedViews('a')).toEqual([]);
    });

    test('says that there is no such actor, or no such process', async () => {
      const { store } = await harness().fresh();
      expect(await store.lookAt('nobody', '', 0, LOOK_MS)).toBeUndefined();
      await store.beatProcess(beat('a'), true);
      await store.lookAt('a', 'root/nobody', 0, LOOK_MS);
      await store.writeViews('a', [{ path: 'root/nobody', text: null }]);
      expect(await store.lookAt('a', 'root/nobody', 0, LOOK_MS)).toMatchObject({ absent: true, text: null });
    });

    test('costs one who looks often no write but every half of its time', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      const until = async (): Promise<unknown> => (await driver.query('SELECT wanted_until FROM process_views'))[0]?.wanted_until;
      await store.lookAt('a', '', 0, 60_000);
      const first = await until();
      await store.lookAt('a', '', 0, 60_000);
      expect(await until()).toBe(first);
      await driver.query(`UPDATE process_views SET wanted_until = wanted_until - interval '40 s'`);
      const worn = await until();
      await store.lookAt('a', '', 0, 60_000);
      expect(await until()).not.toBe(worn);
    });

    test('is forgotten a minute after the last look, and with the life that wrote it', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      for (const path of ['', 'root/x']) await store.lookAt('a', path, 0, LOOK_MS);
      await driver.query(`UPDATE process_views SET wanted_until = now() - interval '61 s' WHERE path = ''`);
      expect(await store.beatProcess(beat('a'), false)).toEqual(['root/x']);
      expect(await driver.query('SELECT path FROM process_views')).toEqual([{ path: 'root/x' }]);
      expect(await store.beatProcess(beat('a'), true)).toEqual([]);
      expect(await driver.query('SELECT path FROM process_views')).toEqual([]);
    });

    test('is a sign that its process lives, as a beat is', async () => {
      const { store, driver } = await harness().fresh();
      for (const id of ['a', 'b']) await store.beatProcess(beat(id), true);
      for (const path of ['', 'root/x']) await store.lookAt('a', path, 0, LOOK_MS);
      await driver.query(`UPDATE processes SET seen_at = now() - interval '20 s'`);
      await store.writeViews('a', [{ path: '', text: 'x' }]);
      const ages = new Map((await store.processes()).map(({ id, seenAgeMs }) => [id, seenAgeMs]));
      expect(ages.get('a')).toBeLessThan(10_000);
      expect(ages.get('b')).toBeGreaterThanOrEqual(20_000);
    });

    test('stays to be read of a process that was killed, and nothing more is wished of it', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      await store.lookAt('a', '', 0, LOOK_MS);
      await store.writeViews('a', [{ path: '', text: 'last words' }]);
      await driver.query(`UPDATE processes SET seen_at = now() - interval '2 min'`);
      await driver.query(
        `UPDATE process_views SET written_at = now() - interval '2 min', wanted_until = now() - interval '2 min'`,
      );
      const told = await store.lookAt('a', '', 0, LOOK_MS);
      expect(told).toMatchObject({ text: 'last words' });
      expect(told?.ageMs).toBeGreaterThanOrEqual(120_000);
      expect(told?.seenAgeMs).toBeGreaterThanOrEqual(120_000);
      expect(await store.lookAt('a', 'root/x', 0, LOOK_MS)).toMatchObject({ version: 0 });
      expect(await driver.query('SELECT path FROM process_views')).toEqual([{ path: '' }]);
    });

    test('is one of 32 at most: the tree, and those that were asked for last', async () => {
      const { store } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      await store.lookAt('a', '', 0, LOOK_MS);
      for (let n = 0; n < 40; n++) await store.lookAt('a', `root/${n}`, 0, LOOK_MS);
      const wanted = await store.wantedViews('a');
      expect(wanted).toHaveLength(32);
      expect(wanted).toContain('root/39');
      expect(wanted).not.toContain('root/0');
      expect(wanted).toContain('');
      expect(await store.beatProcess(beat('a'), false)).toEqual(wanted);
    });

    test('is one of so many as people can look at: nobody fills the table with wishes', async () => {
      const { store, driver } = await harness().fresh();
      await store.beatProcess(beat('a'), true);
      const wish = `INSERT INTO process_views (process_id, path, wanted_until) SELECT 'a', 'root/' || n, now() FROM generate_series(1, 128) AS n`;
      await driver.query(wish);
      for (const path of ['', 'root/1', 'root/129']) {
        expect(await store.lookAt('a', path, 0, LOOK_MS)).toMatchObject({ version: 0, ageMs: null });
      }
      expect(await store.wantedViews('a')).toEqual(['', 'root/1']);
    });
  });
}
