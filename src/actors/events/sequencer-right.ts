import type { SequencerHold } from '../../ports.ts';

/** What this process knows of its right to give events their places: who tells other programs does so under it, so that one does at a time. */
export class SequencerRight {
  readonly #owner: string;
  readonly #listeners: (() => void)[] = [];
  #token: number | undefined;
  #last: number | undefined;

  /** @param owner who this process is in the lease */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Undefined while another process has it, as far as is known here. */
  get held(): SequencerHold | undefined {
    return this.#token === undefined ? undefined : { owner: this.#owner, token: this.#token };
  }

  /** The present one, or the last one that was had. */
  get last(): SequencerHold | undefined {
    return this.#last === undefined ? undefined : { owner: this.#owner, token: this.#last };
  }

  /** @param token undefined when it is had no longer */
  note(token: number | undefined): void {
    const isNews = token !== this.#token;
    this.#token = token;
    this.#last = token ?? this.#last;
    if (isNews) for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
