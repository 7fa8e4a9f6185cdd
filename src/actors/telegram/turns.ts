/** Lets a few do something at a time; the others wait in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param most how many at a time */
  constructor(most: number) {
    this.#free = most;
  }

  /** @returns what gives the turn back; calling it again changes nothing. Undefined when the signal aborted first. */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#free > 0) this.#free--;
    else {
      const got = await new Promise<boolean>((resolve) => {
        const onTurn = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve(true);
        };
        const onAbort = (): void => {
          const place = this.#waiting.indexOf(onTurn);
          if (place >= 0) this.#waiting.splice(place, 1);
          resolve(false);
        };
        this.#waiting.push(onTurn);
        signal.addEventListener('abort', onAbort, { once: true });
      });
      if (!got) return undefined;
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}
