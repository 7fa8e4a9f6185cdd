import { describe, expect, test } from 'vitest';
import type { SequencerHold, Store } from '../../src/ports.ts';
import { claiming, ending, newJob, step } from './fixtures.ts';
import { NOW, type StoreHarness } from './store-harness.ts';

const DAY = 86_400_000;
const LEASE_MS = 60_000;
const REQUEST = { digest: 'a', correlationId: null };

/** What every store keeps for other programs. */
export function foreignContract(harness: () => StoreHarness): void {
  describe('a job of another program', () => {
    test('is a job like any other', async () => {
      const { store } = await harness().fresh();
      expect(await store.insertForeignJob(newJob({ id: 'theirs', priority: 3 }), REQUEST)).toBe('stored');
      await store.insertJob(newJob({ id: 'ours', priority: 3 }));
      const [theirs, ours] = [await store.findJob('theirs'), await store.findJob('ours')];
      expect({ ...theirs, id: 'ours' }).toEqual(ours);
      expect(await store.jobEvents('theirs')).toMatchObject([{ event: 'SUBMIT', from: 'queued', to: 'queued' }]);
      expect((await store.pickDue(['main'], NOW, 10)).map(({ id }) => id).sort()).toEqual(['ours', 'theirs']);
    });

    test('is stored once, however often and from wherever the request comes', async () => {
      const { store } = await harness().fresh();
      const outcomes = await Promise.all(Array.from({ length: 6 }, () => store.insertForeignJob(newJob(), REQUEST)));
      expect(outcomes.sort()).toEqual(['known', 'known', 'known', 'known', 'known', 'stored']);
      await store.stepJob('sync-1', ending('completed', NOW));
      expect(await store.insertForeignJob(newJob(), REQUEST)).toBe('known');
      expect((await store.findJob('sync-1'))?.status).toBe('completed');
    });

    test('cannot take the id of another request, nor of a job of ours', async () => {
      const { store } = await harness().fresh();
      await store.insertForeignJob(newJob(), REQUEST);
      await store.insertJob(newJob({ id: 'ours' }));
      const before = await store.findJob('sync-1');
      expect(await store.insertForeignJob(newJob({ action: 'other' }), { ...REQUEST, digest: 'b' })).toBe('taken');
      expect(await store.insertForeignJob(newJob({ id: 'ours' }), REQUEST)).toBe('taken');
      expect(await store.findJob('sync-1')).toEqual(before);
    });

    test('is not accepted for an account that was removed', async () => {
      const { store } = await harness().fresh();
      await store.ensureAccount('main');
      await store.removeAccount('main');
      expect(await store.insertForeignJob(newJob(), REQUEST)).toBe('account-removed');
      expect(await store.findJob('sync-1')).toBeUndefined();
    });
  });

  describe('an answer', () => {
    test('is owed from the transaction on in which the job ends, and until it is noted', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      await store.insertForeignJob(newJob(), { digest: 'a', correlationId: 'it’s mine' });
      await store.insertJob(newJob({ id: 'ours' }));
      await store.stepJob('ours', ending('completed', NOW));
      await store.stepJob('sync-1', claiming(1));
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
      const failing = store.stepJob('sync-1', ending('completed', NOW), async () => {
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
      const result = { count: 1, messages: [{ text: 'Olá' }] };
      await store.stepJob('sync-1', () => step({ status: 'completed', claim: null, result, endedAt: NOW + 5 }));
      expect(await store.owedAnswers(hold, 10)).toEqual([{ job: await store.findJob('sync-1'), correlationId: 'it’s mine' }]);
      await store.noteAnswered(['sync-1'], NOW + 9);
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
    });

    test('is owed in the order in which the jobs ended, as many at a time as was asked for', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      for (const [id, endedAt] of [
        ['c', NOW + 1],
        ['a', NOW + 2],
        ['b', NOW + 2],
      ] as const) {
        await store.insertForeignJob(newJob({ id }), REQUEST);
        await store.stepJob(id, ending('failed', endedAt));
      }
      const owed = async (limit: number) => (await store.owedAnswers(hold, limit)).map(({ job }) => job.id);
      expect(await owed(2)).toEqual(['c', 'a']);
      await store.noteAnswered(['c'], NOW);
      expect(await owed(10)).toEqual(['a', 'b']);
    });

    test('is owed once: not again where a job that was answered is taken up and ends again, and not while it runs', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      await store.insertForeignJob(newJob(), REQUEST);
      await store.stepJob('sync-1', ending('failed', NOW));
      await store.stepJob('sync-1', () => step({ status: 'queued', endedAt: null, dueAt: NOW }));
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
      await store.stepJob('sync-1', ending('completed', NOW + 1));
      expect(await store.owedAnswers(hold, 10)).toMatchObject([{ job: { status: 'completed' } }]);
      await store.noteAnswered(['sync-1'], NOW + 2);
      await store.stepJob('sync-1', () => step({ status: 'queued', endedAt: null, dueAt: NOW }));
      await store.stepJob('sync-1', ending('completed', NOW + 3));
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
    });

    test('is shown to whoever holds the sequencer’s lease, and to nobody else', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      await store.insertForeignJob(newJob(), REQUEST);
      await store.stepJob('sync-1', ending('completed', NOW));
      await store.releaseSequencer(hold.owner, hold.token);
      expect(await store.owedAnswers(hold, 10)).toHaveLength(1);
      const next = await held(store, 'next');
      expect(await store.owedAnswers(hold, 10)).toEqual([]);
      expect(await store.owedAnswers(next, 10)).toHaveLength(1);
    });

    test('that is owed keeps a failed job from whoever deletes those', async () => {
      const { store } = await harness().fresh();
      await store.insertForeignJob(newJob(), REQUEST);
      await store.stepJob('sync-1', ending('failed', NOW));
      expect(await store.deleteFailed({}, 10)).toBe(0);
      await store.noteAnswered(['sync-1'], NOW);
      expect(await store.deleteFailed({}, 10)).toBe(1);
    });

    test('that is owed keeps its job, for thirty days at most', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      for (const id of ['owed', 'answered']) {
        await store.insertForeignJob(newJob({ id }), REQUEST);
        await store.stepJob(id, ending('completed', NOW));
      }
      await store.noteAnswered(['answered'], NOW);
      const prune = async (nowMs: number): Promise<void> => {
        while ((await store.prune(nowMs, 100)) > 0);
      };
      await prune(NOW + 8 * DAY);
      expect((await store.owedAnswers(hold, 10)).map(({ job }) => job.id)).toEqual(['owed']);
      expect(await store.findJob('answered')).toBeUndefined();
      await prune(NOW + 31 * DAY);
      expect(await store.findJob('owed')).toBeUndefined();
    });
  });

  describe('publishing', () => {
    test('begins where the stream stands when somebody asks for the first time, and goes on from what was noted', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      await tell(store, hold, 2);
      expect(await store.readUnpublished(hold, 10)).toEqual({ position: 2, events: [], head: 2, oldest: 1 });
      await tell(store, hold, 3);
      const positions = async (limit: number) =>
        (await store.readUnpublished(hold, limit))?.events.map(({ position }) => position);
      expect(await positions(2)).toEqual([3, 4]);
      await store.notePublished(4);
      expect(await positions(2)).toEqual([5]);
      await store.notePublished(3);
      await store.notePublished(5);
      expect(await positions(2)).toEqual([]);
    });

    test('tells what was deleted before it was published', async () => {
      const { store, clock } = await harness().fresh();
      const hold = await held(store);
      await store.readUnpublished(hold, 1);
      clock.nowMs = NOW - 8 * DAY;
      await tell(store, hold, 3);
      clock.nowMs = NOW;
      await tell(store, hold, 1);
      await store.prune(NOW, 100);
      expect(await store.readUnpublished(hold, 10)).toMatchObject({ position: 0, oldest: 4, head: 4, events: [{ position: 4 }] });
    });

    test('is for whoever holds the sequencer’s lease, or was the last to hold it', async () => {
      const { store } = await harness().fresh();
      const hold = await held(store);
      await store.readUnpublished(hold, 10);
      expect(await store.readUnpublished({ ...hold, owner: 'other' }, 10)).toBeUndefined();
      await store.releaseSequencer(hold.owner, hold.token);
      expect(await store.readUnpublished(hold, 10)).toMatchObject({ position: 0 });
      const next = await held(store, 'next');
      expect(await store.readUnpublished(hold, 10)).toBeUndefined();
      expect(await store.readUnpublished(next, 10)).toMatchObject({ position: 0 });
    });
  });
}

async function held(store: Store, owner = 'one'): Promise<SequencerHold> {
  return { owner, token: (await store.takeSequencer(owner, LEASE_MS)) as number };
}

async function tell(store: Store, { owner, token }: SequencerHold, events: number): Promise<void> {
  const entry = { topic: 'job.progress', payload: {} } as const;
  await store.transaction((tx) => tx.appendOutbox(Array.from({ length: events }, () => entry)));
  await store.placeEvents(owner, token, events, LEASE_MS);
}
