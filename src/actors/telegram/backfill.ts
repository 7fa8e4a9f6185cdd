import type { ChatId, Store } from '../../ports.ts';
import type { AccountLine } from './account-line.ts';
import type { BoxDesk } from './box-desk.ts';

/** Telegram's own limit of a page, in messages. */
const PAGE = 100;
/** How many of the messages that were stored before are looked at again: they may have been edited or deleted meanwhile. */
const LOOKED_AT_AGAIN = 2_000;
/** Message ids are below it. */
const HIGHEST_ID = 2 ** 31 - 1;

/** Reads of a channel's history what a difference does not tell, from the newest message down: a page at a time, each written before the next. */
export class Backfill {
  readonly #chatId: ChatId;
  readonly #line: AccountLine;
  readonly #desk: BoxDesk;
  readonly #store: Store;
  #offsetId = 0;
  /** The newest message that was stored when it began; undefined before. */
  #storedTop: number | undefined;
  /** Where the channel's place is: no more can be new than things happened since. */
  #sincePts = 0;
  #read = 0;
  #again = 0;
  #changed = 0;

  constructor(chatId: ChatId, line: AccountLine, desk: BoxDesk, store: Store) {
    this.#chatId = chatId;
    this.#line = line;
    this.#desk = desk;
    this.#store = store;
  }

  /**
   * Reads one page, and takes the ledger on when it was the last one.
   * @param targetPts where the channel stood before this began: the history is no older
   */
  async readPage(targetPts: number): Promise<{ done: boolean }> {
    const chatId = this.#chatId;
    // Asked for before Telegram is: what was stored then and is not in the history any more was deleted.
    const storedTop = this.#storedTop ?? (await this.#begin());
    const page = await this.#line.history(chatId, this.#offsetId, PAGE);
    const top = this.#offsetId === 0 ? Math.max(storedTop, page.messages[0]?.id ?? 0) : this.#offsetId - 1;
    this.#read += page.messages.length;
    this.#again += page.messages.filter(({ id }) => id <= storedTop).length;
    const isLast = page.oldestId === null || page.oldestId <= 1;
    const hasAll = storedTop > 0 ? this.#again >= LOOKED_AT_AGAIN : this.#read >= targetPts - this.#sincePts;
    const done = isLast || hasAll;
    const range = { from: isLast ? 1 : (page.oldestId ?? 1), to: Math.min(top, HIGHEST_ID) };
    const messages = page.messages.map((message) => ({ ...message, pts: targetPts }));
    let changed = 0;
    const written = (count: number): void => {
      changed += count;
    };
    await this.#desk.ask(() => ({ entries: [{ kind: 'history', chatId, range, messages, written }], result: undefined }));
    this.#changed += changed;
    this.#offsetId = page.oldestId ?? this.#offsetId;
    if (done) {
      await this.#desk.ask((ledger, nowMs) => ({
        entries: ledger.backfilled(chatId, targetPts, this.#changed, 0, nowMs),
        result: undefined,
      }));
    }
    return { done };
  }

  /** @returns the newest message that is stored */
  async #begin(): Promise<number> {
    const chatId = this.#chatId;
    this.#sincePts = await this.#desk.ask((ledger) => ({ entries: [], result: ledger.channelPts(chatId) ?? 0 }));
    this.#storedTop = (await this.#store.readMessages({ chatId, limit: 1 }))[0]?.id ?? 0;
    return this.#storedTop;
  }
}
