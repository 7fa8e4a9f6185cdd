import type { Clock, Random } from '../clock.ts';
import { type BackoffPolicy, backoffDelayMs } from '../machines/backoff.ts';

/** How long children are put aside: each time longer, half of it fixed so that no chance makes it short. */
export class QuarantineDelays {
  readonly #policy: BackoffPolicy | undefined;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { readonly count: number; readonly endsAt: number }>();

  constructor(policy: BackoffPolicy | undefined, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
  }

  /** The child is gone for good. */
  forget(id: string): void {
    this.#counts.delete(id);
  }

  /** @returns in ms; 0 where nobody is put aside */
  next(id: string): number {
    if (!this.#policy) return 0;
    const now = this.#clock.monotonic();
    const before = this.#counts.get(id);
    // One that has worked since for longer than it was ever put aside starts anew.
    const attempt = before && now - before.endsAt < this.#policy.capMs ? before.count : 0;
    const half = { baseMs: this.#policy.baseMs / 2, capMs: this.#policy.capMs / 2 };
    const delayMs = backoffDelayMs(half, attempt, () => 1) + backoffDelayMs(half, attempt, this.#random);
    this.#counts.set(id, { count: attempt + 1, endsAt: now + delayMs });
    return delayMs;
  }
}
