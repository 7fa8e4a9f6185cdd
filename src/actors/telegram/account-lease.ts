import type { Clock } from '../../clock.ts';
import { believedUntil, type Moment, stillBelieved } from '../../machines/lease-rule.ts';

/**
 * One account's lease as the rest of its subtree sees it: whether it may use the session at this moment. Asked synchronously before anything is
 * sent, since a process that was stopped wakes up in the middle of something, and its timers may come after what it was about to do.
 */
export class AccountLease {
  readonly accountId: string;
  readonly #clock: Clock;
  readonly #isContested: boolean;
  #token: number | undefined;
  #until: Moment | undefined;
  readonly #cutters = new Set<() => void>();
  #onLapse: () => void = () => {};
  #onAsk: () => void = () => {};

  /** @param isContested whether others could take it */
  constructor(accountId: string, clock: Clock, isContested = true) {
    this.accountId = accountId;
    this.#clock = clock;
    this.#isContested = isContested;
  }

  /** The token that came with it; undefined without one. */
  get token(): number | undefined {
    return this.#token;
  }

  /** Now, by both clocks. */
  get moment(): Moment {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
  }

  /** Whether it is ours at this moment. Where it has run out, the sockets are cut before this is answered. */
  readonly isHeld = (): boolean => {
    if (this.#until === undefined) return false;
    if (stillBelieved(this.#until, this.moment)) return true;
    this.cut();
    this.#onLapse();
    return false;
  };

  /** It was granted, or renewed. @param askedAt before the database was asked @returns until when it is believed in, by the monotonic clock */
  confirm(token: number, askedAt: Moment): number {
    this.#token = token;
    this.#until = believedUntil(askedAt, this.#isContested);
    return this.#until.monotonic;
  }

  /** Nothing may use the session from now on, and what is open is closed before this returns. */
  cut(): void {
    this.#token = undefined;
    this.#until = undefined;
    for (const cutter of this.#cutters) cutter();
  }

  /** @param cutter closes sockets, synchronously @returns a function that ends it */
  onCut(cutter: () => void): () => void {
    this.#cutters.add(cutter);
    return () => this.#cutters.delete(cutter);
  }

  /** Has the database asked now: somebody seems to have taken the account, or there is news for those who read of its health. */
  readonly ask = (): void => this.#onAsk();

  /** Whoever runs it is told. */
  attend(onLapse: () => void, onAsk: () => void): void {
    this.#onLapse = onLapse;
    this.#onAsk = onAsk;
  }
}
