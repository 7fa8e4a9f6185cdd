/** The newest things of an endless row: what is pushed beyond the capacity takes the place of the oldest. */
export class Ring<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  /** Where the next one goes once it is full: the oldest is there. */
  #next = 0;

  /** @param capacity how many it keeps, 1 or more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(item: T): void {
    if (this.#items.length < this.#capacity) {
      this.#items.push(item);
      return;
    }
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** @returns what was pushed last; undefined while it is empty */
  newest(): T | undefined {
    return this.#items.at(this.#next - 1);
  }

  /** @returns all that is kept, newest first */
  newestFirst(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].reverse();
  }
}
