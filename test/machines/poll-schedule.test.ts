import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextPollAt } from '../../src/machines/poll-schedule.ts';

const S = 1_000;
const MINUTE = 60 * S;

describe('a channel that is not pushed is asked', () => {
  test.each([
    ['as often as is allowed while something happens', { activeAt: 1_000 * S }, 15 * S],
    ['a quarter of its quiet time later', { activeAt: 1_000 * S - 8 * MINUTE }, 2 * MINUTE],
    ['seldom when it is quiet', { activeAt: 0 }, 250 * S],
    ['some minutes later when nothing is known of it', { activeAt: undefined }, 225 * S],
    ['not before Telegram wants it', { activeAt: 1_000 * S, timeoutS: 40 }, 40 * S],
    ['every quarter of an hour even where Telegram wants it later', { activeAt: 1_000 * S, timeoutS: 7_200 }, 15 * MINUTE],
  ])('%s', (_, state, afterMs) => {
    expect(nextPollAt({ askedAt: 1_000 * S, timeoutS: null, ...state }) - 1_000 * S).toBeCloseTo(afterMs, 6);
  });

  test('never sooner than 15 s, never later than 15 min', () => {
    const time = fc.double({ min: 0, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(time, fc.option(time, { nil: undefined }), fc.option(fc.nat(1e6)), (askedAt, activeAt, timeoutS) => {
        const pauseMs = nextPollAt({ askedAt, activeAt, timeoutS }) - askedAt;
        expect(pauseMs).toBeGreaterThanOrEqual(15 * S - 1);
        expect(pauseMs).toBeLessThanOrEqual(15 * MINUTE + 1);
      }),
    );
  });
});
