import type { Clock, Timer } from '../../clock.ts';
import { unavailable } from './sql-fault.ts';

interface Waiting {
  go(): void;
  readonly timer: Timer;
}

/** One holder at a time, first come, first served; nobody waits longer than the deadline. */
export class Turns {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #waiting = new Set<Waiting>();
  #taken = false;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * @returns the function that ends the turn; calling it again does nothing
   * @throws STORE_UNAVAILABLE when it was not our turn within the deadline
   */
  async take(): Promise<() => void> {
    if (this.#taken) {
      await new Promise<void>((resolve, reject) => {
        const timer = this.#clock.setTimeout(() => {
          this.#waiting.delete(waiting);
          reject(unavailable(`others' transactions held it for ${this.#deadlineMs} ms`));
        }, this.#deadlineMs);
        const waiting: Waiting = { timer, go: resolve };
        this.#waiting.add(waiting);
      });
    }
    this.#taken = true;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#next();
    };
  }

  #next(): void {
    const [waiting] = this.#waiting;
    if (waiting === undefined) {
      this.#taken = false;
      return;
    }
    // Stays taken in between, so that nobody slips in before the one whose turn it is.
    this.#waiting.delete(waiting);
    this.#clock.clearTimeout(waiting.timer);
    waiting.go();
  }
}
