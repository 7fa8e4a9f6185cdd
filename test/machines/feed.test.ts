import { describe, expect, test } from 'vitest';
import { createActor, fromPromise } from 'xstate';
import { stateName } from '../../src/actors/state-name.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { feedMachine } from '../../src/machines/feed.machine.ts';
import type { Next } from '../../src/machines/ledger.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function house() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const pages: number[] = [];
  let turn = deferred();
  let difference: Deferred<Next> = deferred();
  let page: Deferred<{ done: boolean }> = deferred();
  const actor = createActor(
    feedMachine.provide({
      actors: {
        awaitTurn: fromPromise<void>(() => {
          turn = deferred();
          return turn.promise;
        }),
        askDifference: fromPromise<Next>(() => {
          difference = deferred();
          return difference.promise;
        }),
        readPage: fromPromise<{ readonly done: boolean }, { readonly targetPts: number }>(({ input }) => {
          pages.push(input.targetPts);
          page = deferred();
          return page.promise;
        }),
        beginAnew: fromPromise<void>(async () => void told.push('anew')),
      },
      actions: {
        giveTurnBack: () => void told.push('turn back'),
        tellTooLong: () => void told.push('too long'),
        tellPaused: () => void told.push('paused'),
      },
    }),
    { input: { backoffMs: (failures) => 1_000 * 2 ** failures }, clock },
  ).start();
  const state = (): string => stateName(actor.getSnapshot().value) ?? '';
  const after = async (act: () => void): Promise<string> => {
    act();
    await clock.settle();
    return state();
  };
  return {
    actor,
    clock,
    told,
    pages,
    state,
    turn: () => after(() => turn.resolve()),
    next: (next: Next) => after(() => difference.resolve(next)),
    refused: (code: ErrorCode, retryAfterMs?: number) =>
      after(() => difference.reject(new VigiliaError(code, 'no', retryAfterMs === undefined ? {} : { retryAfterMs }))),
    page: (done: boolean) => after(() => page.resolve({ done })),
    pageRefused: (code: ErrorCode) => after(() => page.reject(new VigiliaError(code, 'no'))),
  };
}

describe('a feed that misses something', () => {
  test('waits for its turn, asks, and is gone when it misses nothing', async () => {
    const { state, turn, next, told, actor } = house();
    expect(state()).toBe('gap');
    expect(await turn()).toBe('recovering');
    expect(await next({ kind: 'live' })).toBe('live');
    expect(actor.getSnapshot().status).toBe('done');
    expect(told).toEqual(['turn back']);
  });

  test('asks slice after slice, and lets others ask in between', async () => {
    const { turn, next, told } = house();
    for (let slice = 1; slice <= 3; slice++) {
      expect(await turn()).toBe('recovering');
      expect(await next({ kind: 'again', afterMs: 0 })).toBe('gap');
      expect(told).toHaveLength(slice);
    }
  });

  test('waits as long as the ledger says before it asks again', async () => {
    const { turn, next, clock, state } = house();
    await turn();
    expect(await next({ kind: 'again', afterMs: 500 })).toBe('waiting');
    await clock.advance(499);
    expect(state()).toBe('waiting');
    await clock.advance(1);
    expect(state()).toBe('gap');
  });

  test('reads the history when it is too long, page by page, and asks from there', async () => {
    const { turn, next, page, pages, told } = house();
    await turn();
    expect(await next({ kind: 'backfill', pts: 90 })).toBe('too-long');
    expect(await turn()).toBe('backfilling');
    expect(await page(false)).toBe('too-long');
    expect(await turn()).toBe('backfilling');
    expect(await page(true)).toBe('gap');
    expect(pages).toEqual([90, 90]);
    expect(told.filter((what) => what === 'turn back')).toHaveLength(3);
    expect(await turn()).toBe('recovering');
    expect(await next({ kind: 'live' })).toBe('live');
  });

  test('goes on with the page that failed', async () => {
    const { turn, next, pageRefused, clock, state, page } = house();
    await turn();
    await next({ kind: 'backfill', pts: 90 });
    await turn();
    expect(await pageRefused('TELEGRAM_TIMEOUT')).toBe('waiting');
    await clock.advance(1_000);
    expect(state()).toBe('too-long');
    expect(await turn()).toBe('backfilling');
    expect(await page(true)).toBe('gap');
  });

  test('waits out a flood, for as long as Telegram said', async () => {
    const { turn, refused, clock, state } = house();
    await turn();
    expect(await refused('TELEGRAM_FLOOD', 30_000)).toBe('waiting');
    await clock.advance(29_999);
    expect(state()).toBe('waiting');
    await clock.advance(1);
    expect(state()).toBe('gap');
  });

  test('waits longer after each failure, and starts anew after a success', async () => {
    const { turn, next, refused, clock, state, actor } = house();
    for (const delayMs of [1_000, 2_000, 4_000]) {
      await turn();
      await refused('TELEGRAM_TRANSIENT');
      await clock.advance(delayMs - 1);
      expect(state()).toBe('waiting');
      await clock.advance(1);
      expect(state()).toBe('gap');
    }
    await turn();
    await next({ kind: 'again', afterMs: 0 });
    expect(actor.getSnapshot().context).toMatchObject({ failures: 0, lastError: null });
  });

  test('begins anew where Telegram does not know the place, and waits longer each time that this does not help', async () => {
    const { clock, told, state, turn, next, refused } = house();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      await turn();
      expect(await refused('TELEGRAM_PLACE_UNKNOWN')).toBe('waiting');
      await clock.advance(waitMs - 1);
      expect(state()).toBe('waiting');
      await clock.advance(1);
      expect(state()).toBe('gap');
    }
    expect(told).toEqual(['turn back', 'anew', 'turn back', 'anew', 'turn back', 'anew']);
    await turn();
    expect(await next({ kind: 'live' })).toBe('live');
  });

  test('leaves a channel alone that it may not see, until it shows itself or an hour has passed', async () => {
    const { turn, refused, clock, state, actor, told } = house();
    await turn();
    expect(await refused('CHANNEL_NOT_FOUND')).toBe('paused');
    expect(told).toEqual(['turn back', 'paused']);
    await clock.advance(3_599_999);
    expect(state()).toBe('paused');
    await clock.advance(1);
    expect(state()).toBe('gap');
    await turn();
    await refused('CHANNEL_NOT_FOUND');
    actor.send({ type: 'RESUME' });
    expect(state()).toBe('gap');
  });

  test.each(['UNFOLLOW', 'SHUTDOWN'] as const)('ends with %s, and gives its turn back', async (type) => {
    const { turn, actor, state, told } = house();
    await turn();
    actor.send({ type });
    expect(state()).toBe('stopped');
    expect(actor.getSnapshot().status).toBe('done');
    expect(told).toEqual(['turn back']);
  });
});
