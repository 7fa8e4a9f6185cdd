import { formatChannelRef } from '../../channel-ref.ts';
import type { Clock, Random } from '../../clock.ts';
import { type ErrorCode, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { ToldState } from '../../event-topics.ts';
import { type Log, silentLog } from '../../log.ts';
import type { Gap } from '../../machines/ledger.ts';
import type {
  AccountHealth,
  ChannelDifference,
  ChannelRef,
  ChatId,
  ContainerOrder,
  Dialog,
  Difference,
  HistoryPage,
  Position,
  ResolvedChannel,
  TelegramCalls,
  TelegramLink,
  TelegramUpdate,
} from '../../ports.ts';
import { Breaker } from '../breaker.ts';
import { Seen } from '../seen.ts';
import { CallGovernor } from './call-governor.ts';
import { GapTally } from './gap-tally.ts';

/** What the line tells the connection that owns the link. */
interface LineOwner {
  /** Telegram, or the client library, said that this link or session is no good any more. */
  onTrouble(error: VigiliaError): void;
  /** A call got no answer within its deadline. */
  onSilence(): void;
}

/** What people can have an account's connection do. */
export interface LineCommands {
  /** There is a new session to connect with. */
  loggedIn(): void;
  /** Ends the session at Telegram. @throws TELEGRAM_OFFLINE … */
  logOut(): Promise<void>;
}

/** The states of `connection.machine` that the world is told of, and those of who waits for the lease. */
type LineStateName = ToldState | 'awaiting-lease' | 'lease-lost';

/** A state that the account's connection has come to. */
export interface LineState {
  readonly state: LineStateName;
  /** ms since the Unix epoch. */
  readonly since: number;
  /** What led there, where something did. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Telegram does not let the account make a kind of call. */
export interface LineLimit {
  readonly method: keyof TelegramCalls;
  readonly error: VigiliaError;
}

/** What speaks against Telegram itself; that the link is down is the connection's business. */
const UNANSWERED: ReadonlySet<ErrorCode> = new Set(['TELEGRAM_TRANSIENT', 'TELEGRAM_TIMEOUT']);

/** A batch of updates as they came, with the channels they name. */
export interface UpdateBatch {
  readonly updates: readonly TelegramUpdate[];
  readonly channels: readonly ResolvedChannel[];
  readonly order: ContainerOrder;
}

/**
 * One account's line to Telegram, as the rest of its subtree sees it: it outlives links and restarts of the connection.
 * It carries calls while the account is authenticated, and the evidence for its health always.
 */
export class AccountLine implements TelegramCalls {
  readonly accountId: string;
  /** Where Telegram said that the account stands when it was asked for the last link; undefined before. */
  standing: Position | undefined;
  /** The Telegram user that the account is; undefined before anybody has asked. */
  userId: number | undefined;
  /** Gates the calls: while Telegram answers none of them, they fail at once instead of each waiting for its deadline. */
  readonly breaker: Breaker;
  readonly #clock: Clock;
  readonly #log: Log;
  #link: TelegramLink | undefined;
  #owner: LineOwner | undefined;
  #state: LineStateName = 'connecting';
  #since: number;
  #reason: string | undefined;
  readonly #lastPong: Seen;
  readonly #lastRpc: Seen;
  readonly #lastUpdate: Seen;
  /** Outlives links, as Telegram's limits do. */
  readonly #governor: CallGovernor;
  /** Aborted with the link: what waits for its turn does not wait for nothing. */
  #linkEnd = new AbortController();
  readonly #calls: TelegramCalls;
  readonly #gaps: GapTally;
  #catchUp: (() => Promise<void>) | undefined;
  #commands: LineCommands | undefined;
  readonly #servingListeners = new Set<(serving: boolean) => void>();
  readonly #stateListeners = new Set<(change: LineState) => void>();
  readonly #limitListeners = new Set<(limit: LineLimit) => void>();
  readonly #updateListeners = new Set<(batch: UpdateBatch) => void>();

  constructor(accountId: string, clock: Clock, random: Random, log: Log = silentLog) {
    this.accountId = accountId;
    this.#log = log;
    this.breaker = new Breaker({
      name: `Telegram, for account ${accountId},`,
      counts: ({ code }) => UNANSWERED.has(code),
      clock,
      onState: (state) => log.warn({ account: accountId, breaker: `telegram:${accountId}`, state }, 'breaker'),
    });
    this.#governor = new CallGovernor(clock, random);
    this.#calls = this.heeding(new AbortController().signal);
    this.#clock = clock;
    this.#since = clock.now();
    this.#lastPong = new Seen(clock);
    this.#lastRpc = new Seen(clock);
    this.#lastUpdate = new Seen(clock);
    this.#gaps = new GapTally(clock);
  }

  /** True while calls can be made. */
  get serving(): boolean {
    return this.#link !== undefined;
  }

  /** The account is authenticated over this link. */
  attach(link: TelegramLink, owner: LineOwner): void {
    this.#link = link;
    this.#owner = owner;
    this.#linkEnd = new AbortController();
    for (const listener of this.#servingListeners) listener(true);
  }

  /** It is not any more. */
  detach(): void {
    if (!this.#link) return;
    this.#link = undefined;
    this.#owner = undefined;
    this.#linkEnd.abort();
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
    if (batch.updates.some(({ type }) => type !== 'position')) this.#lastUpdate.note();
    for (const listener of this.#updateListeners) listener(batch);
  }

  /** @param cause what led there; a text where no error did */
  setState(state: LineStateName, cause?: string | { readonly code: ErrorCode; readonly message: string } | null): void {
    const error = typeof cause === 'string' ? undefined : (cause ?? undefined);
    const changed = state !== this.#state;
    if (changed) this.#since = this.#clock.now();
    this.#state = state;
    this.#reason = typeof cause === 'string' ? cause : error?.message;
    if (changed) for (const listener of this.#stateListeners) listener({ state, since: this.#since, error });
  }

  /** @param listener told of each state that it comes to @returns a function that ends it */
  onState(listener: (change: LineState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** @param listener told when Telegram begins to limit the account in what it may do @returns a function that ends it */
  onLimited(listener: (limit: LineLimit) => void): () => void {
    this.#limitListeners.add(listener);
    return () => this.#limitListeners.delete(listener);
  }

  notePong(): void {
    this.#lastPong.note();
  }

  /** The connection says how it is told. */
  obey(commands: LineCommands): void {
    this.#commands = commands;
  }

  /** There is a new session to connect with: the connection does so at once, whatever it does now. */
  loggedIn(): void {
    this.#commands?.loggedIn();
  }

  /**
   * Ends the account's session at Telegram; what is stored is not used any more.
   * @throws LOGIN_WRONG_STEP when nobody is logged in, TELEGRAM_OFFLINE when there is no connection
   */
  async logOut(): Promise<void> {
    if (this.#state === 'reauth-required' || this.#state === 'conflict' || this.#state === 'deactivated') {
      throw new VigiliaError('LOGIN_WRONG_STEP', `account ${this.accountId} is not logged in`);
    }
    if (!this.serving || !this.#commands)
      throw new VigiliaError('TELEGRAM_OFFLINE', `account ${this.accountId} is ${this.#state}`);
    await this.#commands.logOut();
  }

  /** Whoever keeps the account's ledger says how it learns what was missed while there was no link. */
  catchUpWith(catchUp: () => Promise<void>): void {
    this.#catchUp = catchUp;
  }

  /** Learns what was missed; without a ledger, nothing. @throws why it could not be asked for */
  async catchUp(): Promise<void> {
    await this.#catchUp?.();
  }

  /** Resolves when calls can be made, or the signal aborts. */
  async untilServing(signal: AbortSignal): Promise<void> {
    if (this.serving || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.onServing((serving) => serving && done());
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** The boxes that are known to have a hole. */
  get openGaps(): string[] {
    return this.#gaps.boxes;
  }

  /** A box is known to have a hole from now on. */
  noteGap(gap: Gap): void {
    this.#gaps.open(gap);
  }

  /** It has none any more; what Telegram did not tell is counted. */
  healGap(healed: { readonly gap: Pick<Gap, 'box'>; readonly missing: number }): void {
    this.#gaps.heal(healed.gap.box, healed.missing);
  }

  /** Something was told that cannot be kept. */
  noteMissing(box: string): void {
    this.#gaps.miss(box, 1);
  }

  /** @returns where the account stands, with the evidence */
  health(): AccountHealth {
    return {
      id: this.accountId,
      state: this.#state,
      since: this.#since,
      lastPongAgeMs: this.#lastPong.ageMs,
      lastRpcAgeMs: this.#lastRpc.ageMs,
      lastUpdateAgeMs: this.#lastUpdate.ageMs,
      ...(this.breaker.state === 'closed' ? {} : { breaker: this.breaker.state }),
      ...this.#governor.report(),
      ...this.#gaps.report(),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(this.userId === undefined ? {} : { userId: this.userId }),
    };
  }

  resolve(ref: ChannelRef): Promise<ResolvedChannel> {
    return this.#calls.resolve(ref);
  }

  fullChannel(chatId: ChatId): Promise<ResolvedChannel> {
    return this.#calls.fullChannel(chatId);
  }

  dialogs(): Promise<Dialog[]> {
    return this.#calls.dialogs();
  }

  history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage> {
    return this.#calls.history(chatId, offsetId, limit);
  }

  state(): Promise<Position> {
    return this.#calls.state();
  }

  difference(since: Position): Promise<Difference> {
    return this.#calls.difference(since);
  }

  channelDifference(chatId: ChatId, pts: number, limit: number): Promise<ChannelDifference> {
    return this.#calls.channelDifference(chatId, pts, limit);
  }

  /** The calls for somebody who may be told to stop: one that waits for its turn ends then, with TELEGRAM_OFFLINE; one that was made does not. */
  heeding(signal: AbortSignal): TelegramCalls {
    const call = <T>(method: keyof TelegramCalls, make: (link: TelegramLink) => Promise<T>) => this.#call(method, make, signal);
    return {
      resolve: (ref) => this.#resolve(ref, signal),
      fullChannel: (chatId) => call('fullChannel', (link) => link.fullChannel(chatId)),
      dialogs: () => call('dialogs', (link) => link.dialogs()),
      history: (chatId, offsetId, limit) => call('history', (link) => link.history(chatId, offsetId, limit)),
      state: () => call('state', (link) => link.state()),
      difference: (since) => call('difference', (link) => link.difference(since)),
      channelDifference: (chatId, pts, limit) => call('channelDifference', (link) => link.channelDifference(chatId, pts, limit)),
    };
  }

  async #resolve(ref: ChannelRef, signal: AbortSignal): Promise<ResolvedChannel> {
    try {
      return await this.#call('resolve', (link) => link.resolve(ref), signal);
    } catch (cause) {
      if (!(cause instanceof VigiliaError) || cause.code !== 'CHANNEL_NOT_FOUND') throw cause;
      const why = `there is no channel ${formatChannelRef(ref)}, or account ${this.accountId} may not see it: ${cause.message}`;
      throw new VigiliaError('CHANNEL_NOT_FOUND', why, { cause });
    }
  }

  async #call<T>(method: keyof TelegramCalls, make: (link: TelegramLink) => Promise<T>, signal: AbortSignal): Promise<T> {
    const link = this.#link;
    const owner = this.#owner;
    if (!link) throw new VigiliaError('TELEGRAM_OFFLINE', `account ${this.accountId} is ${this.#state}`);
    if (!(await this.#governor.turn(method, this.#linkEnd.signal, signal))) {
      throw new VigiliaError('TELEGRAM_OFFLINE', `account ${this.accountId} had no more time for this call`);
    }
    try {
      const answer = await this.breaker.run(() => make(link));
      this.#lastRpc.note();
      this.#governor.answered(method);
      return answer;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      // Of an answer that was meant for a link that is gone there is nothing more to tell.
      if (this.#link === link) this.#hear(error, owner);
      if (error.code === 'TELEGRAM_FLOOD') this.#governor.flooded(method, error.retryAfterMs ?? 0);
      if (error.code === 'TELEGRAM_LIMITED' && this.#governor.limited(method, error.message))
        this.#tellLimited({ method, error });
      throw error;
    }
  }

  #tellLimited(limit: LineLimit): void {
    const { method, error } = limit;
    this.#log.error({ account: this.accountId, method, cause: error.message }, 'Telegram has limited the account');
    for (const listener of this.#limitListeners) listener(limit);
  }

  /** What a failed call says of the link it was made on. */
  #hear(error: VigiliaError, owner: LineOwner | undefined): void {
    if (error.code === 'TELEGRAM_TIMEOUT') owner?.onSilence();
    else if (error.fault === 'reauth' || error.code === 'TELEGRAM_KEY_DUPLICATED' || error.code === 'TELEGRAM_GENERATION') {
      owner?.onTrouble(error);
    } else if (error.code !== 'TELEGRAM_OFFLINE' && error.cause !== undefined) {
      // Telegram's own refusals have what it said as their cause; ours were never sent.
      this.#lastRpc.note();
    }
  }
}
