import type { Clock, Timer } from '../clock.ts';

export interface BatchLimits {
  /** Batches under way at once. */
  readonly lanes: number;
  /** Items in one batch. */
  readonly most: number;
  /** How long what waits leaves a batch under way alone before it goes beside it, in ms. */
  readonly patienceMs: number;
}

/**
 * Has work done in batches: what comes together, and what comes while others are under way, goes together. What comes alone goes at once. A second
 * batch goes beside the first one only where that is full or takes its time: several that write at once are smaller each, and wait for each other.
 */
export class Batches<Item> {
  readonly #clock: Clock;
  readonly #limits: BatchLimits;
  readonly #work: (batch: readonly Item[]) => Promise<void>;
  #waiting: Item[] = [];
  /** When each batch under way began, by the monotonic clock, the last one last. */
  #lanes: { readonly since: number }[] = [];
  #scheduled = false;
  #timer: Timer | undefined;

  /** @param work never rejects */
  constructor(clock: Clock, limits: BatchLimits, work: (batch: readonly Item[]) => Promise<void>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#work = work;
  }

  /** How many wait for their batch. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(item: Item): void {
    this.#waiting.push(item);
    this.#schedule();
  }

  /** Takes out of those that wait. @returns what was taken out */
  takeOut(isMeant: (item: Item) => boolean): Item[] {
    const taken = this.#waiting.filter(isMeant);
    this.#waiting = this.#waiting.filter((item) => !isMeant(item));
    return taken;
  }

  /** Whether no other batch may begin, and each of those under way has taken this long already. */
  isStuckFor(ms: number): boolean {
    const now = this.#clock.monotonic();
    return this.#lanes.length >= this.#limits.lanes && this.#lanes.every(({ since }) => now - since >= ms);
  }

  /** All that this turn of the event loop brings goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#lanes.length >= this.#limits.lanes) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    while (this.#waiting.length > 0 && this.#mayBegin()) {
      const lane = { since: this.#clock.monotonic() };
      this.#lanes.push(lane);
      void this.#work(this.#waiting.splice(0, this.#limits.most)).finally(() => {
        this.#lanes = this.#lanes.filter((other) => other !== lane);
        // What this one has made possible goes with those that have waited.
        this.#schedule();
      });
    }
  }

  #mayBegin(): boolean {
    const last = this.#lanes.at(-1);
    if (last === undefined) return true;
    if (this.#lanes.length >= this.#limits.lanes) return false;
    if (this.#waiting.length >= this.#limits.most) return true;
    const leftMs = last.since + this.#limits.patienceMs - this.#clock.monotonic();
    if (leftMs <= 0) return true;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#begin();
    }, leftMs);
    return false;
  }
}
