import type { ToldEvent } from './told-event.ts';

/** The newest events, without a hole, as many as fit: who follows closely is served from here. */
export class EventTail {
  readonly #most: number;
  readonly #mostBytes: number;
  #events: (ToldEvent | undefined)[] = [];
  /** How many at the beginning have given way; their places are cut off now and then. */
  #gone = 0;
  #bytes = 0;
  #head = 0;

  /** @param mostBytes of all frames, counted in UTF-16 code units */
  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** The last position that was seen. */
  get head(): number {
    return this.#head;
  }

  /** Goes on from a position, with nothing before it. */
  begin(head: number): void {
    this.#events = [];
    this.#gone = 0;
    this.#bytes = 0;
    this.#head = head;
  }

  /** @param events that follow on the head, without a hole */
  append(events: readonly ToldEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += event.frame.length;
      this.#head = event.position;
    }
    while (this.#events.length - this.#gone > this.#most || (this.#bytes > this.#mostBytes && this.#gone < this.#events.length)) {
      this.#bytes -= this.#events[this.#gone]?.frame.length ?? 0;
      // The place stays for a while, the event does not: else twice as many would be held.
      this.#events[this.#gone] = undefined;
      this.#gone += 1;
    }
    if (this.#gone > 1_024 && this.#gone > this.#events.length / 2) {
      this.#events = this.#events.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** @returns the event at a position; undefined where it is not here (any more) */
  at(position: number): ToldEvent | undefined {
    const place = this.#events.length - 1 - (this.#head - position);
    return place < this.#gone ? undefined : this.#events[place];
  }
}
