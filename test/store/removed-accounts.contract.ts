import { describe, expect, test } from 'vitest';
import { cancelJobsOf } from '../../src/actors/jobs/cancel-jobs.ts';
import { systemClock } from '../../src/clock.ts';
import { claiming, ending, newJob } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const ERROR = { code: 'ACCOUNT_REMOVED', message: 'account main was removed' } as never;

/** What every store does with accounts that are removed. */
export function removedAccountsContract(harness: () => StoreHarness): void {
  describe('a removed account', () => {
    test('is listed no more, gets no lease, and is taken up again under its number', async () => {
      const { store } = await harness().fresh();
      expect(await store.makeAccount('main')).toBe(true);
      expect(await store.makeAccount('main')).toBe(false);
      const number = await store.ensureAccount('main');
      const lease = await store.takeLease('main', 'worker', false);
      const token = await store.removeAccount('main');
      expect(token).toBeGreaterThan(lease.granted ? lease.token : 0);
      expect(await store.listAccounts()).toEqual([]);
      expect(await store.leases()).toMatchObject([{ accountId: 'main', removed: true }]);
      await expect(store.takeLease('main', 'worker', false)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
      await expect(store.removeAccount('main')).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
      // Nobody takes it up by making sure of its row.
      expect(await store.ensureAccount('main')).toBe(number);
      expect(await store.listAccounts()).toEqual([]);
      expect(await store.makeAccount('main')).toBe(true);
      expect(await store.ensureAccount('main')).toBe(number);
      expect(await store.leases()).toMatchObject([{ accountId: 'main', removed: false }]);
      await expect(store.removeAccount('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    });

    test('is not among those that know a channel', async () => {
      const { store } = await harness().fresh();
      for (const id of ['main', 'other']) {
        await store.makeAccount(id);
        await store.transaction((tx) => tx.upsertEntities(id, [{ peerId: -100, accessHash: '1', username: 'news' }]));
      }
      await store.removeAccount('main');
      expect(await store.accountsKnowing({ kind: 'username', username: 'news' })).toEqual(['other']);
    });

    test('has its jobs cancelled, whatever state they are in, and no other account’s', async () => {
      const { store } = await harness().fresh();
      for (const id of ['main', 'other']) await store.makeAccount(id);
      for (const id of ['queued', 'in-hand', 'done']) await store.insertJob(newJob({ id }));
      await store.insertJob(newJob({ id: 'others', accountId: 'other' }));
      const held = await store.takeAccount('main', 'worker');
      for (const id of ['in-hand', 'done']) await store.stepJob(id, claiming(held));
      await store.stepJob('done', ending('completed', NOW));
      const token = await store.removeAccount('main');
      expect(await store.findUnended('main', 10)).toEqual(['in-hand', 'queued']);
      expect(await cancelJobsOf(store, systemClock, 'main', token, ERROR)).toBe(2);
      expect(await store.findUnended('main', 10)).toEqual([]);
      for (const id of ['queued', 'in-hand']) {
        expect(await store.findJob(id)).toMatchObject({ status: 'cancelled', error: { code: 'ACCOUNT_REMOVED' }, claim: null });
      }
      expect(await store.findJob('done')).toMatchObject({ status: 'completed' });
      expect(await store.findJob('others')).toMatchObject({ status: 'queued' });
    });
  });
}
