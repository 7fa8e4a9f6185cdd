import type { Clock } from '../clock.ts';

/** Time that several wait through one after the other, and that is theirs together: it runs from when the first one asks. */
export class Patience {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #totalMs: number;
  #endsAt: number | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>, totalMs: number) {
    this.#clock = clock;
    this.#totalMs = totalMs;
  }

  /** @returns ms; 0 when it is over */
  readonly leftMs = (): number => {
    this.#endsAt ??= this.#clock.monotonic() + this.#totalMs;
    return Math.max(0, this.#endsAt - this.#clock.monotonic());
  };
}
