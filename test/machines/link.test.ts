import { describe, expect, test } from 'vitest';
import { createActor, fromCallback, fromPromise } from 'xstate';
import { stateName } from '../../src/actors/state-name.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { type LinkLost, linkMachine } from '../../src/machines/link.machine.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Asked = 'prepare' | 'check' | 'prove';

/** @param whole what is asked of it is done at once; else the test says when */
function house({ whole = true } = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const asked: Record<Asked, Deferred<void>[]> = { prepare: [], check: [], prove: [] };
  const ask = (what: Asked): Promise<void> => {
    const answer = deferred();
    asked[what].push(answer);
    return answer.promise;
  };
  const watchers = new Set<() => void>();
  const actor = createActor(
    linkMachine.provide({
      actors: {
        prepare: fromPromise<void>(() => ask('prepare')),
        check: fromPromise<void>(() => ask('check')),
        prove: fromPromise<void>(() => (whole ? Promise.resolve() : ask('prove'))),
        watch: fromCallback<LinkLost>(({ sendBack }) => {
          const lose = (): void => sendBack({ type: 'LOST', error: new VigiliaError('BROKER_UNAVAILABLE', 'gone') });
          watchers.add(lose);
          return () => watchers.delete(lose);
        }),
      },
      actions: {
        goAhead: () => void told.push('go ahead'),
        tellUp: () => void told.push('up'),
        tellWhole: () => void (whole || told.push('whole')),
        tellLimited: () => void told.push('limited'),
        tellDown: () => void told.push('down'),
        tellRefused: () => void told.push('refused'),
        tellEnded: () => void told.push('ended'),
      },
    }),
    { input: { backoffMs: (attempt) => 100 * 2 ** attempt, patienceMs: () => 1_000 }, clock },
  ).start();
  return {
    clock,
    told,
    actor,
    asked,
    watchers,
    state: () => stateName(actor.getSnapshot().value),
    context: () => actor.getSnapshot().context,
    done: async (what: Asked) => {
      asked[what].at(-1)?.resolve();
      await clock.settle();
    },
    failed: async (what: Asked, code: ErrorCode = 'STORE_UNAVAILABLE') => {
      asked[what].at(-1)?.reject(new VigiliaError(code, 'no'));
      await clock.settle();
    },
  };
}

describe('the link to a server', () => {
  test('is prepared, then up, then asked every 5 s', async () => {
    const { clock, told, asked, state, done } = house();
    expect(state()).toBe('connecting');
    await done('prepare');
    expect(state()).toBe('up.waiting');
    expect(told).toEqual(['up']);
    for (let checks = 1; checks <= 3; checks++) {
      await clock.advance(4_999);
      expect(asked.check).toHaveLength(checks - 1);
      await clock.advance(1);
      expect(state()).toBe('up.checking');
      expect(asked.check).toHaveLength(checks);
      await done('check');
    }
    expect(told).toEqual(['up']);
  });

  test.each(['STORE_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'TELEGRAM_FLOOD'] as const)(
    'that cannot be made for now (%s) is tried again after its backoff, for ever',
    async (code) => {
      const { clock, told, asked, state, context, failed, done } = house();
      for (let failure = 0; failure < 12; failure++) {
        await failed('prepare', code);
        expect(state()).toBe('down');
        expect(context()).toMatchObject({ attempt: failure, lastError: { code } });
        await clock.advance(100 * 2 ** failure - 1);
        expect(state()).toBe('down');
        await clock.advance(1);
        expect(state()).toBe('connecting');
      }
      expect(asked.prepare).toHaveLength(13);
      await done('prepare');
      expect(told).toEqual([...Array.from({ length: 12 }, () => 'down'), 'up']);
      expect(context()).toMatchObject({ attempt: 0, lastError: null });
    },
  );

  test('that was up goes down at a failed check, is prepared anew, and its backoff starts from the beginning', async () => {
    const { clock, state, context, done, failed, asked } = house();
    await failed('prepare');
    await clock.advance(100);
    await done('prepare');
    await clock.advance(5_000);
    await failed('check');
    expect(state()).toBe('down');
    expect(context()).toMatchObject({ attempt: 0, lastError: { code: 'STORE_UNAVAILABLE' } });
    await clock.advance(100);
    expect(asked.prepare).toHaveLength(3);
    await done('prepare');
    expect(state()).toBe('up.waiting');
  });

  test.each(['up.waiting', 'up.checking'])(
    'that is lost while it is %s goes down at once, and is watched only while it is up',
    async (wanted) => {
      const { clock, told, asked, watchers, state, context, done } = house();
      expect(watchers.size).toBe(0);
      await done('prepare');
      if (wanted === 'up.checking') await clock.advance(5_000);
      expect(state()).toBe(wanted);
      for (const lose of watchers) lose();
      await clock.settle();
      expect(state()).toBe('down');
      expect(told).toEqual(['up', 'down']);
      expect(context()).toMatchObject({ attempt: 0, lastError: { code: 'BROKER_UNAVAILABLE', message: 'gone' } });
      expect(watchers.size).toBe(0);
      await clock.advance(100);
      expect(asked.prepare).toHaveLength(2);
      await done('prepare');
      expect(state()).toBe('up.waiting');
      expect(watchers.size).toBe(1);
    },
  );

  test('that does not answer is not waited for beyond its patience, and is still connecting', async () => {
    const { clock, told, state, done } = house();
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['go ahead']);
    expect(state()).toBe('connecting');
    await clock.advance(60_000);
    await done('prepare');
    expect(told).toEqual(['go ahead', 'up']);
  });

  test('that answers and fails at what it is for is limited, asked again every 5 s, and whole once that works', async () => {
    const { clock, told, state, context, done, failed } = house({ whole: false });
    await done('prepare');
    expect(state()).toBe('up.proving');
    await failed('prove');
    expect(state()).toBe('up.doubted');
    await done('check');
    for (let time = 0; time < 3; time++) {
      expect(state()).toBe('up.limited');
      expect(context()).toMatchObject({ lastError: { code: 'STORE_UNAVAILABLE' } });
      await clock.advance(5_000);
      await done('check');
      await failed('prove');
      await done('check');
    }
    await clock.advance(5_000);
    await done('check');
    await done('prove');
    expect(state()).toBe('up.waiting');
    expect(context()).toMatchObject({ attempt: 0, lastError: null });
    expect(told).toEqual(['up', 'limited', 'limited', 'limited', 'limited', 'whole']);
  });

  test('that fails at what it is for, and does not answer then either, is down', async () => {
    const { told, state, done, failed } = house({ whole: false });
    await done('prepare');
    await failed('prove');
    await failed('check');
    expect(state()).toBe('down');
    expect(told).toEqual(['up', 'down']);
  });

  test('stays a state when a check fails in any other way', async () => {
    const { clock, state, done, failed } = house();
    await done('prepare');
    await clock.advance(5_000);
    await failed('check', 'STORE_REFUSED');
    expect(state()).toBe('down');
  });

  test.each(['FOREIGN_DATABASE', 'SCHEMA_TOO_NEW', 'STORE_REFUSED', 'INTERNAL'] as const)(
    'to a server that is not ours to use (%s) ends, with the reason',
    async (code) => {
      const { actor, failed, told } = house();
      await failed('prepare', code);
      expect(actor.getSnapshot()).toMatchObject({ value: 'ended', status: 'done', output: { failure: { code } } });
      expect(told).toEqual(['refused']);
      expect(actor.getSnapshot().context.lastError).toMatchObject({ code });
    },
  );

  test.each(['connecting', 'up.waiting', 'up.checking', 'down'])(
    'that is %s ends without a failure when it is told to',
    async (wanted) => {
      const { actor, clock, state, done, failed } = house();
      if (wanted.startsWith('up')) await done('prepare');
      if (wanted === 'up.checking') await clock.advance(5_000);
      if (wanted === 'down') await failed('prepare');
      expect(state()).toBe(wanted);
      actor.send({ type: 'SHUTDOWN' });
      expect(actor.getSnapshot()).toMatchObject({ value: 'ended', status: 'done', output: {} });
      expect(actor.getSnapshot().output).not.toHaveProperty('failure');
    },
  );
});
