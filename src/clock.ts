/** A timer that can be given back to {@link Clock.clearTimeout}. */
export type Timer = unknown;

/** Where time comes from. Everything that waits or stamps takes one, so that tests own the time. */
export interface Clock {
  /** Wall-clock time, in ms since the Unix epoch: for stamps that people and databases read. */
  now(): number;
  /** Monotonic time in ms from an arbitrary origin: for durations and deadlines. */
  monotonic(): number;
  /** @param delayMs any number: below 0 is at once, `Infinity` is never */
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** Where chance comes from: a number in [0, 1). */
export type Random = () => number;

/** Longest delay of one of Node's timers, in ms; a longer one would fire after 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own clock. XState calls its methods unbound. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => (delayMs > LONGEST_MS ? new LongTimer(callback, delayMs) : setTimeout(callback, delayMs)),
  clearTimeout: (timer) => {
    if (timer instanceof LongTimer) timer.clear();
    else clearTimeout(timer as NodeJS.Timeout);
  },
};

/** A delay of more than 24.8 days, waited for piece by piece; `Infinity` has no last one. */
class LongTimer {
  readonly #callback: () => void;
  #leftMs: number;
  #piece: NodeJS.Timeout | undefined;

  constructor(callback: () => void, delayMs: number) {
    this.#callback = callback;
    this.#leftMs = delayMs;
    this.#wait();
  }

  clear(): void {
    clearTimeout(this.#piece);
  }

  #wait(): void {
    if (this.#leftMs <= LONGEST_MS) {
      this.#piece = setTimeout(this.#callback, this.#leftMs);
      return;
    }
    this.#leftMs -= LONGEST_MS;
    this.#piece = setTimeout(() => this.#wait(), LONGEST_MS);
  }
}

/** The machine's own chance. */
export const systemRandom: Random = Math.random;

/** Why a pause ends that somebody was only to be woken from. Node makes an error with its whole stack where no reason is given, each time. */
export const WOKEN = 'woken';

/**
 * Waits, or ends early when the signal aborts.
 * @returns true when the time has passed, false when the signal aborted first
 */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve(true);
    }, delayMs);
    function onAbort(): void {
      clock.clearTimeout(timer);
      resolve(false);
    }
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves when the signal aborts (at once where it already has). */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * Waits for work that has no deadline of its own. What the work comes to afterwards, failures too, nobody is told.
 * @param late what comes instead once the time has passed; it may throw
 */
export function within<T, L>(clock: Clock, ms: number, work: Promise<T>, late: () => L): Promise<T | L> {
  // By hand, for it goes with every request: a race is several promises more.
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      try {
        resolve(late());
      } catch (thrown) {
        reject(thrown);
      }
    }, ms);
    work.then(
      (outcome) => {
        clock.clearTimeout(timer);
        resolve(outcome);
      },
      (thrown: unknown) => {
        clock.clearTimeout(timer);
        reject(thrown);
      },
    );
  });
}
