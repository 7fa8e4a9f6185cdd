/**
 * What has been learnt of how often one kind of call may be made. Times are ms by one clock that never goes back.
 *
 * Telegram does not publish its limits; a flood wait tells one of them: as many calls as were made, in the time from the first of them to the
 * end of the wait. From then on calls keep that distance, so that the same wait is not provoked again. Since limits change, and a wait may have
 * been named for something else, the distance shrinks with time, by half in an hour (or in as long as was waited, where that is longer): whoever
 * keeps calling meets another wait in the end, seldom, and learns from it again.
 */
export interface CallBudget {
  /** Calls that were let through since `countedFrom`. */
  readonly calls: number;
  readonly countedFrom: number;
  readonly lastAt: number;
  /** The next one is not made before. */
  readonly nextAt: number;
  /** Least distance of two calls when it was learnt; 0 while nothing is known. */
  readonly distanceMs: number;
  /** When the wait was over that taught it. */
  readonly learntAt: number;
  /** Time in which the distance shrinks by half. */
  readonly halvesInMs: number;
  /** The longest wait that was named. */
  readonly longestWaitMs: number;
}

/** How long nothing may have been called before what is called next counts as another beginning, in ms. */
const IDLE_MS = 600_000;
/** The distance shrinks by half in this time at the soonest, in ms. */
const HALVES_IN_MS = 3_600_000;
/** What is added to a distance that was measured: the clocks of the two sides, and of the way between them, do not agree. */
const MARGIN = 1.25;
/** A distance that was kept and did not suffice grows by this … */
const GROWTH = 1.5;
/** … up to so many of the longest waits: named waits are what is left of a period, and may be shorter than it. */
const MOST_WAITS = 2;
/** Fewer calls measure no rate: who was restarted has forgotten what it asked before, and a wait of a day after two calls is no distance of half a day. */
const PROOF_CALLS = 10;
/** The most that so few calls teach, in ms; where it does not suffice, it grows. */
const UNPROVEN_MS = 2_000;
/** A shorter distance is none, in ms. */
const LEAST_MS = 5;

/** Nothing was called yet. */
export function freshBudget(now: number): CallBudget {
  return {
    calls: 0,
    countedFrom: now,
    lastAt: now,
    nextAt: now,
    distanceMs: 0,
    learntAt: now,
    halvesInMs: HALVES_IN_MS,
    longestWaitMs: 0,
  };
}

/** @returns how far apart calls are kept at a time, in ms; 0 when they need not be */
export function distanceAt({ distanceMs, learntAt, halvesInMs }: CallBudget, at: number): number {
  const left = distanceMs * 2 ** -(Math.max(0, at - learntAt) / halvesInMs);
  return left < LEAST_MS ? 0 : Math.ceil(left);
}

/** @returns how long a call has to wait for its turn, in ms */
export function turnInMs({ nextAt }: CallBudget, now: number): number {
  return Math.max(0, nextAt - now);
}

/** A call is let through, when its turn comes: the next one is behind it. */
export function takeTurn(budget: CallBudget, now: number): CallBudget {
  const at = Math.max(now, budget.nextAt);
  const begun = budget.calls > 0 && at - budget.lastAt < IDLE_MS ? budget : { ...budget, calls: 0, countedFrom: at };
  return { ...begun, calls: begun.calls + 1, lastAt: at, nextAt: at + distanceAt(begun, at) };
}

/**
 * Telegram asked to wait. What was under way when it did hears the same; only the first one teaches something.
 * @param waitMs as it was named
 * @see https://core.telegram.org/api/errors#420-flood
 */
export function learnFromWait(budget: CallBudget, waitMs: number, now: number): CallBudget {
  const until = now + waitMs;
  const nextAt = Math.max(budget.nextAt, until);
  if (now < budget.learntAt) return { ...budget, nextAt };
  const measured = (until - budget.countedFrom) / Math.max(1, budget.calls);
  const longestWaitMs = Math.max(budget.longestWaitMs, waitMs);
  // Whoever waits before each call as long as was asked for has waited enough, however long ago the others were.
  const grown = Math.min(GROWTH * distanceAt(budget, now), MOST_WAITS * longestWaitMs);
  const most = budget.calls < PROOF_CALLS ? Math.min(waitMs, UNPROVEN_MS) : waitMs;
  const distanceMs = Math.ceil(Math.max(MARGIN * Math.min(measured, most), grown));
  const halvesInMs = Math.max(HALVES_IN_MS, waitMs);
  return { calls: 0, countedFrom: until, lastAt: until, nextAt, distanceMs, learntAt: until, halvesInMs, longestWaitMs };
}
