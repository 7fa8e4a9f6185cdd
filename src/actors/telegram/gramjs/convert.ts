import { Api } from 'telegram/tl/index.js';
import type {
  Channel,
  ChatId,
  EntityType,
  HistoryPage,
  JsonObject,
  Message,
  ResolvedChannel,
  TextEntity,
} from '../../../ports.ts';
import { splitTl } from './tl-json.ts';

type Long = { toString(): string };

const CHANNEL_MARK = 1_000_000_000_000;

/** A channel's marked id from its bare one. */
export function markChannel(channelId: Long): ChatId {
  return -(CHANNEL_MARK + Number(channelId.toString()));
}

/** A channel's bare id, in decimal, from its marked one. */
export function bareChannelId(chatId: ChatId): string {
  return String(-chatId - CHANNEL_MARK);
}

/** Any peer's marked id. */
export function markPeer(peer: Api.TypePeer): ChatId {
  if (peer instanceof Api.PeerChannel) return markChannel(peer.channelId);
  if (peer instanceof Api.PeerChat) return -Number(peer.chatId.toString());
  return Number(peer.userId.toString());
}

/** Fields of a message that have columns of their own, and so are not repeated in `raw`. */
export const COLUMNS: ReadonlySet<string> = new Set([
  'id',
  'date',
  'editDate',
  'message',
  'entities',
  'fromId',
  'views',
  'peerId',
]);

/**
 * A message as TL has it, as we keep it.
 * @param pts the channel's pts with which it came, 0 for history
 * @returns undefined for `messageEmpty`, which stands for nothing
 */
export function toMessage(tl: Api.TypeMessage, pts: number): Message | undefined {
  const { rest, taken } = splitTl(tl, COLUMNS);
  return messageOf(rest, taken, pts);
}

/** A peer, and a part of a text, as JSON (see `tlToJson`). */
interface PeerJson {
  readonly _: string;
  readonly channelId?: string;
  readonly chatId?: string;
  readonly userId?: string;
}
interface EntityJson {
  readonly _: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
  readonly userId?: string;
  readonly documentId?: string;
  readonly collapsed?: true;
}

/**
 * A message that is JSON already (see `tlToJson`), as we keep it.
 * @param raw the object without what is in the columns
 * @param columns its fields of {@link COLUMNS}, those that are there
 * @param pts the channel's pts with which it came, 0 for history
 * @returns undefined for `messageEmpty`, which stands for nothing
 */
export function messageOf(raw: JsonObject, columns: JsonObject, pts: number): Message | undefined {
  const kind = raw._ === 'Message' ? 'message' : 'service';
  if (kind === 'service' && raw._ !== 'MessageService') return undefined;
  const { id, date, editDate, message, entities, fromId, views, peerId } = columns as Readonly<Record<string, unknown>>;
  const replyTo = raw.replyTo as { readonly _: string; readonly replyToMsgId?: number } | undefined;
  const media = raw.media as { readonly _: string } | undefined;
  return {
    chatId: markPeerJson(peerId as PeerJson),
    id: id as number,
    date: date as number,
    editDate: (editDate as number | undefined) ?? null,
    pts,
    kind,
    text: (message as string | undefined) ?? '',
    entities: ((entities as readonly EntityJson[] | undefined) ?? []).map(toEntity),
    fromId: fromId ? markPeerJson(fromId as PeerJson) : null,
    replyToId: replyTo?._ === 'MessageReplyHeader' ? (replyTo.replyToMsgId ?? null) : null,
    views: (views as number | undefined) ?? null,
    media: media ? media._.replace(/^MessageMedia/, '') : null,
    raw,
  };
}

function markPeerJson({ _: name, channelId, chatId, userId }: PeerJson): ChatId {
  if (name === 'PeerChannel') return -(CHANNEL_MARK + Number(channelId));
  return name === 'PeerChat' ? -Number(chatId) : Number(userId);
}

/** A page of history, of GramJS's objects. */
export function toHistoryPage(answer: Api.messages.TypeMessages): HistoryPage {
  if (answer instanceof Api.messages.MessagesNotModified) {
    return { messages: [], oldestId: null, total: answer.count, pts: null };
  }
  const messages = answer.messages.map((message) => toMessage(message, 0)).filter((message) => message !== undefined);
  return {
    messages,
    oldestId: answer.messages.at(-1)?.id ?? null,
    total: answer instanceof Api.messages.Messages ? messages.length : answer.count,
    pts: answer instanceof Api.messages.ChannelMessages ? answer.pts : null,
  };
}

const ENTITY_NAMES: Readonly<Record<string, EntityType>> = {
  MessageEntityBold: 'bold',
  MessageEntityItalic: 'italic',
  MessageEntityUnderline: 'underline',
  MessageEntityStrike: 'strikethrough',
  MessageEntitySpoiler: 'spoiler',
  MessageEntityCode: 'code',
  MessageEntityPre: 'pre',
  MessageEntityBlockquote: 'blockquote',
  MessageEntityUrl: 'url',
  MessageEntityTextUrl: 'text_link',
  MessageEntityMention: 'mention',
  MessageEntityMentionName: 'text_mention',
  MessageEntityHashtag: 'hashtag',
  MessageEntityCashtag: 'cashtag',
  MessageEntityBotCommand: 'bot_command',
  MessageEntityEmail: 'email',
  MessageEntityPhone: 'phone_number',
  MessageEntityBankCard: 'bank_card',
  MessageEntityCustomEmoji: 'custom_emoji',
};

function toEntity(tl: EntityJson): TextEntity {
  const base = { type: ENTITY_NAMES[tl._] ?? 'unknown', offset: tl.offset, length: tl.length };
  switch (tl._) {
    case 'MessageEntityTextUrl':
      return { ...base, url: tl.url ?? '' };
    case 'MessageEntityPre':
      return tl.language ? { ...base, language: tl.language } : base;
    case 'MessageEntityMentionName':
      return { ...base, userId: Number(tl.userId) };
    case 'MessageEntityCustomEmoji':
      return { ...base, customEmojiId: tl.documentId ?? '' };
    case 'MessageEntityBlockquote':
      return tl.collapsed ? { ...base, type: 'expandable_blockquote' } : base;
    default:
      return base;
  }
}

/**
 * The channels and supergroups among the chats of an answer, with their access hashes.
 * `min` ones are left out: their hashes do not work elsewhere (https://core.telegram.org/api/min).
 */
export function toChannels(chats: readonly Api.TypeChat[]): ResolvedChannel[] {
  const out: ResolvedChannel[] = [];
  for (const chat of chats) {
    if (!(chat instanceof Api.Channel) || chat.min || !chat.accessHash) continue;
    const chatId = markChannel(chat.id);
    const username = chat.username ?? chat.usernames?.find((name) => name.active)?.username ?? null;
    const channel: Channel = {
      chatId,
      username,
      title: chat.title,
      kind: chat.megagroup ? 'supergroup' : 'channel',
      about: null,
      participants: chat.participantsCount ?? null,
    };
    out.push({ channel, entity: { peerId: chatId, accessHash: chat.accessHash.toString(), username } });
  }
  return out;
}
