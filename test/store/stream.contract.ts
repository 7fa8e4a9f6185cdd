import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventTopic } from '../../src/event-topics.ts';
import type { Store, StoreTransaction, StreamEvent } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';
import { newJob, step } from './fixtures.ts';
import { NOW, type StoreHarness, type TestStore } from './store-harness.ts';

const DAY = 86_400_000;
const LEASE_MS = 60_000;

/** What every store does with the stream of events. */
export function streamContract(harness: () => StoreHarness): void {
  describe('the right to give positions', () => {
    test('is had by one at a time, and comes with a token that grows', async () => {
      const { store } = await harness().fresh();
      expect(await store.takeSequencer('one', LEASE_MS)).toBe(1);
      expect(await store.takeSequencer('other', LEASE_MS)).toBeUndefined();
      expect(await store.renewSequencer('one', 1, LEASE_MS)).toBe(true);
      expect(await store.renewSequencer('other', 1, LEASE_MS)).toBe(false);
      await store.releaseSequencer('one', 1);
      expect(await store.renewSequencer('one', 1, LEASE_MS)).toBe(false);
      expect(await store.takeSequencer('other', LEASE_MS)).toBe(2);
    });

    test('of many who ask at once one gets it', async () => {
      const { store } = await harness().fresh();
      const tokens = await Promise.all(Array.from({ length: 8 }, (_, n) => store.takeSequencer(`owner-${n}`, LEASE_MS)));
      expect(tokens.filter((token) => token !== undefined)).toEqual([1]);
    });

    test('passes to somebody else when its time is over by the clock of the database, and not before', async () => {
      const { store, driver } = await harness().fresh();
      await store.takeSequencer('one', LEASE_MS);
      await driver.query(`UPDATE stream SET expires_at = clock_timestamp() - interval '1 millisecond'`);
      expect(await store.takeSequencer('other', LEASE_MS)).toBe(2);
      expect(await store.takeSequencer('one', LEASE_MS)).toBeUndefined();
      expect(await store.renewSequencer('one', 1, LEASE_MS)).toBe(false);
    });

    test('is taken back at once by who had it, and what the life before still does has no effect', async () => {
      const { store } = await harness().fresh();
      await store.takeSequencer('one', LEASE_MS);
      expect(await store.takeSequencer('one', LEASE_MS)).toBe(2);
      await write(store, 'late');
      expect(await store.placeEvents('one', 1, 10, LEASE_MS)).toBeUndefined();
      await store.releaseSequencer('one', 1);
      expect(await store.placeEvents('one', 2, 10, LEASE_MS)).toBe(1);
    });

    test('is renewed by placing', async () => {
      const { store, driver } = await harness().fresh();
      await store.takeSequencer('one', LEASE_MS);
      await driver.query(`UPDATE stream SET expires_at = clock_timestamp() - interval '1 millisecond'`);
      await write(store, 'a');
      expect(await store.placeEvents('one', 1, 10, LEASE_MS)).toBe(1);
      expect(await store.takeSequencer('other', LEASE_MS)).toBeUndefined();
    });
  });

  describe('the stream of events', () => {
    test('is empty at first', async () => {
      const { store } = await harness().fresh();
      expect(await store.readEvents(0, 10)).toEqual({ events: [], head: 0, oldest: 1 });
      expect(await store.streamState()).toEqual({ head: 0, oldest: 1, waiting: 0, waitingSince: null });
    });

    test('shows what has a position, in pages, as it was written', async () => {
      const { store, clock } = await harness().fresh();
      const token = await taken(store);
      const payload = { text: 'Olá \u0000 \ud800 {"}', nested: { list: [1, null, true] }, empty: {} };
      await store.transaction((tx) => tx.appendOutbox([{ topic: 'message.new.-100', payload }]));
      clock.nowMs = NOW + 5;
      await store.insertJob(newJob());
      await store.stepJob('sync-1', () => ({ ...step({}), outbox: [{ topic: 'job.progress', payload: { done: 1 } }] }));
      expect(await store.streamState()).toMatchObject({ head: 0, waiting: 2, waitingSince: NOW });
      expect(await store.readEvents(0, 10)).toEqual({ events: [], head: 0, oldest: 1 });
      expect(await store.placeEvents('one', token, 10, LEASE_MS)).toBe(2);
      const [first, second] = [
        { position: 1, topic: 'message.new.-100', payload, at: NOW },
        { position: 2, topic: 'job.progress', payload: { done: 1 }, at: NOW + 5 },
      ];
      expect(await store.readEvents(0, 10)).toEqual({ events: [first, second], head: 2, oldest: 1 });
      expect(await store.readEvents(0, 1)).toEqual({ events: [first], head: 2, oldest: 1 });
      expect(await store.readEvents(1, 10)).toEqual({ events: [second], head: 2, oldest: 1 });
      expect(await store.readEvents(2, 10)).toEqual({ events: [], head: 2, oldest: 1 });
      expect(await store.readEvents(0, 0)).toEqual({ events: [], head: 2, oldest: 1 });
      expect(await store.streamState()).toEqual({ head: 2, oldest: 1, waiting: 0, waitingSince: null });
    });

    test('grows by no more at once than was asked for, and by nothing where nothing is new', async () => {
      const { store } = await harness().fresh();
      const token = await taken(store);
      await write(store, 'a', 'b', 'c');
      expect(await store.placeEvents('one', token, 2, LEASE_MS)).toBe(2);
      expect(await store.placeEvents('one', token, 2, LEASE_MS)).toBe(1);
      expect(await store.placeEvents('one', token, 2, LEASE_MS)).toBe(0);
      expect(await topics(store)).toEqual(['a', 'b', 'c']);
    });

    test('gives nothing that was rolled back, and leaves no hole for it', async () => {
      const { store } = await harness().fresh();
      const token = await taken(store);
      await write(store, 'a');
      const failing = store.transaction(async (tx) => {
        await tx.appendOutbox([{ topic: 'job.failed', payload: {} }]);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      await write(store, 'b');
      await store.placeEvents('one', token, 10, LEASE_MS);
      expect((await store.readEvents(0, 10)).events.map(({ position, topic }) => [position, topic])).toEqual([
        [1, 'a'],
        [2, 'b'],
      ]);
    });

    test('is the same whichever of two sequencers places, one after the other or at once', async () => {
      const { store, driver } = await harness().fresh();
      const old = await taken(store);
      await write(store, ...Array.from({ length: 40 }, (_, n) => `e${n}`));
      const first = store.placeEvents('one', old, 15, LEASE_MS);
      const taking = (async () => {
        await driver.query('UPDATE stream SET expires_at = clock_timestamp()');
        return (await store.takeSequencer('other', LEASE_MS)) as number;
      })();
      const token = await taking;
      const [mine, late] = await Promise.all([
        store.placeEvents('other', token, 100, LEASE_MS),
        store.placeEvents('one', old, 100, LEASE_MS),
      ]);
      expect(late ?? 0).toBe(0);
      expect(((await first) ?? 0) + (mine ?? 0)).toBe(40);
      expect(await topics(store)).toEqual(Array.from({ length: 40 }, (_, n) => `e${n}`));
    });

    test('never shows a position before all that are below it, whoever writes, in whatever order they commit', async () => {
      const { store } = await harness().fresh();
      if (store.kind === 'pglite') return; // One transaction at a time: they commit in the order of their ids.
      const token = await taken(store);
      let written = 0;
      let at = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.nat({ max: 3 }), { minLength: 2, maxLength: 6 }),
          fc.infiniteStream(fc.nat()),
          async (sizes, chance) => {
            const open = await Promise.all(sizes.map((size, n) => openWriter(store, n, size)));
            written += sizes.reduce((sum, size) => sum + size, 0);
            const seen: StreamEvent[] = [];
            const look = async (): Promise<void> => {
              // Twice at once, as after an answer that was lost.
              await Promise.all([1, 2].map(() => store.placeEvents('one', token, 2, LEASE_MS)));
              const { events, head } = await store.readEvents(at, 100);
              for (const event of events) expect(event.position).toBe(++at);
              expect(at).toBe(head);
              seen.push(...events);
            };
            while (open.length > 0) {
              const [{ value = 0 }] = [chance.next()];
              await open.splice(value % open.length, 1)[0]?.commit();
              if (value % 3 > 0) await look();
            }
            while (at < written) await look();
            // What one transaction wrote stays in its order.
            for (const [writer, size] of sizes.entries()) {
              const own = seen.filter(({ payload }) => payload.writer === writer).map(({ payload }) => payload.n);
              expect(own).toEqual(Array.from({ length: size }, (_, n) => n));
            }
          },
        ),
        { numRuns: 15 },
      );
      expect(written).toBeGreaterThan(20);
    });
  });

  describe('old events', () => {
    test('go from the beginning, and it is known up to where', async () => {
      const { store, clock } = await harness().fresh();
      const token = await taken(store);
      for (const [age, topic] of [
        [9, 'a'],
        [8, 'b'],
        [6, 'c'],
      ] as const) {
        clock.nowMs = NOW - age * DAY;
        await write(store, topic);
      }
      clock.nowMs = NOW;
      await store.placeEvents('one', token, 10, LEASE_MS);
      expect(await store.prune(NOW, 1)).toBe(1);
      expect(await store.readEvents(0, 10)).toMatchObject({ oldest: 2, head: 3 });
      expect(await store.prune(NOW, 10)).toBe(1);
      expect(await store.readEvents(0, 10)).toMatchObject({ events: [{ position: 3, topic: 'c' }], oldest: 3, head: 3 });
      expect(await store.prune(NOW, 10)).toBe(0);
      expect(await store.prune(NOW + 8 * DAY, 10)).toBe(1);
      expect(await store.readEvents(0, 10)).toEqual({ events: [], oldest: 4, head: 3 });
      await write(store, 'd');
      await store.placeEvents('one', token, 10, LEASE_MS);
      expect(await store.readEvents(0, 10)).toMatchObject({ events: [{ position: 4, topic: 'd' }], oldest: 4, head: 4 });
    });

    test('stay while an older position is younger, or they have none: the stream has no holes and skips nothing', async () => {
      const { store, clock } = await harness().fresh();
      const token = await taken(store);
      await write(store, 'young');
      await store.placeEvents('one', token, 10, LEASE_MS);
      clock.nowMs = NOW - 10 * DAY;
      await write(store, 'placed late');
      await store.placeEvents('one', token, 10, LEASE_MS);
      await write(store, 'not placed');
      expect(await store.prune(NOW, 10)).toBe(0);
      await store.placeEvents('one', token, 10, LEASE_MS);
      expect(await topics(store)).toEqual(['young', 'placed late', 'not placed']);
    });

    test('are deleted once, however many delete them', async () => {
      const { store, clock } = await harness().fresh();
      const token = await taken(store);
      clock.nowMs = NOW - 8 * DAY;
      await write(store, ...Array.from({ length: 30 }, (_, n) => `e${n}`));
      await store.placeEvents('one', token, 100, LEASE_MS);
      const rows = await Promise.all([store.prune(NOW, 20), store.prune(NOW, 20), store.prune(NOW, 20)]);
      const gone = rows.reduce((sum, n) => sum + n, 0);
      expect(await store.readEvents(0, 100)).toMatchObject({ oldest: gone + 1, head: 30 });
      expect((await store.readEvents(0, 100)).events).toHaveLength(30 - gone);
    });
  });
}

async function taken(store: Store): Promise<number> {
  return (await store.takeSequencer('one', LEASE_MS)) as number;
}

/** The order is what matters here, so their names are no topics. */
async function write(store: Store, ...named: readonly string[]): Promise<void> {
  await store.transaction((tx) => tx.appendOutbox(named.map((topic) => ({ topic: topic as EventTopic, payload: {} }))));
}

async function topics(store: TestStore['store']): Promise<string[]> {
  const { events } = await store.readEvents(0, 1_000);
  expect(events.map(({ position }) => position)).toEqual(events.map((_, at) => at + 1));
  return events.map(({ topic }) => topic);
}

/** A transaction that has written its events and waits for the word to commit. */
async function openWriter(store: Store, writer: number, size: number): Promise<{ commit(): Promise<void> }> {
  const word = deferred<void>();
  const written = deferred<void>();
  const done = store.transaction(async (tx: StoreTransaction) => {
    await tx.appendOutbox(Array.from({ length: size }, (_, n) => ({ topic: `message.new.${writer}`, payload: { writer, n } })));
    written.resolve();
    await word.promise;
  });
  await written.promise;
  return {
    commit: async () => {
      word.resolve();
      await done;
    },
  };
}
