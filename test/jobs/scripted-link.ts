import { VigiliaError } from '../../src/errors.ts';
import type {
  Channel,
  ChannelDifference,
  ChannelRef,
  ChatId,
  Dialog,
  Difference,
  HistoryPage,
  Message,
  Position,
  ResolvedChannel,
  TelegramLink,
} from '../../src/ports.ts';
import { type Deferred, deferred } from '../support/deferred.ts';

/** A link whose account sees one channel, and whose answers the test scripts. */
export class ScriptedLink implements TelegramLink {
  readonly username: string;
  readonly channel: Channel;
  /** Newest first, ids with gaps: every third one is missing. */
  messages: readonly Message[];
  /** Pages that were asked for, in order. */
  readonly pages: { readonly offsetId: number; readonly limit: number }[] = [];
  /** Runs before each page is answered, with its number from 1; what it throws is the answer. */
  beforePage: (page: number) => Promise<void> | void = () => {};
  /** How many messages the server is willing to put in a page that may hold `limit`. */
  pageSize: (limit: number, page: number) => number = (limit) => limit;
  beforeResolve: () => void = () => {};
  readonly #held = new Map<number, { readonly asked: Deferred<void>; readonly go: Deferred<void> }>();

  constructor(chatId: ChatId, size: number) {
    this.username = `channel_${-chatId}`;
    this.channel = { chatId, username: this.username, title: 'A channel', kind: 'channel', about: null, participants: 3 };
    this.messages = Array.from({ length: size }, (_, index) => message(chatId, size - index));
  }

  /** Holds a page back. @returns what resolves once it was asked for; `release` lets it go */
  hold(page: number): Promise<void> {
    const held = { asked: deferred(), go: deferred() };
    this.#held.set(page, held);
    return held.asked.promise;
  }

  release(): void {
    for (const { go } of this.#held.values()) go.resolve();
    this.#held.clear();
  }

  async resolve(ref: ChannelRef): Promise<ResolvedChannel> {
    this.beforeResolve();
    if (ref.kind === 'username' ? ref.username !== this.username : ref.chatId !== this.channel.chatId) {
      throw new VigiliaError('CHANNEL_NOT_FOUND', 'no such channel');
    }
    return this.#resolved();
  }

  async fullChannel(): Promise<ResolvedChannel> {
    return this.#resolved();
  }

  async dialogs(): Promise<Dialog[]> {
    return [{ ...this.#resolved(), pts: 7 }];
  }

  async history(_: ChatId, offsetId: number, limit: number): Promise<HistoryPage> {
    this.pages.push({ offsetId, limit });
    const page = this.pages.length;
    const held = this.#held.get(page);
    held?.asked.resolve();
    await held?.go.promise;
    await this.beforePage(page);
    const older = this.messages.filter(({ id }) => offsetId === 0 || id < offsetId);
    const messages = older.slice(0, Math.min(limit, this.pageSize(limit, page)));
    return { messages, oldestId: messages.at(-1)?.id ?? null, total: this.messages.length, pts: 7 };
  }

  async connect(): Promise<void> {}
  async ping(): Promise<void> {}
  async close(): Promise<void> {}
  async signIn(): Promise<void> {}
  async logOut(): Promise<void> {}
  async userId(): Promise<number> {
    return 1;
  }
  session(): string {
    return '';
  }
  async sendCode(): Promise<string> {
    return '';
  }
  async state(): Promise<Position> {
    return { box: 'account', pts: 1, qts: 0, date: 1, seq: 0 };
  }

  async difference(): Promise<Difference> {
    return { kind: 'empty', date: 1, seq: 0 };
  }
  async channelDifference(_: ChatId, pts: number): Promise<ChannelDifference> {
    return { kind: 'empty', pts, final: true, timeoutS: null };
  }

  #resolved(): ResolvedChannel {
    const { chatId } = this.channel;
    return { channel: this.channel, entity: { peerId: chatId, accessHash: '7', username: this.username } };
  }
}

function message(chatId: ChatId, place: number): Message {
  const id = place + Math.floor(place / 2);
  return {
    chatId,
    id,
    date: 1_700_000_000 + 60 * id,
    editDate: null,
    pts: 0,
    kind: 'message',
    text: `message ${id}`,
    entities: [],
    fromId: null,
    replyToId: null,
    views: null,
    media: null,
    raw: {},
  };
}
