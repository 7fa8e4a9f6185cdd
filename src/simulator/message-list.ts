import type { MessageSource, WorldMessage } from './world.ts';

/** How many of a sorted list's elements are smaller, by what `at` gives for an index. */
export function countSmaller(size: number, at: (index: number) => number, value: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Messages that are all there, as an export gives them. */
export class MessageList implements MessageSource {
  readonly #messages: readonly WorldMessage[];

  /** @param messages sorted by id, no id twice */
  constructor(messages: readonly WorldMessage[]) {
    this.#messages = messages;
  }

  get size(): number {
    return this.#messages.length;
  }

  idAt(index: number): number {
    return this.messageAt(index).id;
  }

  dateAt(index: number): number {
    return this.messageAt(index).date;
  }

  messageAt(index: number): WorldMessage {
    const message = this.#messages[index];
    if (message === undefined) throw new RangeError(`no message at ${index}`);
    return message;
  }

  countBelow(id: number): number {
    return countSmaller(this.size, (index) => this.idAt(index), id);
  }
}
