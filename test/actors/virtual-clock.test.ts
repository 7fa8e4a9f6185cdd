import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pause } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('the virtual clock', () => {
  it('stops at each deadline on the way, so that chained delays all fire, each at its time', async () => {
    const clock = new VirtualClock(0);
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      if (fired.length < 5) clock.setTimeout(again, 100);
    };
    clock.setTimeout(again, 100);
    await clock.advance(1_000);
    expect(fired).toEqual([100, 200, 300, 400, 500]);
    expect(clock.now()).toBe(1_000);
    expect(clock.pending).toBe(0);
  });

  it('runs the promises behind a timer before the next timer', async () => {
    const clock = new VirtualClock(0, { turns: 1 });
    const journal: string[] = [];
    clock.setTimeout(() => journal.push('second'), 2);
    void pause(clock, 1, new AbortController().signal)
      .then(() => Promise.resolve())
      .then(() => Promise.resolve())
      .then(() => journal.push('behind the first'));
    await clock.advance(2);
    expect(journal).toEqual(['behind the first', 'second']);
  });

  it('does not pass the end, nor go back', async () => {
    const clock = new VirtualClock(50);
    let fired = false;
    clock.setTimeout(() => {
      fired = true;
    }, 10);
    await clock.advance(9.5);
    expect(fired).toBe(false);
    await clock.advanceTo(10);
    expect(clock.now()).toBe(59.5);
    await clock.advance(0.5);
    expect(fired).toBe(true);
  });

  it('fires what is due at once, and what has a delay below zero, when it settles', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('zero'), 0);
    clock.setTimeout(() => fired.push('below'), -5);
    clock.setTimeout(() => fired.push('never'), Number.POSITIVE_INFINITY);
    await clock.settle();
    expect(fired).toEqual(['zero', 'below']);
    expect(clock.pending).toBe(1);
  });

  it('throws what a timer throws, or gives it to who takes it, in the context in which the timer was set', async () => {
    const storage = new AsyncLocalStorage<string>();
    const throwing = (clock: VirtualClock) =>
      storage.run('theirs', () =>
        clock.setTimeout(() => {
          throw new Error('in a timer');
        }, 1),
      );
    const strict = new VirtualClock();
    throwing(strict);
    await expect(strict.advance(1)).rejects.toThrow('in a timer');
    const taken: unknown[] = [];
    const kind = new VirtualClock(0, { uncaught: (error) => taken.push([(error as Error).message, storage.getStore()]) });
    throwing(kind);
    await kind.advance(1);
    expect(taken).toEqual([['in a timer', 'theirs']]);
  });

  it('says so when timers go on for ever without time passing', async () => {
    const clock = new VirtualClock(0, { turns: 0 });
    const again = (): void => {
      clock.setTimeout(again, 0);
    };
    again();
    await expect(clock.advance(1)).rejects.toThrow(/goes in circles/);
  });

  it('fires in the order of deadlines, of equal ones in the order in which they were set, and none that was cleared', async () => {
    const timers = fc.array(fc.record({ delayMs: fc.nat({ max: 20 }), clearedBy: fc.option(fc.nat({ max: 60 })) }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(timers, async (plan) => {
        const clock = new VirtualClock(0, { turns: 0 });
        const fired: number[] = [];
        const set = plan.map(({ delayMs }, index) => clock.setTimeout(() => fired.push(index), delayMs));
        const cleared = new Set(plan.flatMap(({ clearedBy }) => (clearedBy === null ? [] : [clearedBy % plan.length])));
        for (const index of cleared) {
          clock.clearTimeout(set[index]);
          clock.clearTimeout(set[index]);
        }
        expect(clock.pending).toBe(plan.length - cleared.size);
        await clock.advance(20);
        const expected = plan
          .map(({ delayMs }, index) => ({ delayMs, index }))
          .filter(({ index }) => !cleared.has(index))
          .sort((one, other) => one.delayMs - other.delayMs || one.index - other.index);
        expect(fired).toEqual(expected.map(({ index }) => index));
        for (const timer of set) clock.clearTimeout(timer);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
