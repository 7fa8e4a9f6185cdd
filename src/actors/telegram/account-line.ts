import { formatChannelRef } from '../../channel-ref.ts';
import type { Clock } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type {
  AccountHealth,
  ChannelRef,
  ChatId,
  Dialog,
  HistoryPage,
  ResolvedChannel,
  TelegramCalls,
  TelegramLink,
  TelegramUpdate,
} from '../../ports.ts';

/** What the line tells the connection that owns the link. */
interface LineOwner {
  /** Telegram, or the client library, said that this link or session is no good any more. */
  onTrouble(error: VigiliaError): void;
  /** A call got no answer within its deadline. */
  onSilence(): void;
}

/** A batch of updates as they came, with the channels they name. */
export interface UpdateBatch {
  readonly updates: readonly TelegramUpdate[];
  readonly channels: readonly ResolvedChannel[];
}

/**
 * One account's line to Telegram, as the rest of its subtree sees it: it outlives links and restarts of the connection.
 * It carries calls while the account is authenticated, and the evidence for its health always.
 */
export class AccountLine implements TelegramCalls {
  readonly accountId: string;
  readonly #clock: Clock;
  #link: TelegramLink | undefined;
  #owner: LineOwner | undefined;
  #state = 'connecting';
  #since: number;
  #reason: string | undefined;
  #lastPongAt: number | null = null;
  #lastRpcAt: number | null = null;
  #lastUpdateAt: number | null = null;
  /** Until when Telegram wants to be left alone with a kind of call, by the monotonic clock in ms: the others go on. */
  readonly #floods = new Map<keyof TelegramCalls, number>();
  readonly #gaps = new Set<string>();
  readonly #servingListeners = new Set<(serving: boolean) => void>();
  readonly #updateListeners = new Set<(batch: UpdateBatch) => void>();

  constructor(accountId: string, clock: Clock) {
    this.accountId = accountId;
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** True while calls can be made. */
  get serving(): boolean {
    return this.#link !== undefined;
  }

  /** The account is authenticated over this link. */
  attach(link: TelegramLink, owner: LineOwner): void {
    this.#link = link;
    this.#owner = owner;
    for (const listener of this.#servingListeners) listener(true);
  }

  /** It is not any more. */
  detach(): void {
    if (!this.#link) return;
    this.#link = undefined;
    this.#owner = undefined;
    for (const listener of this.#servingListeners) listener(false);
  }

  /** @returns a function that ends it */
  onServing(listener: (serving: boolean) => void): () => void {
    this.#servingListeners.add(listener);
    return () => this.#servingListeners.delete(listener);
  }

  /** @returns a function that ends it */
  onUpdates(listener: (batch: UpdateBatch) => void): () => void {
    this.#updateListeners.add(listener);
    return () => this.#updateListeners.delete(listener);
  }

  /** Hands updates on, in the order in which they came. */
  deliver(batch: UpdateBatch): void {
    if (batch.updates.some(({ type }) => type !== 'position')) this.#lastUpdateAt = this.#clock.now();
    for (const listener of this.#updateListeners) listener(batch);
  }

  setState(state: string, reason?: string): void {
    if (state !== this.#state) this.#since = this.#clock.now();
    this.#state = state;
    this.#reason = reason;
  }

  notePong(): void {
    this.#lastPongAt = this.#clock.now();
  }

  /** A box's updates are known to have a hole from now on. */
  noteGap(box: string): void {
    this.#gaps.add(box);
  }

  /** @returns where the account stands, with the evidence */
  health(): AccountHealth {
    const age = (at: number | null): number | null => (at === null ? null : Math.max(0, this.#clock.now() - at));
    return {
      id: this.accountId,
      state: this.#state,
      since: this.#since,
      lastPongAgeMs: age(this.#lastPongAt),
      lastRpcAgeMs: age(this.#lastRpcAt),
      lastUpdateAgeMs: age(this.#lastUpdateAt),
      gaps: this.#gaps.size,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }

  async resolve(ref: ChannelRef): Promise<ResolvedChannel> {
    try {
      return await this.#call('resolve', (link) => link.resolve(ref));
    } catch (cause) {
      if (!(cause instanceof VigiliaError) || cause.code !== 'CHANNEL_NOT_FOUND') throw cause;
      const why = `there is no channel ${formatChannelRef(ref)}, or account ${this.accountId} may not see it: ${cause.message}`;
      throw new VigiliaError('CHANNEL_NOT_FOUND', why, { cause });
    }
  }

  fullChannel(chatId: ChatId): Promise<ResolvedChannel> {
    return this.#call('fullChannel', (link) => link.fullChannel(chatId));
  }

  dialogs(): Promise<Dialog[]> {
    return this.#call('dialogs', (link) => link.dialogs());
  }

  history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage> {
    return this.#call('history', (link) => link.history(chatId, offsetId, limit));
  }

  async #call<T>(method: keyof TelegramCalls, make: (link: TelegramLink) => Promise<T>): Promise<T> {
    const link = this.#link;
    const owner = this.#owner;
    if (!link) throw new VigiliaError('TELEGRAM_OFFLINE', `account ${this.accountId} is ${this.#state}`);
    const waitMs = (this.#floods.get(method) ?? 0) - this.#clock.monotonic();
    if (waitMs > 0) {
      const why = `Telegram asked to wait another ${Math.ceil(waitMs / 1000)} s before this is asked again`;
      throw new VigiliaError('TELEGRAM_FLOOD', why, { retryAfterMs: waitMs });
    }
    try {
      const answer = await make(link);
      this.#lastRpcAt = this.#clock.now();
      return answer;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      // Of an answer that was meant for a link that is gone there is nothing more to tell.
      if (this.#link === link) {
        if (error.code === 'TELEGRAM_TIMEOUT') owner?.onSilence();
        else if (error.fault === 'reauth' || error.code === 'TELEGRAM_KEY_DUPLICATED' || error.code === 'TELEGRAM_GENERATION') {
          owner?.onTrouble(error);
        } else if (error.code !== 'TELEGRAM_OFFLINE' && error.cause !== undefined) {
          // Telegram's own refusals have what it said as their cause; ours were never sent.
          this.#lastRpcAt = this.#clock.now();
        }
      }
      if (error.code === 'TELEGRAM_FLOOD') this.#floods.set(method, this.#clock.monotonic() + (error.retryAfterMs ?? 0));
      throw error;
    }
  }
}
