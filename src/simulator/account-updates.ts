import type { AccountBox, AccountEvent, AccountLogEntry, AccountMessage, ChatPeer, SecretMessage } from './account-box.ts';
import type { AccountState } from './account-state.ts';
import type { PeerView } from './peer-view.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldChat } from './world.ts';

/** Whoever knows accounts and groups by their ids. */
export interface People {
  user(userId: number): AccountState | undefined;
  group(groupId: number): WorldChat | undefined;
}

/** A peer of private chats and basic groups as TL writes it. */
export function chatPeerObject(peer: ChatPeer): TlObject {
  return peer.kind === 'user' ? { _: 'peerUser', userId: peer.id } : { _: 'peerChat', chatId: peer.id };
}

/** @returns an account's message as `message` or `messageService` */
export function accountMessageObject(message: AccountMessage): TlObject {
  const common = {
    ...(message.out ? { out: true } : {}),
    id: message.id,
    fromId: { _: 'peerUser', userId: message.fromId },
    peerId: chatPeerObject(message.peer),
    date: message.date,
    ...(message.replyToId === null ? {} : { replyTo: { _: 'messageReplyHeader', replyToMsgId: message.replyToId } }),
  };
  if (message.action !== null) return { _: 'messageService', ...common, action: message.action };
  return {
    _: 'message',
    ...common,
    ...(message.pinned ? { pinned: true } : {}),
    message: message.text,
    ...(message.entities.length === 0 ? {} : { entities: message.entities }),
    ...(message.editDate === null ? {} : { editDate: message.editDate }),
  };
}

/** @returns a message of a secret chat */
export function secretMessageObject({ randomId, chatId, date, bytes }: SecretMessage): TlObject {
  return {
    _: 'encryptedMessage',
    randomId,
    chatId,
    date,
    bytes: Buffer.from(bytes, 'base64'),
    file: { _: 'encryptedFileEmpty' },
  };
}

/** Everybody a list of messages names: what comes as `chats` and `users` beside it. */
export function peopleOf(
  view: PeerView,
  people: People,
  messages: readonly AccountMessage[],
): { readonly chats: readonly TlObject[]; readonly users: readonly TlObject[] } {
  const chats = new Map<number, TlObject>();
  const users = new Map<number, TlObject>();
  for (const { peer, fromId } of messages) {
    const group = peer.kind === 'chat' ? people.group(peer.id) : undefined;
    if (group !== undefined) chats.set(peer.id, view.group(group));
    for (const id of peer.kind === 'user' ? [peer.id, fromId] : [fromId]) {
      const account = people.user(id);
      if (account !== undefined) users.set(id, view.account(account.world));
    }
  }
  return { chats: [...chats.values()], users: [...users.values()] };
}

/** @returns what is told of a deletion or a pin; undefined of what is told with its message */
export function plainAccountUpdate(entry: AccountLogEntry): TlObject | undefined {
  const { ids, pts, ptsCount } = entry;
  if (entry.kind === 'delete') return { _: 'updateDeleteMessages', messages: ids, pts, ptsCount };
  if (entry.kind !== 'pin') return undefined;
  const peer = chatPeerObject(entry.peer);
  return { _: 'updatePinnedMessages', ...(entry.pinned ? { pinned: true } : {}), peer, messages: ids, pts, ptsCount };
}

/** How a new message is pushed: in full, or in the short form that names people by id only. */
export type MessageForm = 'full' | 'short';

function shortMessage(message: AccountMessage, pts: number): TlObject {
  const { peer, fromId, id, date, text } = message;
  const common = {
    ...(message.out ? { out: true } : {}),
    id,
    message: text,
    pts,
    ptsCount: 1,
    date,
    ...(message.replyToId === null ? {} : { replyTo: { _: 'messageReplyHeader', replyToMsgId: message.replyToId } }),
    ...(message.entities.length === 0 ? {} : { entities: message.entities }),
  };
  return peer.kind === 'user'
    ? { _: 'updateShortMessage', userId: peer.id, ...common }
    : { _: 'updateShortChatMessage', fromId, chatId: peer.id, ...common };
}

/** What is pushed when something happens to an account. */
export function pushedAccountUpdates(
  view: PeerView,
  people: People,
  box: AccountBox,
  event: AccountEvent,
  now: number,
  form: MessageForm = 'full',
): TlObject {
  switch (event.kind) {
    case 'message':
    case 'edit': {
      const { message, pts } = event;
      if (event.kind === 'message' && form === 'short' && message.action === null) return shortMessage(message, pts);
      const update = {
        _: event.kind === 'message' ? 'updateNewMessage' : 'updateEditMessage',
        message: accountMessageObject(message),
        pts,
        ptsCount: 1,
      };
      return { _: 'updates', updates: [update], ...peopleOf(view, people, [message]), date: now, seq: 0 };
    }
    case 'secret': {
      const update = { _: 'updateNewEncryptedMessage', message: secretMessageObject(event.message), qts: event.qts };
      return { _: 'updates', updates: [update], users: [], chats: [], date: now, seq: 0 };
    }
    case 'notice': {
      const { updates, seq, seqStart } = event;
      const common = { updates, users: [], chats: [], date: now, seq };
      return seqStart === seq ? { _: 'updates', ...common } : { _: 'updatesCombined', ...common, seqStart };
    }
    default: {
      const update = plainAccountUpdate(box.log.at(-1) as AccountLogEntry) as TlObject;
      return { _: 'updates', updates: [update], users: [], chats: [], date: now, seq: 0 };
    }
  }
}
