import type { Clock } from '../../clock.ts';
import type { Store } from '../../ports.ts';

/** How long an account that was found is taken for granted, in ms. One that was removed since takes no job all the same: the store refuses it. */
const REMEMBERED_MS = 5_000;

/** Which accounts there are, without asking the database for each request. What is not known is always asked for. */
export class KnownAccounts {
  readonly #store: Pick<Store, 'listAccounts'>;
  readonly #clock: Clock;
  #found: ReadonlySet<string> = new Set();
  #until = -Infinity;

  constructor(store: Pick<Store, 'listAccounts'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether it was found a moment ago. */
  isKnown(id: string): boolean {
    return this.#clock.monotonic() < this.#until && this.#found.has(id);
  }

  /** @throws STORE_UNAVAILABLE */
  async has(id: string): Promise<boolean> {
    if (this.isKnown(id)) return true;
    const askedAt = this.#clock.monotonic();
    this.#found = new Set(await this.#store.listAccounts());
    this.#until = askedAt + REMEMBERED_MS;
    return this.#found.has(id);
  }

  /** What was found counts no longer. */
  forget(): void {
    this.#until = -Infinity;
  }
}
