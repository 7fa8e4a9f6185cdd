import type { Clock } from '../clock.ts';
import type { ActorTransition } from '../ports.ts';

/** How many transitions of all actors together are told in a second, however many listen: making one takes the time of whoever it is about. */
export const MOST_OF_ALL = 500;

/** @param read gives what is shown of it, for who wants it: the same for all; undefined where too many were told in this second */
export type TransitionListener = (path: string, read: () => ActorTransition | undefined) => void;

/** Where what actors do can be heard as they do it. While nobody listens, nothing is made, kept or sent. */
export class TransitionTap {
  readonly #listeners = new Set<TransitionListener>();
  readonly #clock: Clock;
  #second = Number.NaN;
  #told = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether anybody listens. */
  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** @param listener called in the middle of an actor's work: it has to be quick, and must not throw @returns ends it */
  listen(listener: TransitionListener): () => void {
    // A function of its own for each, so that one who listens twice is heard twice.
    const own: TransitionListener = (path, read) => listener(path, read);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** An actor has handled an event. */
  tell(path: string, read: () => ActorTransition): void {
    // One for all who listen.
    let made: { readonly shown: ActorTransition | undefined } | undefined;
    const once = (): ActorTransition | undefined => {
      made ??= { shown: this.#isGranted() ? read() : undefined };
      return made.shown;
    };
    for (const listener of this.#listeners) listener(path, once);
  }

  #isGranted(): boolean {
    const second = Math.floor(this.#clock.monotonic() / 1000);
    if (second !== this.#second) this.#told = 0;
    this.#second = second;
    this.#told += 1;
    return this.#told <= MOST_OF_ALL;
  }
}
