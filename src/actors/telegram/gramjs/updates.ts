import { Api } from 'telegram/tl/index.js';
import { type ContainerOrder, type ResolvedChannel, type TelegramUpdate, UNORDERED } from '../../../ports.ts';
import { markChannel, markPeer, toChannels, toMessage } from './convert.ts';

/** A container of updates as we pass it on. */
export interface UpdateContainer {
  readonly updates: readonly TelegramUpdate[];
  readonly channels: readonly ResolvedChannel[];
  readonly order: ContainerOrder;
}

/** The classes of `Updates`: what is pushed, and what some calls answer with. */
const CONTAINERS = [
  Api.Updates,
  Api.UpdatesCombined,
  Api.UpdateShort,
  Api.UpdateShortMessage,
  Api.UpdateShortChatMessage,
  Api.UpdateShortSentMessage,
  Api.UpdatesTooLong,
];

/** @returns whether the answer to a call brings updates */
export function isContainer(answer: unknown): boolean {
  return CONTAINERS.some((container) => answer instanceof container);
}

/**
 * The updates of a container, with the channels it names and its place in the account's sequence.
 * @see https://core.telegram.org/api/updates#updates-sequence
 */
export function toContainer(container: unknown): UpdateContainer {
  if (container instanceof Api.UpdatesCombined) {
    const { seqStart, seq, date } = container;
    return { ...contentsOf(container), order: { seqStart, seq, date } };
  }
  if (container instanceof Api.Updates) {
    const { seq, date } = container;
    return { ...contentsOf(container), order: seq === 0 ? UNORDERED : { seqStart: seq, seq, date } };
  }
  return { updates: [single(container)], channels: [], order: UNORDERED };
}

function contentsOf(container: Api.Updates | Api.UpdatesCombined): Pick<UpdateContainer, 'updates' | 'channels'> {
  return { updates: container.updates.map(toUpdate), channels: toChannels(container.chats) };
}

function single(container: unknown): TelegramUpdate {
  if (container instanceof Api.UpdateShort) return toUpdate(container.update);
  if (container instanceof Api.UpdatesTooLong) return { type: 'too-long', chatId: null, pts: null };
  if (container instanceof Api.UpdateShortMessage || container instanceof Api.UpdateShortChatMessage)
    return shortMessage(container);
  if (container instanceof Api.UpdateShortSentMessage) {
    // Its text is in the call that it answers; the difference brings the message whole.
    return { type: 'too-long', chatId: null, pts: container.pts };
  }
  const name = (container as { className?: unknown } | null)?.className;
  return { type: 'other', name: typeof name === 'string' ? name : 'unknown' };
}

/** A message in short form, as it would have come in long form (https://core.telegram.org/constructor/updateShortMessage). */
function shortMessage(short: Api.UpdateShortMessage | Api.UpdateShortChatMessage): TelegramUpdate {
  const inGroup = short instanceof Api.UpdateShortChatMessage;
  const { className: _, originalArgs: __, ...fields } = short as unknown as Record<string, unknown>;
  const tl = new Api.Message({
    id: short.id,
    peerId: inGroup ? new Api.PeerChat({ chatId: short.chatId }) : new Api.PeerUser({ userId: short.userId }),
    date: short.date,
    message: short.message,
    ...pick(fields, ['out', 'mentioned', 'mediaUnread', 'silent', 'fwdFrom', 'viaBotId', 'replyTo', 'entities', 'ttlPeriod']),
    ...(inGroup ? { fromId: new Api.PeerUser({ userId: short.fromId }) } : {}),
  });
  return messageUpdate(tl, false, short.pts, short.ptsCount) ?? { type: 'other', name: short.className };
}

function pick(fields: Readonly<Record<string, unknown>>, names: readonly string[]): object {
  return Object.fromEntries(
    names.map((name) => [name, fields[name]]).filter(([, value]) => value !== undefined && value !== null),
  );
}

function messageUpdate(tl: Api.TypeMessage, edited: boolean, pts: number, ptsCount: number): TelegramUpdate | undefined {
  const message = toMessage(tl, pts);
  return message && { type: 'message', message, edited, pts, ptsCount };
}

/** One update. Of what is not kept, its place in its box is: without it, all that follows would seem to come too early. */
export function toUpdate(update: Api.TypeUpdate): TelegramUpdate {
  if (update instanceof Api.UpdateNewChannelMessage || update instanceof Api.UpdateNewMessage) {
    const { pts, ptsCount } = update;
    return messageUpdate(update.message, false, pts, ptsCount) ?? passed(update, pts, ptsCount);
  }
  if (update instanceof Api.UpdateEditChannelMessage || update instanceof Api.UpdateEditMessage) {
    const { pts, ptsCount } = update;
    return messageUpdate(update.message, true, pts, ptsCount) ?? passed(update, pts, ptsCount);
  }
  if (update instanceof Api.UpdateDeleteChannelMessages) {
    const { pts, ptsCount } = update;
    return { type: 'deleted', chatId: markChannel(update.channelId), ids: update.messages, pts, ptsCount };
  }
  if (update instanceof Api.UpdateDeleteMessages) {
    const { pts, ptsCount } = update;
    return { type: 'deleted', chatId: null, ids: update.messages, pts, ptsCount };
  }
  if (update instanceof Api.UpdatePinnedChannelMessages || update instanceof Api.UpdatePinnedMessages) {
    const { pts, ptsCount, messages: ids } = update;
    const chatId = update instanceof Api.UpdatePinnedMessages ? markPeer(update.peer) : markChannel(update.channelId);
    return { type: 'pinned', chatId, ids, pinned: update.pinned === true, pts, ptsCount };
  }
  if (update instanceof Api.UpdateChannelMessageViews) {
    return { type: 'views', chatId: markChannel(update.channelId), id: update.id, views: update.views };
  }
  if (update instanceof Api.UpdateChannelTooLong) {
    return { type: 'too-long', chatId: markChannel(update.channelId), pts: update.pts ?? null };
  }
  const { pts, ptsCount, qts } = update as { pts?: unknown; ptsCount?: unknown; qts?: unknown };
  if (typeof pts === 'number' && typeof ptsCount === 'number') return passed(update, pts, ptsCount);
  if (typeof qts === 'number') return { type: 'secret', qts };
  return { type: 'other', name: update.className };
}

function passed(update: Api.TypeUpdate, pts: number, ptsCount: number): TelegramUpdate {
  const { channelId, message } = update as { channelId?: { toString(): string }; message?: { peerId?: Api.TypePeer } };
  const inMessage = message?.peerId instanceof Api.PeerChannel ? message.peerId.channelId : undefined;
  const channel = channelId ?? inMessage;
  return { type: 'passed', chatId: channel ? markChannel(channel) : null, name: update.className, pts, ptsCount };
}
