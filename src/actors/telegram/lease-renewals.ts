import type { Clock, Timer } from '../../clock.ts';
import type { LeaseRenewal, Store } from '../../ports.ts';

interface Waiting {
  readonly renewal: LeaseRenewal;
  readonly resolve: (held: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Renews the leases of a process: those that are due at the same time, which is nearly all, go in one statement. */
export class LeaseRenewals {
  readonly #store: Pick<Store, 'renewLeases'>;
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #homes: () => readonly string[];
  #waiting: Waiting[] = [];
  #timer: Timer | undefined;

  /** @param homes accounts whose session lies in this installation's files */
  constructor(store: Pick<Store, 'renewLeases'>, owner: string, clock: Clock, homes: () => readonly string[]) {
    this.#store = store;
    this.#owner = owner;
    this.#clock = clock;
    this.#homes = homes;
  }

  /** @returns whether the lease is still held under its token @throws STORE_UNAVAILABLE */
  renew(renewal: LeaseRenewal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ renewal, resolve, reject });
      this.#timer ??= this.#clock.setTimeout(() => void this.#send(), 0);
    });
  }

  async #send(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#timer = undefined;
    try {
      const renewals = batch.map(({ renewal }) => renewal);
      const held = new Set(await this.#store.renewLeases(this.#owner, renewals, this.#homes()));
      for (const { renewal, resolve } of batch) resolve(held.has(renewal.accountId));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
