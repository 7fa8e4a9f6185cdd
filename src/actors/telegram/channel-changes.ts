import { isChannel } from '../../machines/box-names.ts';
import type { ChatId, Message } from '../../ports.ts';
import type { MessagesChange } from '../cache/changed-window.ts';

/** Messages that the store writes in one statement, at most: more grow a channel's revision by more than one. */
const ONE_STATEMENT = 1_000;

interface Change extends MessagesChange {
  statements: number;
  readonly written: { readonly message: Message; readonly inserted: boolean }[];
  readonly gone: number[];
}

/** What a transaction changes of channels' messages, told in the order of its statements; and of which channels more than that. */
export class ChannelChanges {
  readonly #changes = new Map<ChatId, Change>();
  readonly #otherwise = new Set<ChatId>();

  clear(): void {
    this.#changes.clear();
    this.#otherwise.clear();
  }

  of(chatId: ChatId): MessagesChange | undefined {
    return this.#otherwise.has(chatId) ? undefined : this.#changes.get(chatId);
  }

  /** More of it changed than is told here. */
  giveUp(chatId: ChatId): void {
    this.#otherwise.add(chatId);
  }

  /**
   * @param rows what was written, with the message that it is
   * @param given how many messages were to be written
   */
  noteWritten(
    rows: readonly { readonly chatId: ChatId; readonly inserted: boolean; readonly message: Message | undefined }[],
    given: number,
  ): void {
    const seen = new Set<ChatId>();
    for (const { chatId, inserted, message } of rows) {
      if (!isChannel(chatId)) continue;
      if (message === undefined || given > ONE_STATEMENT) {
        this.giveUp(chatId);
        continue;
      }
      const change = this.#changeOf(chatId);
      if (!seen.has(chatId)) change.statements += 1;
      seen.add(chatId);
      change.written.push({ message, inserted });
    }
  }

  noteGone(chatId: ChatId, ids: readonly number[]): void {
    if (!isChannel(chatId)) return;
    const change = this.#changeOf(chatId);
    change.statements += 1;
    change.gone.push(...ids);
  }

  #changeOf(chatId: ChatId): Change {
    const change = this.#changes.get(chatId) ?? { statements: 0, written: [], gone: [] };
    this.#changes.set(chatId, change);
    return change;
  }
}
