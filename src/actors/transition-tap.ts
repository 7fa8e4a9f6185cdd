import type { ActorTransition } from '../ports.ts';

/** @param read makes what is shown of it, for who wants it */
export type TransitionListener = (path: string, read: () => ActorTransition) => void;

/** Where what actors do can be heard as they do it. While nobody listens, nothing is made, kept or sent. */
export class TransitionTap {
  readonly #listeners = new Set<TransitionListener>();

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
    for (const listener of this.#listeners) listener(path, read);
  }
}
