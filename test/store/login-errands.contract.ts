import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { StoreHarness } from './store-harness.ts';

/** What every store does with what one process asks of another's logins. */
export function loginErrandsContract(harness: () => StoreHarness): void {
  describe('an errand about a login', () => {
    const errand = (more: object = {}) => ({ id: randomUUID(), accountId: 'main', worker: 'one', question: 'sealed', ...more });

    test('is taken once, by the one who is asked, and its answer once too; then nothing is left', async () => {
      const { store, driver } = await harness().fresh();
      await store.ensureAccount('main');
      const asked = errand();
      await store.askLogin(asked);
      expect(await store.takeLoginQuestions('other')).toEqual([]);
      expect(await store.takeLoginAnswer(asked.id)).toBeUndefined();
      const taken = await Promise.all(Array.from({ length: 4 }, () => store.takeLoginQuestions('one')));
      expect(taken.flat()).toEqual([asked]);
      expect(await driver.query('SELECT question FROM login_errands')).toEqual([{ question: null }]);
      await store.answerLogin(asked.id, 'sealed too');
      expect(await store.takeLoginAnswer(asked.id)).toBe('sealed too');
      expect(await store.takeLoginAnswer(asked.id)).toBeUndefined();
      expect(await driver.query('SELECT * FROM login_errands')).toEqual([]);
    });

    test('is over after a minute, taken or not', async () => {
      const { store, driver } = await harness().fresh();
      await store.ensureAccount('main');
      const late = errand();
      await store.askLogin(late);
      const taken = errand();
      await store.askLogin(taken);
      await driver.query(`UPDATE login_errands SET asked_at = now() - interval '61 seconds'`);
      expect(await store.takeLoginQuestions('one')).toEqual([]);
      await store.answerLogin(late.id, 'too late');
      expect(await driver.query('SELECT * FROM login_errands')).toEqual([]);
    });

    test('goes to whoever holds the lease of the account, under the key of its present life', async () => {
      const { store, driver } = await harness().fresh();
      await store.ensureAccount('main');
      expect(await store.loginDeskOf('main')).toBeUndefined();
      await store.openLoginDesk('one', 'first key');
      await store.openLoginDesk('one', 'second key');
      expect(await store.loginDeskOf('main')).toBeUndefined();
      await driver.query(
        `INSERT INTO leases (account_id, owner, expires_at) VALUES ('main', 'one', now() + interval '1 minute')
         ON CONFLICT (account_id) DO UPDATE SET owner = 'one', expires_at = now() + interval '1 minute'`,
      );
      expect(await store.loginDeskOf('main')).toEqual({ worker: 'one', publicKey: 'second key' });
      await driver.query(`UPDATE leases SET expires_at = now() - interval '1 second'`);
      expect(await store.loginDeskOf('main')).toBeUndefined();
    });
  });
}
