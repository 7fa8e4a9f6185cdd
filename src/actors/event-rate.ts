/** Seconds over which the rate is the mean. */
const WINDOW_S = 10;
/** One for each second of the window, and one that is leaving it. */
const BUCKETS = WINDOW_S + 1;

/** How often something happens: counted by the second, so that counting costs two additions and remembering eleven numbers. */
export class EventRate {
  readonly #counts = new Float64Array(BUCKETS);
  /** The second that each bucket counts. */
  readonly #seconds = new Float64Array(BUCKETS).fill(Number.NEGATIVE_INFINITY);

  /** @param monotonicMs never before that of an earlier call */
  count(monotonicMs: number): void {
    const second = Math.floor(monotonicMs / 1000);
    const bucket = second % BUCKETS;
    if (this.#seconds[bucket] !== second) {
      this.#seconds[bucket] = second;
      this.#counts[bucket] = 0;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** @returns how many a second, over the last 10 s; the second that is leaving the window counts as far as it is still inside */
  perSecond(monotonicMs: number): number {
    const second = Math.floor(monotonicMs / 1000);
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const age = second - (this.#seconds[bucket] ?? Number.NEGATIVE_INFINITY);
      if (age < WINDOW_S) sum += this.#counts[bucket] ?? 0;
      else if (age === WINDOW_S) sum += (this.#counts[bucket] ?? 0) * (1 - (monotonicMs / 1000 - second));
    }
    return sum / WINDOW_S;
  }
}
