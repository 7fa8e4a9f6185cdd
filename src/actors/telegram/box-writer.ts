import { type Clock, pause, type Random } from '../../clock.ts';
import { toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { ACCOUNT_BOX, channelBox, channelOf, isChannel } from '../../machines/box-names.ts';
import type { Cache, ChatId, ResolvedChannel, Store } from '../../ports.ts';
import { forgetWindow, renewWindow } from '../cache/forget-window.ts';
import type { AccountLine } from './account-line.ts';
import type { BoxEntry, HistoryPart } from './box-order.ts';
import { BoxTransaction } from './box-transaction.ts';

const RETRY: BackoffPolicy = { baseMs: 500, capMs: 10_000 };

export interface BoxDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly cache: Cache;
}

/** Writes what the ledger hands out: a batch is one transaction, with the places it moves and the events it tells. */
export class BoxWriter {
  readonly #line: AccountLine;
  readonly #deps: BoxDeps;
  readonly #signal: AbortSignal;
  readonly #scope: number;

  /** @param scope the account's number */
  constructor(line: AccountLine, deps: BoxDeps, signal: AbortSignal, scope: number) {
    this.#line = line;
    this.#deps = deps;
    this.#signal = signal;
    this.#scope = scope;
  }

  /**
   * Writes a batch. One that the database refuses is halved until the row at fault stands alone: that one is left out and counted, and only
   * the place it moves is written.
   * @returns false when the stop came first
   * @throws STORE_REFUSED where that place is refused too: then no row is at fault, and whoever begins anew asks for all of it again
   */
  write(entries: readonly BoxEntry[], channels: readonly ResolvedChannel[]): Promise<boolean> {
    return this.#write(entries, channels, []);
  }

  /** @param touched chats that attempts at the same have touched */
  async #write(entries: readonly BoxEntry[], channels: readonly ResolvedChannel[], touched: Iterable<ChatId>): Promise<boolean> {
    if (entries.length + channels.length === 0) return true;
    const work = new BoxTransaction(this.#line.accountId, this.#scope, this.#deps.clock, touched);
    try {
      const commit = (): Promise<void> => this.#deps.store.transaction((tx) => work.write(tx, entries, channels));
      if (!(await this.#untilStored(commit))) return false;
    } catch (thrown) {
      if (entries.length > 1 || (entries.length === 1 && channels.length > 0)) {
        const half = channels.length > 0 ? 0 : Math.ceil(entries.length / 2);
        const first = await this.#write(entries.slice(0, half), channels, work.touched);
        return first && this.#write(entries.slice(half), [], work.touched);
      }
      const [entry] = entries;
      if (entry?.kind === 'position') throw thrown;
      if (entry?.kind === 'history' && entry.messages.length > 1) return this.#write(halvesOf(entry), [], work.touched);
      if (entry?.kind === 'update' && entry.position) {
        if (!(await this.write([{ kind: 'position', position: entry.position }], []))) return false;
      }
      this.#line.noteMissing(boxOf(entry));
      const what = entry?.kind === 'update' ? entry.update.type : entry?.kind;
      this.#deps.log.error({ account: this.#line.accountId, what, err: thrown }, 'an update could not be stored; left out');
      return true;
    }
    await this.#afterCommit(work, entries);
    return true;
  }

  /** Apart from the commit: where this has to wait for the database, nothing is written and told a second time. */
  async #afterCommit(work: BoxTransaction, entries: readonly BoxEntry[]): Promise<void> {
    const { store, cache } = this.#deps;
    for (const entry of entries) {
      if (entry.kind === 'gap') this.#line.noteGap(entry.gap);
      if (entry.kind === 'healed') this.#line.healGap(entry);
      if (entry.kind === 'history') entry.written(work.changedIn(entry));
    }
    for (const chatId of work.touched) {
      // A stop comes first only where the next life forgets all windows.
      if (!isChannel(chatId)) continue;
      const change = work.changeOf(chatId);
      await this.#untilStored(() =>
        change === undefined ? forgetWindow(cache, store, chatId) : renewWindow(cache, store, chatId, change),
      );
    }
  }

  #untilStored(work: () => Promise<void>): Promise<boolean> {
    return untilStored(work, this.#line.accountId, this.#deps, this.#signal);
  }
}

/** Both together say of the range what the part says. */
function halvesOf(part: HistoryPart): readonly HistoryPart[] {
  const { messages, range } = part;
  const half = Math.ceil(messages.length / 2);
  const upper = messages.slice(0, half);
  const border = upper.at(-1)?.id ?? range.to;
  return [
    { ...part, range: { from: border, to: range.to }, messages: upper },
    { ...part, range: { from: range.from, to: border - 1 }, messages: messages.slice(half) },
  ];
}

/** The box that an entry belongs to. */
function boxOf(entry: BoxEntry | undefined): string {
  if (entry?.kind === 'history') return channelBox(entry.chatId);
  const chatId = entry?.kind === 'update' ? channelOf(entry.update) : null;
  return chatId === null ? ACCOUNT_BOX : channelBox(chatId);
}

/**
 * Waits until the database takes it: it may be away for long.
 * @returns false when the stop came first
 */
export async function untilStored(
  write: () => Promise<void>,
  account: string,
  { clock, random, log }: Pick<BoxDeps, 'clock' | 'random' | 'log'>,
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    try {
      await write();
      return true;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_UNAVAILABLE') throw error;
      if (attempt === 0) log.warn({ account, cause: error.message }, 'updates wait for the database');
      if (!(await pause(clock, backoffDelayMs(RETRY, attempt, random), signal))) return false;
    }
  }
}
