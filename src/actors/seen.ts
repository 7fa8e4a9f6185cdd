import type { Clock } from '../clock.ts';

/**
 * When something was there the last time. Its age is the longer of two: the wall clock is set back at times, and the monotonic one stands still while
 * a machine sleeps; evidence may look older than it is, never younger.
 */
export class Seen {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  #at: { readonly wall: number; readonly monotonic: number } | undefined;

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** It is there now. */
  note(): void {
    this.#at = { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }

  /** How long ago that was, in whole ms; null where it never was. */
  get ageMs(): number | null {
    if (this.#at === undefined) return null;
    const { wall, monotonic } = this.#at;
    return Math.max(0, Math.round(this.#clock.monotonic() - monotonic), this.#clock.now() - wall);
  }
}
