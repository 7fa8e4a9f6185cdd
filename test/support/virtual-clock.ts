import type { Clock, Timer } from '../../src/clock.ts';

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock whose time passes only when told to: it stops at each deadline on the way, so that chained delays fire as they would. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  setTimeout = (callback: () => void, delayMs: number): Timer => {
    const entry: Waiting = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#waiting.add(entry);
    return entry;
  };
  clearTimeout = (timer: Timer): void => {
    this.#waiting.delete(timer as Waiting);
  };

  /** Lets everything that is already due, and all promises behind it, happen. */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  /** Moves time forward, deadline by deadline. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await flush();
    for (;;) {
      const next = this.#next(end);
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.#waiting.delete(next);
      next.callback();
      await flush();
    }
    this.#now = end;
  }

  #next(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const entry of this.#waiting) {
      if (entry.at > end) continue;
      if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
    }
    return first;
  }
}

/** A few turns of the event loop: promises that follow promises have run then. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
