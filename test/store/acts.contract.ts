import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Act, Store } from '../../src/ports.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const DAY = 86_400_000;

export function anAct(changes: Partial<Act> = {}): Act {
  return {
    id: randomUUID(),
    at: NOW,
    asker: { caller: 'token-1', by: 'token', address: '10.0.0.7', requestId: 'request-1' },
    process: 'one',
    actor: 'root/accounts/main/connection',
    act: 'restart',
    event: null,
    reason: null,
    detail: null,
    outcome: 'under-way',
    code: null,
    why: null,
    finishedAt: null,
    ...changes,
  };
}

const save = (store: Store, ...acts: Act[]): Promise<Act[]> => store.transaction((tx) => tx.saveActs(acts));
const expire = (store: Store, id: string): Promise<Act | undefined> => store.transaction((tx) => tx.expireAct(id, NOW));

/** What every store does with what people do to actors. */
export function actsContract(harness: () => StoreHarness): void {
  describe('an act', () => {
    test('is kept as it was noted, with what came of it; what has ended nobody changes', async () => {
      const { store } = await harness().fresh();
      const act = anAct({ reason: 'it hangs \0 since noon', act: 'send', event: 'SUSPECT' });
      expect(await save(store, act)).toEqual([]);
      expect(await store.findAct(act.id)).toEqual(act);
      const ended: Act = { ...act, outcome: 'done', detail: { state: 'authenticated' }, finishedAt: NOW + 5 };
      expect(await save(store, ended)).toEqual([ended]);
      // A COMMIT whose answer was lost is written again, and told once.
      expect(await save(store, ended, anAct())).toEqual([]);
      expect(await save(store, { ...act, outcome: 'failed', finishedAt: NOW + 9 })).toEqual([]);
      expect(await store.findAct(act.id)).toEqual(ended);
      expect(await store.findAct(randomUUID())).toBeUndefined();
    });

    test('is listed newest first, page by page, by its actor with those below it, and by its process', async () => {
      const { store } = await harness().fresh();
      const acts = Array.from({ length: 5 }, (_, n) => anAct({ at: NOW + Math.floor(n / 2), actor: `root/accounts/a${n}` }));
      const purge = anAct({ at: NOW - 1, act: 'purge', actor: null, process: 'two', detail: { done: 3 } });
      await save(store, ...acts, purge);
      const all = await store.listActs({ limit: 10 });
      expect(all.map(({ at }) => at)).toEqual([NOW + 2, NOW + 1, NOW + 1, NOW, NOW, NOW - 1]);
      const found: Act[] = [];
      for (let page = await store.listActs({ limit: 2 }); page.length > 0; ) {
        found.push(...page);
        const { at, id } = page.at(-1) as Act;
        page = await store.listActs({ limit: 2, after: { at, id } });
      }
      expect(found).toEqual(all);
      const below = async (actor: string) => (await store.listActs({ limit: 10, actor })).length;
      expect([await below('root'), await below('root/accounts/a1'), await below('root/accounts/a')]).toEqual([5, 1, 0]);
      expect(await store.listActs({ limit: 10, process: 'two' })).toEqual([purge]);
    });

    test('that another process is wanted to do is taken once, by that one', async () => {
      const { store } = await harness().fresh();
      const first = anAct({ process: 'two', outcome: 'wanted', reason: 'why not' });
      const second = anAct({ process: 'two', outcome: 'wanted', at: NOW + 1 });
      await store.askAct(second, 60_000);
      await store.askAct(first, 60_000);
      expect(await store.findAct(first.id)).toEqual(first);
      expect(await store.takeActs('one')).toEqual([]);
      const taken = await Promise.all(Array.from({ length: 4 }, () => store.takeActs('two')));
      const underWay = [first, second].map((act) => ({ ...act, outcome: 'under-way' }));
      expect(taken.flat().sort((a, b) => a.at - b.at)).toEqual(underWay);
      expect(await expire(store, first.id)).toBeUndefined();
      expect(await save(store, { ...first, outcome: 'done', finishedAt: NOW + 2 })).toHaveLength(1);
    });

    test('that is not taken in time never is, and is shown as expired though nobody has said so', async () => {
      const { store, driver } = await harness().fresh();
      const act = anAct({ process: 'two', outcome: 'wanted' });
      await store.askAct(act, 60_000);
      await driver.query(`UPDATE acts SET expires_at = now() - interval '1 second'`);
      expect(await store.takeActs('two')).toEqual([]);
      expect(await store.findAct(act.id)).toMatchObject({ outcome: 'expired', finishedAt: expect.any(Number) });
      expect(await store.listActs({ limit: 1 })).toMatchObject([{ outcome: 'expired' }]);
      expect(await expire(store, act.id)).toMatchObject({ outcome: 'expired', code: 'ACT_EXPIRED', finishedAt: NOW });
      expect(await expire(store, act.id)).toBeUndefined();
    });

    test('that nobody took or gave up is ended as expired a minute after its time, once', async () => {
      const { store, driver } = await harness().fresh();
      const sweep = () => store.transaction((tx) => tx.expireForsakenActs());
      const [fresh, forsaken] = [anAct({ outcome: 'wanted' }), anAct({ outcome: 'wanted', process: 'gone' })];
      for (const act of [fresh, forsaken]) await store.askAct(act, 60_000);
      await driver.query(`UPDATE acts SET expires_at = now() - interval '59 seconds'`);
      expect(await sweep()).toEqual([]);
      await driver.query(`UPDATE acts SET expires_at = now() - interval '61 seconds' WHERE process = 'gone'`);
      expect(await sweep()).toMatchObject([{ id: forsaken.id, outcome: 'expired', code: 'ACT_EXPIRED' }]);
      expect(await sweep()).toEqual([]);
    });

    test('that is under way in a process that is known no more is listed as unknown', async () => {
      const { store, driver } = await harness().fresh();
      await save(store, anAct({ at: NOW + 1 }), anAct({ process: 'two' }));
      const outcomes = async () => (await store.listActs({ limit: 9 })).map(({ outcome }) => outcome);
      // Where no process says that it is there, it is the database of one alone.
      expect(await outcomes()).toEqual(['under-way', 'under-way']);
      await driver.query(
        `INSERT INTO processes (id, role, host, pid, version, started_at, seen_at, figures)
         VALUES ('one', 'all', 'test', 1, '0', now(), now(), '{}')`,
      );
      expect(await outcomes()).toEqual(['under-way', 'unknown']);
    });

    test('that its process began and does not have in hand is given up, and no other, whatever the clocks say', async () => {
      const { store } = await harness().fresh();
      const lost = anAct({ at: NOW + DAY });
      const own = anAct();
      const others = anAct({ at: NOW - 1, process: 'two' });
      const ended = anAct({ at: NOW - 1, outcome: 'done', finishedAt: NOW });
      await save(store, lost, own, others, ended);
      const given = await store.transaction((tx) => tx.giveUpActs('one', [own.id, 'no uuid'], NOW + 7));
      expect(given).toEqual([{ ...lost, outcome: 'unknown', finishedAt: NOW + 7 }]);
      const outcomes = async (id: string) => (await store.findAct(id))?.outcome;
      expect([await outcomes(own.id), await outcomes(others.id), await outcomes(ended.id)]).toEqual([
        'under-way',
        'under-way',
        'done',
      ]);
    });

    test('is kept for 400 days', async () => {
      const { store } = await harness().fresh();
      const old = anAct({ at: NOW - 400 * DAY - 1 });
      const kept = anAct({ at: NOW - 400 * DAY + 1 });
      await save(store, old, kept);
      expect(await store.prune(NOW, 100)).toBe(1);
      expect(await store.listActs({ limit: 10 })).toEqual([kept]);
    });
  });
}
