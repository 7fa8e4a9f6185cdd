/** A timer that can be given back to {@link Clock.clearTimeout}. */
export type Timer = unknown;

/** Where time comes from. Everything that waits or stamps takes one, so that tests own the time. */
export interface Clock {
  /** Wall-clock time, in ms since the Unix epoch: for stamps that people and databases read. */
  now(): number;
  /** Monotonic time in ms from an arbitrary origin: for durations and deadlines. */
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** Where chance comes from: a number in [0, 1). */
export type Random = () => number;

/** The machine's own clock. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // XState calls these unbound and passes delays that may exceed what Node accepts: such a timer would fire after 1 ms.
  setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** The machine's own chance. */
export const systemRandom: Random = Math.random;

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
