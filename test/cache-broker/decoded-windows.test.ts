import { describe, expect, it } from 'vitest';
import { DecodedWindows } from '../../src/actors/cache/redis/decoded-windows.ts';
import { windowOf } from './cache-fixtures.ts';

const TEXT = JSON.stringify(windowOf(1));

describe('decoded windows', () => {
  it('stay the same object until another one takes their place', () => {
    const windows = new DecodedWindows(10 * TEXT.length);
    const kept = windows.keep(-1, 'e', '1', TEXT);
    expect(kept).toEqual(windowOf(1));
    expect(windows.find(-1)).toMatchObject({ epoch: 'e', version: '1' });
    expect(windows.find(-1)?.window).toBe(kept);
    expect(windows.keep(-1, 'e', '2', TEXT)).not.toBe(kept);
    expect(windows.find(-1)?.version).toBe('2');
  });

  it('are let go where there are too many, the least recently used first', () => {
    const windows = new DecodedWindows(2 * TEXT.length);
    windows.keep(-1, 'e', '1', TEXT);
    windows.keep(-2, 'e', '1', TEXT);
    windows.find(-1);
    windows.keep(-3, 'e', '1', TEXT);
    expect([-1, -2, -3].map((id) => windows.find(id) !== undefined)).toEqual([true, false, true]);
  });

  it('make room again when they are forgotten', () => {
    const windows = new DecodedWindows(2 * TEXT.length);
    windows.keep(-1, 'e', '1', TEXT);
    windows.keep(-2, 'e', '1', TEXT);
    windows.forget(-1);
    windows.forget(-1);
    windows.keep(-3, 'e', '1', TEXT);
    expect([-1, -2, -3].map((id) => windows.find(id) !== undefined)).toEqual([false, true, true]);
  });

  it('that are larger than all that may be kept are given, and not kept', () => {
    const windows = new DecodedWindows(TEXT.length - 1);
    expect(windows.keep(-1, 'e', '1', TEXT)).toEqual(windowOf(1));
    expect(windows.find(-1)).toBeUndefined();
  });
});
