import { describe, expect, it } from 'vitest';
import { judgeGrowth } from '../../bench/soak/growth.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';

const MB = 1e6;
const RULE = { fromMs: 60_000, allowedBytes: 3 * MB };

/** Every five seconds for five minutes. @param bytes held after so many minutes */
function readings(bytes: (minutes: number) => number) {
  return Array.from({ length: 60 }, (_, at) => ({ atMs: at * 5_000, bytes: bytes((at * 5_000) / 60_000) }));
}

describe('memory', () => {
  it('that rises steadily is a leak, also under noise', () => {
    const random = seededRandom(1);
    const { isGrowing, bytesPerMinute, tau } = judgeGrowth(
      readings((minutes) => 50 * MB + 2 * MB * minutes + MB * random()),
      RULE,
    );
    expect(isGrowing).toBe(true);
    expect(bytesPerMinute / MB).toBeCloseTo(2, 0);
    expect(tau).toBeGreaterThan(0.8);
  });

  it.each([
    ['stays, with noise of five megabytes', (minutes: number) => 50 * MB + 5 * MB * Math.abs(Math.sin(minutes * 997))],
    ['fills up during the warm-up', (minutes: number) => 50 * MB + 20 * MB * Math.min(1, minutes)],
    ['rises once, by a step', (minutes: number) => (minutes < 4 ? 50 : 70) * MB],
    ['goes in waves', (minutes: number) => 50 * MB + 10 * MB * Math.sin(minutes * 3)],
    ['rises steadily, but by less than is allowed', (minutes: number) => 50 * MB + 0.5 * MB * minutes],
    ['falls', (minutes: number) => 90 * MB - 5 * MB * minutes],
  ])('that %s is none', (_, bytes) => {
    expect(judgeGrowth(readings(bytes), RULE).isGrowing).toBe(false);
  });

  it('that jumps now and then while it leaks is one all the same', () => {
    const spiky = readings((minutes) => 50 * MB + 3 * MB * minutes).map((one, at) =>
      at % 7 === 0 ? { ...one, bytes: one.bytes + 40 * MB } : one,
    );
    expect(judgeGrowth(spiky, RULE).isGrowing).toBe(true);
  });

  it('of which too little is known is not judged', () => {
    expect(() => judgeGrowth(readings(() => MB).slice(0, 17), RULE)).toThrow(/5 readings/);
  });
});
