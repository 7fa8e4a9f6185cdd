import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallBudget, distanceAt, freshBudget, learnFromWait, takeTurn, turnInMs } from '../../src/machines/call-budget.ts';

const HOUR = 3_600_000;

/** Telegram, as far as it limits one kind of call: answers a call at a time with 0, or with how long to wait, in ms. */
type Server = (now: number) => number;

/** So many calls in so long, counted in windows. */
function windowServer(calls: number, periodMs: number): Server {
  let windowEnd = Number.NEGATIVE_INFINITY;
  let left = 0;
  return (now) => {
    if (now >= windowEnd) {
      windowEnd = now + periodMs;
      left = calls;
    }
    if (left > 0) {
      left--;
      return 0;
    }
    // Whole seconds, as Telegram names them.
    return Math.ceil((windowEnd - now) / 1000) * 1000;
  };
}

/** A bucket of so many tokens, one of which comes back in so long. */
function bucketServer(size: number, refillMs: number): Server {
  let tokens = size;
  let at = 0;
  return (now) => {
    tokens = Math.min(size, tokens + (now - at) / refillMs);
    at = now;
    if (tokens >= 1) {
      tokens--;
      return 0;
    }
    return Math.ceil(((1 - tokens) * refillMs) / 1000) * 1000;
  };
}

/** A client that always has something to ask. @returns when it was told to wait, and how many calls were answered */
function run(server: Server, forMs: number, roundTripMs: number, paced: boolean) {
  let budget = freshBudget(0);
  let openAt = 0;
  let answered = 0;
  const floods: number[] = [];
  for (let now = 0; now < forMs; now += roundTripMs) {
    now = Math.max(now, openAt, paced ? now + turnInMs(budget, now) : now);
    budget = takeTurn(budget, now);
    const waitMs = server(now);
    if (waitMs === 0) answered++;
    else {
      floods.push(now);
      openAt = now + waitMs;
      budget = learnFromWait(budget, waitMs, now);
    }
  }
  return { floods, answered };
}

describe('a budget of calls', () => {
  it('holds nothing up before anything was learnt', () => {
    let budget = freshBudget(0);
    for (let now = 0; now < 1_000; now++) {
      expect(turnInMs(budget, now)).toBe(0);
      budget = takeTurn(budget, now);
    }
  });

  it('learns the distance from what was borne: twenty calls in ten seconds and twenty more to wait are one in 1.5 s, and a margin', () => {
    let budget = freshBudget(0);
    for (let call = 0; call < 20; call++) budget = takeTurn(budget, call * 500);
    budget = learnFromWait(budget, 20_000, 10_000);
    expect(distanceAt(budget, 30_000)).toBe(1_500 * 1.25);
    expect(turnInMs(budget, 10_000)).toBe(20_000);
    budget = takeTurn(budget, 30_000);
    expect(turnInMs(budget, 30_000)).toBe(1_500 * 1.25);
    // Those who wait line up behind each other.
    budget = takeTurn(budget, 30_000);
    expect(turnInMs(budget, 30_000)).toBe(2 * 1_500 * 1.25);
  });

  it('learns once from a wait that several calls under way heard of', () => {
    let budget = freshBudget(0);
    for (let call = 0; call < 4; call++) budget = takeTurn(budget, 0);
    const once = learnFromWait(budget, 8_000, 0);
    const often = [8_000, 8_000, 9_000].reduce((at, waitMs, index) => learnFromWait(at, waitMs, index + 1), once);
    expect(distanceAt(often, 8_000)).toBe(distanceAt(once, 8_000));
    expect(turnInMs(often, 0)).toBe(9_003);
  });

  it('keeps no more distance than was waited, and a margin, however long ago the other calls were', () => {
    let budget = freshBudget(0);
    for (let call = 0; call < 10; call++) budget = takeTurn(budget, call * 500_000);
    budget = learnFromWait(budget, 30_000, 5_000_000);
    expect(distanceAt(budget, 5_030_000)).toBe(1.25 * 30_000);
  });

  it('makes no rate of a day out of a wait that came after two calls', () => {
    let budget = takeTurn(takeTurn(freshBudget(0), 0), 1_000);
    budget = learnFromWait(budget, 23 * HOUR, 2_000);
    expect(turnInMs(budget, 2_000)).toBe(23 * HOUR);
    expect(distanceAt(budget, 2_000 + 23 * HOUR)).toBe(1.25 * 2_000);
  });

  it('keeps more distance when the one it kept did not suffice', () => {
    let budget = freshBudget(0);
    for (let call = 0; call < 5; call++) budget = takeTurn(budget, 0);
    budget = learnFromWait(budget, 4_000, 0);
    expect(distanceAt(budget, 4_000)).toBe(1_000);
    budget = learnFromWait(takeTurn(budget, 4_000), 1_000, 4_000);
    expect(distanceAt(budget, 5_000)).toBe(1_500);
    // It has an end: what is asked for again and again, however far apart the calls are, is asked for something else.
    for (let flood = 0; flood < 20; flood++) budget = learnFromWait(budget, 1_000, 5_000 + flood * 1_000);
    expect(distanceAt(budget, 25_000)).toBe(2 * 4_000);
  });

  it('is made anew after a wait of 0 s, and forgets nothing by it', () => {
    expect(distanceAt(learnFromWait(takeTurn(freshBudget(0), 0), 0, 0), 0)).toBe(0);
  });

  it('relaxes by half in an hour, after a wait of a day by half in a day, until nothing is left', () => {
    const short = learnFromWait(takeTurn(freshBudget(0), 0), 10_000, 0);
    expect(distanceAt(short, 10_000 + HOUR)).toBe(Math.ceil(distanceAt(short, 10_000) / 2));
    expect(distanceAt(short, 10_000 + 24 * HOUR)).toBe(0);
    const long = learnFromWait(takeTurn(freshBudget(0), 0), 24 * HOUR, 0);
    expect(distanceAt(long, 48 * HOUR)).toBe(distanceAt(long, 24 * HOUR) / 2);
  });
});

describe('whatever happens', () => {
  const step = fc.record({ afterMs: fc.nat(100_000), waitMs: fc.option(fc.nat(100_000), { nil: undefined }) });

  it('a call waits no longer than its place in the line, at the longest distance there can be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        let budget: CallBudget = freshBudget(0);
        let now = 0;
        let longest = 0;
        for (const { afterMs, waitMs } of steps) {
          now += afterMs;
          const before = distanceAt(budget, now);
          if (waitMs === undefined) {
            const turn = turnInMs(budget, now);
            budget = takeTurn(budget, now);
            expect(turnInMs(budget, now)).toBeGreaterThanOrEqual(turn);
            expect(turnInMs(budget, now) - turn).toBeLessThanOrEqual(Math.ceil(longest));
          } else {
            budget = learnFromWait(budget, waitMs, now);
            expect(turnInMs(budget, now)).toBeGreaterThanOrEqual(waitMs);
          }
          longest = Math.max(longest, budget.distanceMs);
          expect(Number.isFinite(budget.distanceMs)).toBe(true);
          expect(budget.distanceMs).toBeGreaterThanOrEqual(waitMs === undefined ? 0 : Math.min(before, 2 * budget.longestWaitMs));
          expect(distanceAt(budget, now + HOUR)).toBeLessThanOrEqual(distanceAt(budget, now));
        }
      }),
    );
  });

  const servers = fc.oneof(
    fc.record({
      name: fc.constant('window'),
      size: fc.integer({ min: 2, max: 100 }),
      ms: fc.integer({ min: 5_000, max: 120_000 }),
    }),
    fc.record({
      name: fc.constant('bucket'),
      size: fc.integer({ min: 1, max: 100 }),
      ms: fc.integer({ min: 500, max: 30_000 }),
    }),
  );
  const serverOf = ({ name, size, ms }: { name: string; size: number; ms: number }): Server =>
    name === 'window' ? windowServer(size, ms) : bucketServer(size, ms);

  it('a server that limits is provoked seldom: ten times an hour, and ten times to learn; and what it bears is mostly used', () => {
    fc.assert(
      fc.property(servers, fc.integer({ min: 20, max: 200 }), (kind, roundTripMs) => {
        const hours = 3;
        const paced = run(serverOf(kind), hours * HOUR, roundTripMs, true);
        const unpaced = run(serverOf(kind), hours * HOUR, roundTripMs, false);
        expect(paced.floods.length).toBeLessThanOrEqual(10 * (hours + 1));
        expect(paced.floods.length).toBeLessThanOrEqual(unpaced.floods.length);
        expect(paced.answered).toBeGreaterThan(0.4 * unpaced.answered);
      }),
      { numRuns: 60 },
    );
  });
});
