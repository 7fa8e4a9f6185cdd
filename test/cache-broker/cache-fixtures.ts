import type { ChannelRef, Message, StoredChannel, Window } from '../../src/ports.ts';

export const CHANNEL_ID = -1_001_032_086_354;

export function byId(chatId = CHANNEL_ID): ChannelRef {
  return { kind: 'id', chatId };
}

export function byName(username: string): ChannelRef {
  return { kind: 'username', username };
}

/** A window of a channel as of a revision, with that many messages. */
export function windowOf(revision: number, overrides: Partial<StoredChannel> = {}, count = 1): Window {
  const channel: StoredChannel = {
    chatId: CHANNEL_ID,
    username: 'habr_com',
    title: 'Habr',
    kind: 'channel',
    about: null,
    participants: null,
    syncedAt: null,
    syncedDepth: count,
    complete: false,
    ...overrides,
    revision,
  };
  const messages: Message[] = Array.from({ length: count }, (_, at) => ({
    chatId: channel.chatId,
    id: count - at,
    date: 1_700_000_000,
    editDate: null,
    pts: 0,
    kind: 'message',
    text: `revision ${revision}`,
    entities: [],
    fromId: null,
    replyToId: null,
    views: null,
    media: null,
    raw: {},
  }));
  return { channel, messages, complete: false };
}
