import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock, within } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const LONGEST_MS = 2 ** 31 - 1;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function timer(delayMs: number) {
  const fired = vi.fn();
  const handle = systemClock.setTimeout(fired, delayMs);
  return { fired, clear: () => systemClock.clearTimeout(handle) };
}

test.each([0, -5, 1, 5_000, LONGEST_MS - 1, LONGEST_MS, LONGEST_MS + 1, 3 * LONGEST_MS, 3 * LONGEST_MS + 7])(
  'a delay of %d ms fires then, once, and not before',
  (delayMs) => {
    const { fired } = timer(delayMs);
    vi.advanceTimersByTime(Math.max(0, delayMs - 1));
    expect(fired).toHaveBeenCalledTimes(delayMs <= 0 ? 1 : 0);
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(4 * LONGEST_MS);
    expect(fired).toHaveBeenCalledTimes(1);
  },
);

test('a delay without end never fires', () => {
  const { fired } = timer(Number.POSITIVE_INFINITY);
  vi.advanceTimersByTime(40 * LONGEST_MS);
  expect(fired).not.toHaveBeenCalled();
});

test.each([5_000, 3 * LONGEST_MS, Number.POSITIVE_INFINITY])(
  'a delay of %d ms that is cleared leaves no timer, whenever that is',
  (delayMs) => {
    for (const passed of [0, 1_000, 2 * LONGEST_MS]) {
      const { fired, clear } = timer(delayMs);
      vi.advanceTimersByTime(Math.min(passed, delayMs - 1));
      clear();
      expect(vi.getTimerCount()).toBe(0);
      expect(fired).not.toHaveBeenCalled();
    }
  },
);

test('work that is done in time is what comes of it, a failure too, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const late = vi.fn();
  expect(await within(clock, 1_000, Promise.resolve('done'), late)).toBe('done');
  await expect(within(clock, 1_000, Promise.reject(new Error('failed')), late)).rejects.toThrow('failed');
  expect(clock.pending).toBe(0);
  expect(late).not.toHaveBeenCalled();
});

test('work that is late is not waited for: something comes instead, or it fails; nobody is told of its own failure', async () => {
  vi.useRealTimers();
  const clock = new VirtualClock();
  let fail = (_: Error): void => {};
  const work = new Promise<string>((_, reject) => {
    fail = reject;
  });
  const answers = [
    within(clock, 1_000, work, () => 'instead'),
    within(clock, 1_000, work, () => {
      throw new Error('too late');
    }),
  ];
  const settled = Promise.allSettled(answers);
  await clock.advance(1_000);
  fail(new Error('long after'));
  await clock.settle();
  expect(await settled).toMatchObject([{ value: 'instead' }, { reason: { message: 'too late' } }]);
});
