import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changedWindow } from '../../src/actors/cache/changed-window.ts';
import { forgetWindow, renewWindow } from '../../src/actors/cache/forget-window.ts';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { BoxTransaction } from '../../src/actors/telegram/box-transaction.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { toldPart } from '../../src/message-json.ts';
import type { Cache, Store, TelegramUpdate } from '../../src/ports.ts';
import { CHANNEL_ID, channel, message } from '../store/fixtures.ts';
import { pgliteHarness, type StoreHarness } from '../store/store-harness.ts';
import { byId, windowOf } from './cache-fixtures.ts';

/** What happens, as chance has it; ids are near each other, so that much of it meets. */
const happening = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constantFrom('write' as const, 'write', 'write', 'write', 'write at another date'),
      id: fc.integer({ min: 1, max: 14 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('delete' as const), id: fc.integer({ min: 1, max: 14 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('views' as const, 'pin' as const), id: fc.integer({ min: 1, max: 14 }) }),
  },
);
const command = fc.oneof(
  // A window of so many messages is put, as a reader does.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), depth: fc.integer({ min: 1, max: 8 }) }) },
  // A batch, while another process may have committed one and not said so yet.
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      happenings: fc.array(happening, { minLength: 1, maxLength: 4 }),
      /** The answer to its COMMIT is lost, and it is written again. */
      lost: fc.nat(5).map((n) => n === 0),
      other: fc.option(fc.array(happening, { minLength: 1, maxLength: 2 }), { freq: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('synced' as const), depth: fc.nat(6), complete: fc.boolean() }) },
);

class House {
  readonly cache: Cache = createMemoryCache(clock);
  readonly #store: Store;
  #pts = 1;

  constructor(store: Store) {
    this.#store = store;
  }

  #update({ what, id }: { readonly what: string; readonly id: number }): TelegramUpdate {
    const pts = ++this.#pts;
    const place = { pts, ptsCount: 1 };
    if (what === 'delete') return { type: 'deleted', chatId: CHANNEL_ID, ids: [id, id + 1], ...place };
    if (what === 'views') return { type: 'views', chatId: CHANNEL_ID, id, views: pts };
    if (what === 'pin') return { type: 'pinned', chatId: CHANNEL_ID, ids: [id], pinned: true, ...place };
    const raw = { action: { _: 'MessageActionPinMessage' }, more: 'than is told' };
    const kind = id % 3 === 0 ? 'service' : 'message';
    const date = 1_700_000_000 + (what === 'write' ? 0 : 60);
    return { type: 'message', message: message({ id, date, pts, kind, text: `as of ${pts}`, raw }), edited: false, ...place };
  }

  /** Commits, and says nothing yet. @returns what says it */
  async commit(
    happenings: readonly { readonly what: string; readonly id: number }[],
    lost = false,
  ): Promise<() => Promise<void>> {
    const work = new BoxTransaction('main', 1, clock);
    const entries = happenings.map((one) => ({ kind: 'update' as const, update: this.#update(one) }));
    for (let times = lost ? 2 : 1; times > 0; times -= 1) await this.#store.transaction((tx) => work.write(tx, entries, []));
    return async () => {
      if (!work.touched.has(CHANNEL_ID)) return;
      const change = work.changeOf(CHANNEL_ID);
      if (change === undefined) await forgetWindow(this.cache, this.#store, CHANNEL_ID);
      else await renewWindow(this.cache, this.#store, CHANNEL_ID, change);
    };
  }

  async read(depth: number): Promise<void> {
    const found = await this.#store.findChannel(byId());
    if (found === undefined) return;
    const messages = await this.#store.readMessages({ chatId: CHANNEL_ID, limit: depth + 1 });
    const kept = messages.slice(0, found.complete ? depth : Math.min(depth, found.syncedDepth)).map(toldPart);
    if (kept.length > 0)
      await this.cache.putWindow({ channel: found, messages: kept, complete: found.complete && messages.length <= depth });
  }

  /** @returns whether a window is held; it is what the store has */
  async check(): Promise<boolean> {
    const held = await this.cache.held(CHANNEL_ID);
    if (held === undefined) return false;
    expect(held.channel).toEqual(await this.#store.findChannel(byId()));
    const stored = (await this.#store.readMessages({ chatId: CHANNEL_ID, limit: held.messages.length + 1 })).map(toldPart);
    expect(held.messages).toEqual(stored.slice(0, held.messages.length));
    if (held.complete) expect(stored).toHaveLength(held.messages.length);
    if (!held.channel.complete) expect(held.messages.length).toBeLessThanOrEqual(held.channel.syncedDepth);
    return true;
  }
}

describe('a window that goes on with what was written', () => {
  let harness: StoreHarness;
  beforeAll(async () => {
    harness = await pgliteHarness();
  });
  afterAll(() => harness.close());

  test('is what the store has, whatever is written, by whomever', async () => {
    let renewed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 12 }), async (commands) => {
        const { store } = await harness.fresh();
        await store.ensureAccount('main');
        await store.transaction((tx) => tx.upsertChannels([channel()]));
        await store.transaction((tx) =>
          tx.upsertMessages(
            0,
            [3, 5, 6, 8, 9].map((id) => message({ id })),
          ),
        );
        await store.transaction((tx) => tx.markSynced(CHANNEL_ID, clock.now(), 5, true));
        const house = new House(store);
        await house.read(4);
        for (const one of commands) {
          if (one.kind === 'read') await house.read(one.depth);
          else if (one.kind === 'synced') {
            await store.transaction((tx) => tx.markSynced(CHANNEL_ID, clock.now(), one.depth, one.complete));
            await forgetWindow(house.cache, store, CHANNEL_ID);
          } else {
            const before = await house.cache.held(CHANNEL_ID);
            const sayOther = one.other && (await house.commit(one.other));
            const say = await house.commit(one.happenings, one.lost);
            await say();
            await sayOther?.();
            if (before !== undefined && (await house.cache.held(CHANNEL_ID)) !== undefined) renewed += 1;
          }
          await house.check();
        }
        await harness.end();
      }),
      { numRuns: 200, seed: 5 },
    );
    expect(renewed).toBeGreaterThan(100);
  }, 120_000);

  test('is given up where the change does not fit it', () => {
    const held = windowOf(5, { syncedDepth: 10 }, 3);
    const after = { ...held.channel, revision: 6 };
    const written = (id: number, inserted: boolean) => [{ message: message({ id }), inserted }];
    const plain = { statements: 1, gone: [] };
    expect(changedWindow(held, after, { ...plain, written: written(4, true) })?.messages.map(({ id }) => id)).toEqual([4, 3, 2]);
    expect(changedWindow(held, { ...after, revision: 7 }, { ...plain, written: written(4, true) })).toBeUndefined();
    expect(changedWindow(held, after, { ...plain, written: written(2, true) })).toBeUndefined();
    expect(changedWindow(held, after, { ...plain, written: written(4, false) })).toBeUndefined();
    expect(changedWindow(held, after, { statements: 1, written: [], gone: [9] })).toBeUndefined();
    const long = windowOf(5, { syncedDepth: 500 }, 101);
    expect(changedWindow(long, { ...long.channel, revision: 6 }, { ...plain, written: written(102, true) })).toBeUndefined();
  });
});
