import type { ChatId, TelegramUpdate } from '../ports.ts';

/** The box of the account itself: private chats, basic groups, and whatever is not of a channel. */
export const ACCOUNT_BOX = 'account';

/** @returns the name of a channel's box */
export function channelBox(chatId: ChatId): string {
  return `channel:${chatId}`;
}

/** @returns the channel whose box this is; null for the account's */
export function channelOfBox(box: string): ChatId | null {
  return box === ACCOUNT_BOX ? null : Number(box.slice(channelBox(0).length - 1));
}

/** Marked ids of channels and supergroups lie below this (https://core.telegram.org/api/bots/ids). */
const CHANNEL_MARK = -1_000_000_000_000;

/** @returns whether a chat has a box of its own */
export function isChannel(chatId: ChatId): boolean {
  return chatId < CHANNEL_MARK;
}

/** @returns the channel in whose box an update belongs; null for the account's */
export function channelOf(update: TelegramUpdate): ChatId | null {
  const chatId = update.type === 'message' ? update.message.chatId : 'chatId' in update ? update.chatId : null;
  return chatId !== null && isChannel(chatId) ? chatId : null;
}
