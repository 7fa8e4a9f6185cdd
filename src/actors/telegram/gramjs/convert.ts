import { Api } from 'telegram/tl/index.js';
import type { Channel, ChatId, EntityType, Message, ResolvedChannel, TelegramUpdate, TextEntity } from '../../../ports.ts';
import { tlToJson } from './tl-json.ts';

type Long = { toString(): string };

const CHANNEL_MARK = 1_000_000_000_000;

/** A channel's marked id from its bare one. */
function markChannel(channelId: Long): ChatId {
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
const COLUMNS = new Set(['id', 'date', 'editDate', 'message', 'entities', 'fromId', 'views', 'peerId']);

/**
 * A message as TL has it, as we keep it.
 * @param pts the channel's pts with which it came, 0 for history
 * @returns undefined for `messageEmpty`, which stands for nothing
 */
export function toMessage(tl: Api.TypeMessage, pts: number): Message | undefined {
  if (!(tl instanceof Api.Message || tl instanceof Api.MessageService)) return undefined;
  const plain = tl instanceof Api.Message ? tl : undefined;
  return {
    chatId: markPeer(tl.peerId),
    id: tl.id,
    date: tl.date,
    editDate: plain?.editDate ?? null,
    pts,
    kind: plain ? 'message' : 'service',
    text: plain?.message ?? '',
    entities: (plain?.entities ?? []).map(toEntity),
    fromId: tl.fromId ? markPeer(tl.fromId) : null,
    replyToId: tl.replyTo instanceof Api.MessageReplyHeader ? (tl.replyTo.replyToMsgId ?? null) : null,
    views: plain?.views ?? null,
    media: plain?.media ? plain.media.className.replace(/^MessageMedia/, '') : null,
    raw: tlToJson(tl, COLUMNS),
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

function toEntity(tl: Api.TypeMessageEntity): TextEntity {
  const base = { type: ENTITY_NAMES[tl.className] ?? 'unknown', offset: tl.offset, length: tl.length };
  if (tl instanceof Api.MessageEntityTextUrl) return { ...base, url: tl.url };
  if (tl instanceof Api.MessageEntityPre) return tl.language ? { ...base, language: tl.language } : base;
  if (tl instanceof Api.MessageEntityMentionName) return { ...base, userId: Number(tl.userId.toString()) };
  if (tl instanceof Api.MessageEntityCustomEmoji) return { ...base, customEmojiId: tl.documentId.toString() };
  if (tl instanceof Api.MessageEntityBlockquote && tl.collapsed) return { ...base, type: 'expandable_blockquote' };
  return base;
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

/** The updates of a container, with the channels it names. */
export function toUpdates(container: unknown): { updates: TelegramUpdate[]; channels: ResolvedChannel[] } {
  if (container instanceof Api.Updates || container instanceof Api.UpdatesCombined) {
    return { updates: container.updates.map(toUpdate), channels: toChannels(container.chats) };
  }
  if (container instanceof Api.UpdateShort) return { updates: [toUpdate(container.update)], channels: [] };
  if (container instanceof Api.UpdatesTooLong) return { updates: [{ type: 'too-long', chatId: null }], channels: [] };
  const name = (container as { className?: unknown } | null)?.className;
  return { updates: [{ type: 'other', name: typeof name === 'string' ? name : 'unknown' }], channels: [] };
}

function toUpdate(update: Api.TypeUpdate): TelegramUpdate {
  if (update instanceof Api.UpdateNewChannelMessage || update instanceof Api.UpdateEditChannelMessage) {
    const message = toMessage(update.message, update.pts);
    if (message) {
      const edited = update instanceof Api.UpdateEditChannelMessage;
      return { type: 'message', message, edited, pts: update.pts, ptsCount: update.ptsCount };
    }
  }
  if (update instanceof Api.UpdateDeleteChannelMessages) {
    const { pts, ptsCount } = update;
    return { type: 'deleted', chatId: markChannel(update.channelId), ids: update.messages, pts, ptsCount };
  }
  if (update instanceof Api.UpdateChannelTooLong) return { type: 'too-long', chatId: markChannel(update.channelId) };
  return { type: 'other', name: update.className };
}
