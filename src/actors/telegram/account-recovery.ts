import { type Clock, pause, type Random } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import type { AccountLine } from './account-line.ts';
import type { BoxDesk } from './box-desk.ts';

const RETRY: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };

/** Asks for what an account missed, until it misses nothing: one at a time, whoever wants it. */
export class AccountRecovery {
  readonly #line: AccountLine;
  readonly #desk: BoxDesk;
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly #signal: AbortSignal;
  #running: Promise<void> | undefined;
  #retrying = false;

  /** @param signal of the life of the box that it serves */
  constructor(
    line: AccountLine,
    desk: BoxDesk,
    deps: { readonly clock: Clock; readonly random: Random; readonly log: Log },
    signal: AbortSignal,
  ) {
    this.#line = line;
    this.#desk = desk;
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Resolves when the account misses nothing. @throws why it could not be asked for */
  run(): Promise<void> {
    this.#running ??= this.#recover().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The ledger misses something: asks for it, and goes on after failures for as long as there is a link. */
  async keepTrying(): Promise<void> {
    if (this.#retrying || this.#running) return;
    this.#retrying = true;
    const { clock, random, log } = this.#deps;
    try {
      for (let failures = 0; this.#line.serving && !this.#signal.aborted; failures++) {
        try {
          await this.run();
          return;
        } catch (thrown) {
          const error = toVigiliaError(thrown);
          log.debug({ account: this.#line.accountId, cause: error.message }, 'what was missed could not be asked for');
          if (!(await pause(clock, error.retryAfterMs ?? backoffDelayMs(RETRY, failures, random), this.#signal))) return;
        }
      }
    } finally {
      this.#retrying = false;
    }
  }

  async #recover(): Promise<void> {
    for (;;) {
      const since = await this.#desk.ask((ledger) => ({
        entries: [],
        result: ledger.recovering ? ledger.position : undefined,
      }));
      if (!since) return;
      if (this.#signal.aborted) throw new VigiliaError('TELEGRAM_OFFLINE', 'the box was stopped');
      const difference = await this.#line.difference(since);
      const next = await this.#desk.ask((ledger, nowMs) => {
        const step = ledger.applyDifference(since, difference, nowMs);
        return { entries: step.entries, channels: 'channels' in difference ? difference.channels : [], result: step.next };
      });
      if (next.kind === 'live') return;
      if (next.kind === 'again' && next.afterMs > 0) await pause(this.#deps.clock, next.afterMs, this.#signal);
    }
  }
}
