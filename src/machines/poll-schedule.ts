/** Telegram pushes to large channels late or not at all: one with as many members is asked by itself. */
export const LARGE_CHANNEL = 10_000;

/** No channel is asked more often than this, in ms, whatever Telegram says. */
const LEAST_MS = 15_000;
/** Each is asked at least as often as this, in ms. */
const MOST_MS = 900_000;

/** What decides when a channel is asked whether something happened. Times in ms of a clock that only grows. */
export interface PollState {
  readonly askedAt: number;
  /** When something happened in it the last time, as far as is known; undefined where nothing is. */
  readonly activeAt: number | undefined;
  /** What Telegram named as the pause between two questions, in s; null where it did not. */
  readonly timeoutS: number | null;
}

/**
 * When to ask a channel that is not pushed again: soon while much happens in it, and seldom when it is quiet. The pause is a quarter of the
 * time since something happened, not shorter than Telegram asks for; one of which nothing is known counts
 * as quiet for 15 minutes.
 * @returns a time, in ms of the same clock
 */
export function nextPollAt({ askedAt, activeAt, timeoutS }: PollState): number {
  const least = Math.min(MOST_MS, Math.max(LEAST_MS, (timeoutS ?? 0) * 1000));
  const quietMs = activeAt === undefined ? MOST_MS : Math.max(0, askedAt - activeAt);
  return askedAt + Math.min(MOST_MS, Math.max(least, quietMs / 4));
}
