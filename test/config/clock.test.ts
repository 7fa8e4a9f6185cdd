import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';

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
