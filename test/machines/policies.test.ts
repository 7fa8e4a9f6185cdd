import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelayMs } from '../../src/machines/backoff.ts';
import { ptsVerdict } from '../../src/machines/pts.ts';
import {
  decideRestart,
  defeatsIntensity,
  type ExitReason,
  type RestartType,
  recentRestarts,
  restartGroup,
} from '../../src/machines/restart.ts';

describe('backoff', () => {
  const policy = fc.record({ baseMs: fc.integer({ min: 1, max: 10_000 }), capMs: fc.integer({ min: 1, max: 600_000 }) });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test('is a whole number of ms below min(cap, base · 2^attempt), for any number of failures', () => {
    fc.assert(
      fc.property(policy, fc.oneof(fc.nat({ max: 40 }), fc.nat()), random, (of, attempt, chance) => {
        const delay = backoffDelayMs(of, attempt, () => chance);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThan(of.capMs);
        expect(delay).toBeLessThan(of.baseMs * 2 ** Math.min(attempt, 1_000));
      }),
    );
  });

  test('uses the whole width: chance decides from 0 to the ceiling', () => {
    const delays = [0, 0.25, 0.5, 0.999_999].map((chance) => backoffDelayMs({ baseMs: 1_000, capMs: 60_000 }, 3, () => chance));
    expect(delays).toEqual([0, 2_000, 4_000, 7_999]);
  });

  test('its ceiling never falls with more failures', () => {
    fc.assert(
      fc.property(policy, fc.nat({ max: 100 }), (of, attempt) => {
        const top = () => 1 - 2 ** -53;
        expect(backoffDelayMs(of, attempt + 1, top)).toBeGreaterThanOrEqual(backoffDelayMs(of, attempt, top));
      }),
    );
  });
});

describe('pts', () => {
  test.each([
    [undefined, 100, 1, 'apply', 'the first update of a box sets it'],
    [10, 11, 1, 'apply', 'it follows'],
    [10, 13, 3, 'apply', 'a deletion of three follows'],
    [10, 10, 0, 'apply', 'it stands for nothing and follows'],
    [10, 10, 1, 'duplicate', 'it was applied before'],
    [10, 5, 1, 'duplicate', 'it is long past'],
    [10, 12, 3, 'duplicate', 'it overlaps what was applied'],
    [10, 12, 1, 'gap', 'one is missing'],
    [10, 11, 0, 'gap', 'an uncounted step is missing'],
    [10, 900, 2, 'gap', 'many are missing'],
  ] as const)('local %s, pts %d, count %d: %s (%s)', (local, pts, count, verdict, _why) => {
    expect(ptsVerdict(local, pts, count)).toBe(verdict);
  });

  test('a stream without holes is applied, each of its repetitions is a duplicate, and leaving one out is a gap', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), counts, fc.nat(), (start, steps, pick) => {
        let local = start;
        const updates = steps.map((ptsCount) => {
          local += ptsCount;
          return { pts: local, ptsCount };
        });
        const missing = pick % (updates.length - 1);
        let followed = start;
        let whole = start;
        for (const [index, { pts, ptsCount }] of updates.entries()) {
          expect(ptsVerdict(whole, pts, ptsCount)).toBe('apply');
          whole = pts;
          expect(ptsVerdict(whole, pts, ptsCount)).toBe('duplicate');
          if (index === missing) continue;
          expect(ptsVerdict(followed, pts, ptsCount)).toBe(index < missing ? 'apply' : 'gap');
          if (index < missing) followed = pts;
        }
      }),
    );
  });
});

describe('restart, as OTP has it', () => {
  const intensity = { maxRestarts: 2, periodMs: 10_000 };
  const few: readonly number[] = [95_000];
  const enough: readonly number[] = [91_000, 95_000];
  // https://www.erlang.org/doc/apps/stdlib/supervisor.html: "permanent is always restarted; temporary never; transient only if it terminates
  // abnormally"; what the supervisor itself stopped is not started again.
  const table: readonly [RestartType, ExitReason, readonly number[], string][] = [
    ['permanent', 'normal', few, 'restart'],
    ['permanent', 'failure', few, 'restart'],
    ['permanent', 'shutdown', few, 'forget'],
    ['permanent', 'normal', enough, 'give-up'],
    ['permanent', 'failure', enough, 'give-up'],
    ['permanent', 'shutdown', enough, 'forget'],
    ['transient', 'normal', few, 'forget'],
    ['transient', 'failure', few, 'restart'],
    ['transient', 'shutdown', few, 'forget'],
    ['transient', 'normal', enough, 'forget'],
    ['transient', 'failure', enough, 'give-up'],
    ['transient', 'shutdown', enough, 'forget'],
    ['temporary', 'normal', few, 'forget'],
    ['temporary', 'failure', few, 'forget'],
    ['temporary', 'shutdown', few, 'forget'],
    ['temporary', 'normal', enough, 'forget'],
    ['temporary', 'failure', enough, 'forget'],
    ['temporary', 'shutdown', enough, 'forget'],
  ];

  test.each(table)('%s that ended by %s, after restarts at %j: %s', (type, exit, restarts, decision) => {
    expect(decideRestart(type, exit, restarts, intensity, 100_000)).toBe(decision);
  });

  test('an intensity of 0 allows no restart', () => {
    expect(decideRestart('permanent', 'failure', [], { maxRestarts: 0, periodMs: 5_000 }, 1)).toBe('give-up');
  });

  test('the period slides: a restart counts until it is as old as the period', () => {
    expect(decideRestart('permanent', 'failure', [90_001, 95_000], intensity, 100_000)).toBe('give-up');
    expect(decideRestart('permanent', 'failure', [90_000, 95_000], intensity, 100_000)).toBe('restart');
    expect(recentRestarts([1, 90_000, 90_001, 100_000], intensity, 100_000)).toEqual([90_001, 100_000]);
  });

  test('more than the intensity within the period, and only then, gives up', () => {
    const times = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(times, fc.nat({ max: 5 }), fc.integer({ min: 1, max: 20_000 }), (restarts, maxRestarts, periodMs) => {
        const now = 30_000;
        const within = restarts.filter((at) => at > now - periodMs).length;
        const decision = decideRestart('permanent', 'failure', restarts, { maxRestarts, periodMs }, now);
        expect(decision).toBe(within + 1 > maxRestarts ? 'give-up' : 'restart');
      }),
    );
  });
});

describe('who restarts with a child that failed', () => {
  const children = ['a', 'b', 'c', 'd'];

  test.each([
    ['one_for_one', 'b', ['b']],
    ['one_for_all', 'b', ['a', 'b', 'c', 'd']],
    ['rest_for_one', 'a', ['a', 'b', 'c', 'd']],
    ['rest_for_one', 'b', ['b', 'c', 'd']],
    ['rest_for_one', 'd', ['d']],
  ] as const)('%s, %s failed: %j', (strategy, failed, group) => {
    expect(restartGroup(strategy, children, failed)).toEqual(group);
  });
});

describe('a backoff that defeats the intensity', () => {
  const policy = fc.record({ baseMs: fc.integer({ min: 1, max: 10_000 }), capMs: fc.integer({ min: 1, max: 60_000 }) });
  const intensity = fc.record({ maxRestarts: fc.nat({ max: 12 }), periodMs: fc.integer({ min: 1, max: 120_000 }) });

  /** A child that fails as soon as it starts, with the longest delays that chance can choose: does its supervisor ever give up? */
  function givesUp(
    backoff: { baseMs: number; capMs: number },
    { maxRestarts, periodMs }: { maxRestarts: number; periodMs: number },
  ) {
    let restarts: number[] = [];
    let now = 0;
    for (let failure = 0; failure <= maxRestarts + 50; failure++) {
      if (decideRestart('permanent', 'failure', restarts, { maxRestarts, periodMs }, now) === 'give-up') return true;
      restarts = [...recentRestarts(restarts, { maxRestarts, periodMs }, now), now];
      now += Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(failure, 30));
    }
    return false;
  }

  test('is refused, so that a child which always fails at once always comes to its end', () => {
    fc.assert(
      fc.property(policy, intensity, (backoff, allowed) => {
        if (!defeatsIntensity(backoff, allowed)) expect(givesUp(backoff, allowed)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    [{ baseMs: 100, capMs: 5_000 }, { maxRestarts: 10, periodMs: 60_000 }, false],
    [{ baseMs: 1_000, capMs: 1_000 }, { maxRestarts: 3, periodMs: 3_000 }, true],
    [{ baseMs: 1_000, capMs: 1_000 }, { maxRestarts: 3, periodMs: 3_001 }, false],
    [{ baseMs: 1_000, capMs: 8_000 }, { maxRestarts: 3, periodMs: 7_000 }, true],
    [{ baseMs: 60_000, capMs: 60_000 }, { maxRestarts: 0, periodMs: 1 }, false],
  ])('%j within %j: %s', (backoff, allowed, defeats) => {
    expect(defeatsIntensity(backoff, allowed)).toBe(defeats);
  });
});
