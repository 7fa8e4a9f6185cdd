import type { Clock } from '../../clock.ts';
import type { EventTopic } from '../../event-topics.ts';
import { channelOfBox, isChannel } from '../../machines/box-names.ts';
import { messageJson } from '../../message-json.ts';
import type {
  ChatId,
  JsonObject,
  Message,
  OutboxEntry,
  Position,
  ResolvedChannel,
  StoreTransaction,
  TelegramUpdate,
  ViewCount,
} from '../../ports.ts';
import type { MessagesChange } from '../cache/changed-window.ts';
import type { BoxEntry, HistoryPart } from './box-order.ts';
import { ChannelChanges } from './channel-changes.ts';

/** The scope that all accounts share. */
const CHANNEL_SCOPE = 0;

/** Of an account's deletions that name no chat. */
const ANY_CHAT = 'any';

/**
 * One batch as one transaction: messages first, a statement a scope; then what was deleted, pinned, seen; then the events, in the order in
 * which things happened; then the places. Of several versions of a message in a batch only the newest is written and told.
 */
export class BoxTransaction {
  readonly #accountId: string;
  readonly #scope: number;
  readonly #clock: Clock;
  readonly #messages = new Map<number, Message[]>();
  /** By chat: ids that were deleted. */
  readonly #deletions = new Map<ChatId | typeof ANY_CHAT, number[]>();
  readonly #views: ViewCount[] = [];
  readonly #positions = new Map<string, Position>();
  /** Boxes that begin anew. */
  readonly #anew = new Set<string>();
  /** By message: the newest version of it, which is the one that is written and told. */
  readonly #newest = new Map<string, Message>();
  /** By message: whether its row is new; taken out when it is told. */
  readonly #changed = new Map<string, { readonly inserted: boolean }>();
  /** By message: the chat it was deleted from; taken out when it is told. */
  readonly #gone = new Map<string, ChatId>();
  readonly #partsChanged = new Map<HistoryPart, number>();
  readonly #outbox: OutboxEntry[] = [];
  /** Chats in which something changed. */
  readonly touched: Set<ChatId>;
  /** Of channels, what changed of their messages, as long as that is all that changed in them. */
  readonly #changes = new ChannelChanges();

  /** @param touchedBefore chats that an attempt at the same has touched, of which it is not known whether it was committed */
  constructor(accountId: string, scope: number, clock: Clock, touchedBefore: Iterable<ChatId> = []) {
    this.touched = new Set(touchedBefore);
    this.#accountId = accountId;
    this.#scope = scope;
    this.#clock = clock;
  }

  /** What changed of a channel's messages; undefined where that is not known, or not all. */
  changeOf(chatId: ChatId): MessagesChange | undefined {
    return this.#changes.of(chatId);
  }

  /** How many messages a part of a history changed. */
  changedIn(part: HistoryPart): number {
    return this.#partsChanged.get(part) ?? 0;
  }

  async write(tx: StoreTransaction, entries: readonly BoxEntry[], channels: readonly ResolvedChannel[]): Promise<void> {
    // A transaction whose answer was lost is made again. It may have been committed: then nothing of it changes now, and all the same its windows are old.
    for (const kept of [
      this.#newest,
      this.#messages,
      this.#deletions,
      this.#positions,
      this.#anew,
      this.#changed,
      this.#gone,
      this.#partsChanged,
      this.#changes,
    ]) {
      kept.clear();
    }
    for (const chatId of this.touched) this.#changes.giveUp(chatId);
    this.#views.length = 0;
    this.#outbox.length = 0;
    if (channels.length > 0) {
      for (const { chatId } of await tx.upsertChannels(channels.map(({ channel }) => channel))) this.#touchOtherwise(chatId);
      await tx.upsertEntities(
        this.#accountId,
        channels.map(({ entity }) => entity),
      );
    }
    for (const entry of entries) this.#sort(entry);
    await this.#writeMessages(tx);
    await this.#writeDeletions(tx);
    for (const chatId of await tx.countViews(this.#views)) this.#touchOtherwise(chatId);
    for (const entry of entries) await this.#tell(tx, entry);
    await tx.appendOutbox(this.#outbox);
    for (const position of this.#positions.values()) {
      await tx.savePosition(this.#accountId, this.#dated(position), this.#anew.has(position.box));
    }
  }

  #scopeOf(chatId: ChatId): number {
    return isChannel(chatId) ? CHANNEL_SCOPE : this.#scope;
  }

  /** A channel's place has no date of its own. */
  #dated(position: Position): Position {
    return position.date > 0 ? position : { ...position, date: Math.floor(this.#clock.now() / 1000) };
  }

  #sort(entry: BoxEntry): void {
    if ('position' in entry && entry.position) this.#positions.set(entry.position.box, entry.position);
    if (entry.kind === 'position' && entry.anew) this.#anew.add(entry.position.box);
    if (entry.kind !== 'update') return;
    const { update } = entry;
    if (update.type === 'message') {
      listIn(this.#messages, this.#scopeOf(update.message.chatId)).push(update.message);
      this.#noteVersion(update.message);
    } else if (update.type === 'deleted') {
      listIn(this.#deletions, update.chatId ?? ANY_CHAT).push(...update.ids);
    } else if (update.type === 'views') this.#views.push({ chatId: update.chatId, id: update.id, views: update.views });
  }

  #noteVersion(message: Message): void {
    const key = `${message.chatId} ${message.id}`;
    const held = this.#newest.get(key);
    // Of one id there may be rows of several dates: which of them was written is not told.
    if (held !== undefined && held.date !== message.date) this.#changes.giveUp(message.chatId);
    const [edited, heldEdited] = [message.editDate ?? 0, held?.editDate ?? 0];
    if (!held || edited > heldEdited || (edited === heldEdited && message.pts > held.pts)) this.#newest.set(key, message);
  }

  async #writeMessages(tx: StoreTransaction): Promise<void> {
    for (const [scope, messages] of this.#messages) {
      const { changed } = await tx.upsertMessages(scope, messages);
      for (const { chatId, id, inserted } of changed) this.#noteChange(chatId, id, inserted);
      const written = changed.map((row) => ({ ...row, message: this.#newest.get(`${row.chatId} ${row.id}`) }));
      this.#changes.noteWritten(written, messages.length);
    }
  }

  /** Something of the chat changed that no window can be told. */
  #touchOtherwise(chatId: ChatId): void {
    this.touched.add(chatId);
    this.#changes.giveUp(chatId);
  }

  #noteChange(chatId: ChatId, id: number, inserted: boolean): void {
    this.#changed.set(`${chatId} ${id}`, { inserted });
    this.touched.add(chatId);
  }

  async #writeDeletions(tx: StoreTransaction): Promise<void> {
    const now = this.#clock.now();
    for (const [chat, ids] of this.#deletions) {
      if (chat === ANY_CHAT) {
        for (const { chatId, id } of await tx.deletePrivate(this.#scope, ids, now)) {
          this.#gone.set(`${ANY_CHAT} ${id}`, chatId);
          this.touched.add(chatId);
        }
        continue;
      }
      const gone = await tx.deleteMessages(this.#scopeOf(chat), chat, ids, now);
      for (const id of gone) this.#gone.set(`${chat} ${id}`, chat);
      if (gone.length === 0) continue;
      this.touched.add(chat);
      this.#changes.noteGone(chat, gone);
    }
  }

  /** What is told of an entry; pins and parts of a history, which are rare, are written here too. */
  async #tell(tx: StoreTransaction, entry: BoxEntry): Promise<void> {
    switch (entry.kind) {
      case 'update':
        return this.#tellUpdate(tx, entry.update);
      case 'history':
        return this.#writePart(tx, entry);
      case 'gap': {
        const { box, reason, from, to } = entry.gap;
        this.#sayGap('gap.detected', box, { reason, from, to });
        return;
      }
      case 'healed': {
        const { gap, to, count, ids, missing } = entry;
        this.#sayGap('gap.healed', gap.box, { reason: gap.reason, from: gap.from, to, count, ids, missing });
        return;
      }
      case 'position':
        return;
    }
  }

  async #tellUpdate(tx: StoreTransaction, update: TelegramUpdate): Promise<void> {
    if (update.type === 'message') this.#sayChanged(update.message);
    else if (update.type === 'deleted') this.#sayGone(update.chatId ?? ANY_CHAT, update.ids);
    else if (update.type === 'pinned') {
      const { chatId, pinned, pts } = update;
      const ids = await tx.pinMessages(this.#scopeOf(chatId), chatId, update.ids, pinned, pts);
      if (ids.length === 0) return;
      this.#touchOtherwise(chatId);
      this.#say(`message.pinned.${chatId}`, chatId, { ids, pinned, pts });
    }
  }

  async #writePart(tx: StoreTransaction, part: HistoryPart): Promise<void> {
    const { chatId, range, messages } = part;
    const scope = this.#scopeOf(chatId);
    for (const message of messages) this.#noteVersion(message);
    const { changed } = await tx.upsertMessages(scope, messages);
    for (const { id, inserted } of changed) this.#noteChange(chatId, id, inserted);
    if (changed.length > 0) this.#touchOtherwise(chatId);
    for (const message of messages.toReversed()) this.#sayChanged(message);
    const present = messages.map(({ id }) => id);
    const gone = await tx.deleteAbsent(scope, chatId, range, present, this.#clock.now());
    if (gone.length > 0) {
      this.#touchOtherwise(chatId);
      this.#say(`message.deleted.${chatId}`, chatId, { ids: gone });
    }
    this.#partsChanged.set(part, changed.length + gone.length);
  }

  #sayChanged(message: Message): void {
    const { chatId, id, pts } = message;
    const key = `${chatId} ${id}`;
    const change = this.#changed.get(key);
    // An older version beside it in the batch was not written, and may be older than what was there.
    if (!change || this.#newest.get(key) !== message) return;
    this.#changed.delete(key);
    const told = messageJson(message) as unknown as JsonObject;
    this.#say(`message.${change.inserted ? 'new' : 'edited'}.${chatId}`, chatId, { message: told, pts });
  }

  #sayGone(chat: ChatId | typeof ANY_CHAT, ids: readonly number[]): void {
    const byChat = new Map<ChatId, number[]>();
    for (const id of ids) {
      const key = `${chat} ${id}`;
      const chatId = this.#gone.get(key);
      if (chatId === undefined) continue;
      this.#gone.delete(key);
      listIn(byChat, chatId).push(id);
    }
    for (const [chatId, gone] of byChat) this.#say(`message.deleted.${chatId}`, chatId, { ids: gone });
  }

  /** Of what is not Telegram-wide it is said whose it is. */
  #say(topic: EventTopic, channelId: ChatId, rest: JsonObject): void {
    const whose = isChannel(channelId) ? {} : { accountId: this.#accountId };
    this.#outbox.push({ topic, payload: { channelId, ...whose, ...rest } });
  }

  /** Each account has gaps of its own, also in channels that others follow without any. */
  #sayGap(topic: 'gap.detected' | 'gap.healed', box: string, rest: JsonObject): void {
    this.#outbox.push({ topic, payload: { accountId: this.#accountId, box, channelId: channelOfBox(box), ...rest } });
  }
}

function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
