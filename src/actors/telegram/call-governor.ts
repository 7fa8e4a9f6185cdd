import { type Clock, pause, type Random } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import { type CallBudget, freshBudget, learnFromWait, takeTurn, turnInMs } from '../../machines/call-budget.ts';
import { type FloodWindows, NO_FLOOD, openWindow, windowLeftMs } from '../../machines/flood-window.ts';
import type { AccountHealth, TelegramCalls } from '../../ports.ts';

/** A call waits this long for its turn, in ms; whoever would have to wait longer is told when to come back, and holds nothing up meanwhile. */
export const LONGEST_HOLD_MS = 5_000;

/** How long a kind of call that Telegram has limited the account in is left alone before one is tried again, in ms: insisting makes it worse. */
const LIMITED_REST_MS = 3_600_000;

type Method = keyof TelegramCalls;

/**
 * Lets one account's calls through, each kind by itself: none while Telegram wants to be left alone with it, and then no faster than what
 * Telegram has been seen to bear.
 *
 * It remembers for as long as the process lives, and no longer. Jobs that wait are rows with a time, so they wait through a restart; what the
 * governor knew is learnt again by one call of a kind after a restart, which Telegram answers with what is left of the wait.
 */
export class CallGovernor {
  readonly #clock: Clock;
  readonly #random: Random;
  #windows: FloodWindows = NO_FLOOD;
  readonly #budgets = new Map<Method, CallBudget>();
  readonly #waits = new Map<Method, number>();
  readonly #limits = new Map<Method, { readonly since: number; readonly reason: string; readonly restsUntil: number }>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Resolves when it is this call's turn.
   * @param signals end the waiting
   * @returns false when one of them did
   * @throws TELEGRAM_FLOOD with when to come back, where that is too long to wait; TELEGRAM_LIMITED while the account is limited in this
   */
  async turn(method: Method, ...signals: readonly AbortSignal[]): Promise<boolean> {
    const now = this.#clock.monotonic();
    const limit = this.#limits.get(method);
    if (limit && now < limit.restsUntil) throw new VigiliaError('TELEGRAM_LIMITED', `not asked again yet: ${limit.reason}`);
    const budget = this.#budgets.get(method) ?? freshBudget(now);
    const windowMs = windowLeftMs(this.#windows, method, now);
    const waitMs = Math.max(windowMs, turnInMs(budget, now));
    if (waitMs > LONGEST_HOLD_MS) {
      const seconds = Math.ceil(waitMs / 1000);
      const why =
        windowMs > 0
          ? `Telegram asked to wait another ${seconds} s before this is asked again`
          : `since Telegram asked to wait, this is asked less often: the next time in ${seconds} s`;
      throw new VigiliaError('TELEGRAM_FLOOD', why, { retryAfterMs: Math.ceil(waitMs) });
    }
    this.#budgets.set(method, takeTurn({ ...budget, nextAt: Math.max(budget.nextAt, now + windowMs) }, now));
    return waitMs === 0 || pause(this.#clock, waitMs, AbortSignal.any([...signals]));
  }

  /** Telegram has answered this kind of call: it is not limited any more. @returns whether the account was limited until now and is not now */
  answered(method: Method): boolean {
    return this.#limits.delete(method) && this.#limits.size === 0;
  }

  /** Telegram has limited the account: what it refused is left alone for a while. @returns whether the account was not limited before */
  limited(method: Method, reason: string): boolean {
    const first = this.#limits.size === 0;
    const since = this.#limits.get(method)?.since ?? this.#clock.now();
    this.#limits.set(method, { since, reason, restsUntil: this.#clock.monotonic() + LIMITED_REST_MS });
    return first;
  }

  /** Telegram asked to wait before this kind of call is made again. */
  flooded(method: Method, waitMs: number): void {
    const now = this.#clock.monotonic();
    this.#windows = openWindow(this.#windows, method, waitMs, now, this.#random);
    this.#budgets.set(method, learnFromWait(this.#budgets.get(method) ?? freshBudget(now), waitMs, now));
    this.#waits.set(method, (this.#waits.get(method) ?? 0) + 1);
  }

  /** @returns what waits now, how often it had to, and what the account is limited in: absent where nothing ever had to, or it is not */
  report(): Pick<AccountHealth, 'floods' | 'limited'> {
    const now = this.#clock.monotonic();
    const floods = [...this.#waits].map(([method, waits]) => ({
      method,
      waits,
      leftMs: Math.ceil(windowLeftMs(this.#windows, method, now)),
    }));
    const limited = [...this.#limits].map(([of, { since, reason }]) => ({ method: of, since, reason }));
    return { ...(floods.length > 0 && { floods }), ...(limited.length > 0 && { limited }) };
  }
}
