import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile, ratios, spreadOf } from '../../bench/harness/statistics.ts';

describe('a percentile', () => {
  it.each([
    [0.5, [4, 1, 3, 2], 2],
    [0.99, Array.from({ length: 100 }, (_, at) => 100 - at), 99],
    [0.99, [7], 7],
    [1, [10, 9, 100], 100],
    [0, [10, 9, 100], 9],
  ])('%s of values is one of them', (share, values, expected) => {
    expect(percentile(values, share)).toBe(expected);
  });

  it('of nothing is no number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('the median', () => {
  it.each([
    ['one value', [3], 3],
    ['an odd number of values', [9, 1, 5], 5],
    ['an even number: the mean of the middle two', [10, 1, 4, 2], 3],
    ['values that are not to be sorted as text', [10, 9, 100], 10],
  ])('of %s', (_, values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('has as many values below it as above it, and changes none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const before = [...values];
        const middle = median(values);
        expect(values).toEqual(before);
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
    expect(spreadOf([])).toEqual({ median: Number.NaN, min: Number.NaN, max: Number.NaN });
  });
});

describe('ratios', () => {
  it('are taken round by round, so that a slow round of both changes nothing', () => {
    expect(ratios([20, 2, 40], [10, 1, 20])).toEqual({ median: 2, min: 2, max: 2 });
  });

  it('are not the ratio of the medians', () => {
    expect(ratios([1, 2, 9], [3, 2, 1])).toEqual({ median: 1, min: 1 / 3, max: 9 });
  });

  it('refuse rounds that do not belong together', () => {
    expect(() => ratios([1], [1, 2])).toThrow(RangeError);
  });
});
