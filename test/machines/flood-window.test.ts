import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOOD_SPREAD_MS, type FloodWindows, NO_FLOOD, openWindow, windowLeftMs } from '../../src/machines/flood-window.ts';

const least = (): number => 0;

describe('a flood window', () => {
  it('keeps its kind of call quiet as long as Telegram said, and no other', () => {
    const windows = openWindow(NO_FLOOD, 'history', 30_000, 1_000, least);
    expect(windowLeftMs(windows, 'history', 1_000)).toBe(30_000);
    expect(windowLeftMs(windows, 'history', 30_999)).toBe(1);
    expect(windowLeftMs(windows, 'history', 31_000)).toBe(0);
    expect(windowLeftMs(windows, 'history', 99_000)).toBe(0);
    expect(windowLeftMs(windows, 'resolve', 1_000)).toBe(0);
  });

  it('is not shortened by a shorter wait that was named later', () => {
    const long = openWindow(NO_FLOOD, 'history', 30_000, 0, least);
    expect(windowLeftMs(openWindow(long, 'history', 5_000, 10_000, least), 'history', 10_000)).toBe(20_000);
    expect(windowLeftMs(openWindow(long, 'history', 60_000, 10_000, least), 'history', 10_000)).toBe(60_000);
  });

  it('forgets windows that are over, so that there are never more than kinds of calls waiting', () => {
    const first = openWindow(NO_FLOOD, 'history', 1_000, 0, least);
    expect([...openWindow(first, 'resolve', 1_000, 1_000, least).keys()]).toEqual(['resolve']);
  });

  it('lasts at least as long as the longest wait that was named, and a spread more at most', () => {
    const flood = fc.record({
      kind: fc.constantFrom('a', 'b'),
      waitMs: fc.nat(100_000),
      afterMs: fc.nat(50_000),
      chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(flood, { minLength: 1, maxLength: 20 }), (floods) => {
        let windows: FloodWindows = NO_FLOOD;
        let now = 0;
        const ends = new Map<string, number>();
        for (const { kind, waitMs, afterMs, chance } of floods) {
          now += afterMs;
          windows = openWindow(windows, kind, waitMs, now, () => chance);
          ends.set(kind, Math.max(ends.get(kind) ?? 0, now + waitMs));
        }
        for (const [kind, end] of ends) {
          const left = windowLeftMs(windows, kind, now);
          expect(left).toBeGreaterThanOrEqual(Math.max(0, end - now));
          expect(left).toBeLessThan(Math.max(0, end - now) + FLOOD_SPREAD_MS + 1);
        }
      }),
    );
  });
});
