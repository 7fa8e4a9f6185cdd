import { AsyncResource } from 'node:async_hooks';
import type { Clock, Timer } from '../../src/clock.ts';

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  /** Its place in the heap; -1 when it is not in there. */
  place: number;
}

interface VirtualClockOptions {
  /**
   * Turns of the event loop that follow each timer. One is enough where everything behind a timer is promises; more where real sockets or
   * threads answer. @default 5
   */
  readonly turns?: number;
  /** Takes what a timer throws, in the context of that timer, as Node's `uncaughtException` would. @default `advance` throws it */
  readonly uncaught?: (error: unknown) => void;
}

/** More timers than any test fires on purpose between two looks: something sets itself again for ever without time passing. */
const RUNAWAY = 20_000;

/**
 * A clock whose time passes only when told to: it stops at each deadline on the way, so that chained delays fire as they would.
 * As Node's timers do, one runs in the async context in which it was set.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #waiting = new DeadlineHeap();
  readonly #turns: number;
  readonly #uncaught: ((error: unknown) => void) | undefined;

  constructor(startMs = 1_700_000_000_000, { turns = 5, uncaught }: VirtualClockOptions = {}) {
    this.#now = startMs;
    this.#turns = turns;
    this.#uncaught = uncaught;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#waiting.size;
  }

  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  setTimeout = (callback: () => void, delayMs: number): Timer => {
    const uncaught = this.#uncaught;
    const guarded = uncaught ? () => attempt(callback, uncaught) : callback;
    const entry = {
      at: this.#now + Math.max(0, delayMs),
      order: this.#order++,
      callback: AsyncResource.bind(guarded),
      place: -1,
    };
    this.#waiting.add(entry);
    return entry;
  };
  clearTimeout = (timer: Timer): void => {
    if (timer !== undefined && timer !== null) this.#waiting.delete(timer as Waiting);
  };

  /** Lets everything that is already due, and all promises behind it, happen. */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  /** Moves time forward, deadline by deadline. @throws when timers go on without end */
  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.#now + ms);
  }

  /** Moves time forward to a moment, deadline by deadline. @throws as {@link advance} */
  async advanceTo(end: number): Promise<void> {
    await this.#flush();
    for (let fired = 0; ; fired++) {
      const next = this.#waiting.first();
      if (!next || next.at > end) break;
      if (fired === RUNAWAY) throw new Error(`${RUNAWAY} timers fired before ${end}: something goes in circles at ${this.#now}`);
      this.#now = Math.max(this.#now, next.at);
      this.#waiting.delete(next);
      next.callback();
      await this.#flush();
    }
    this.#now = Math.max(this.#now, end);
  }

  async #flush(): Promise<void> {
    // All promises that follow promises have run before the event loop turns.
    for (let turn = 0; turn < this.#turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

function attempt(callback: () => void, uncaught: (error: unknown) => void): void {
  try {
    callback();
  } catch (error) {
    uncaught(error);
  }
}

/** The earliest first, and of those at one moment the one that was set first; any of them can be taken out. */
class DeadlineHeap {
  readonly #items: Waiting[] = [];

  get size(): number {
    return this.#items.length;
  }

  first(): Waiting | undefined {
    return this.#items[0];
  }

  add(item: Waiting): void {
    this.#put(item, this.#items.length);
    this.#rise(item);
  }

  delete(item: Waiting): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    this.#put(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  #put(item: Waiting, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }

  #swap(lower: Waiting, upper: Waiting): void {
    const { place } = lower;
    this.#put(lower, upper.place);
    this.#put(upper, place);
  }

  #rise(item: Waiting): void {
    for (;;) {
      const parent = this.#items[(item.place - 1) >> 1];
      if (item.place === 0 || !parent || !isBefore(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: Waiting): void {
    for (;;) {
      const [left, right] = [this.#items[2 * item.place + 1], this.#items[2 * item.place + 2]];
      const child = left && right && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, item)) return;
      this.#swap(child, item);
    }
  }
}

function isBefore(one: Waiting, other: Waiting): boolean {
  return one.at === other.at ? one.order < other.order : one.at < other.at;
}
