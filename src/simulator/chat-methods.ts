import type { AccountMessage, ChatPeer } from './account-box.ts';
import type { AccountState } from './account-state.ts';
import { accountMessageObject, peopleOf } from './account-updates.ts';
import type { ApiCall, ApiMethods } from './api-call.ts';
import type { ChannelBox } from './channel-box.ts';
import { channelHistory } from './channel-methods.ts';
import { pushedUpdates } from './channel-updates.ts';
import { MAX_PAGE } from './history.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldChat } from './world.ts';

/** A basic group the caller is in. @throws RpcError CHAT_ID_INVALID */
function groupOf(call: ApiCall, id: number): WorldChat {
  const group = call.host.state.group(id);
  if (!group?.members.includes(call.account.userId)) throw new RpcError(400, 'CHAT_ID_INVALID');
  return group;
}

/** Whom an InputPeer that is no channel names. @throws RpcError PEER_ID_INVALID, CHAT_ID_INVALID */
function correspondent(call: ApiCall, peer: TlObject): AccountState | WorldChat {
  if (peer._ === 'inputPeerChat') return groupOf(call, Number(peer.chatId));
  const account = call.user(peer);
  if (account === undefined) throw new RpcError(400, 'PEER_ID_INVALID');
  return account;
}

function peerOf(other: AccountState | WorldChat): ChatPeer {
  return 'groupId' in other ? { kind: 'chat', id: other.groupId ?? 0 } : { kind: 'user', id: other.userId };
}

function messagesObject(call: ApiCall, messages: readonly AccountMessage[], count: number): TlObject {
  const content = { messages: messages.map(accountMessageObject), ...peopleOf(call.view, call.host.state, messages) };
  return messages.length === count ? { _: 'messages.messages', ...content } : { _: 'messages.messagesSlice', count, ...content };
}

/** A page of a private chat or basic group; offsets as in channels, but for `addOffset` towards newer ones beyond the first page. */
function chatHistory(call: ApiCall, other: AccountState | WorldChat): TlObject {
  const all = call.account.box.with(peerOf(other));
  const [offsetId, offsetDate] = [call.int('offsetId'), call.int('offsetDate')];
  const [maxId, minId] = [call.int('maxId'), call.int('minId')];
  const isOlder = ({ id, date }: AccountMessage): boolean =>
    offsetId > 0 ? id < offsetId : offsetDate === 0 || date < offsetDate;
  const start = Math.max(0, all.length - all.filter(isOlder).length + call.int('addOffset'));
  const window = all.slice(start, start + Math.max(0, Math.min(MAX_PAGE, call.int('limit'))));
  const page = window.filter(({ id }) => (maxId === 0 || id < maxId) && id > minId);
  if (page.length > 0 || 'groupId' in other) return messagesObject(call, page, all.length);
  const { account, view } = call;
  const users = [...new Set([account, other])].map(({ world }) => view.account(world));
  return { _: 'messages.messages', messages: [], chats: [], users };
}

function getMessages(call: ApiCall): TlObject {
  const found: AccountMessage[] = [];
  const messages = call
    .objects('id')
    .slice(0, MAX_PAGE)
    .map((input): TlObject => {
      const id = input._ === 'inputMessageID' ? Number(input.id) : 0;
      const message = call.account.box.find(id);
      if (message === undefined) return { _: 'messageEmpty', id };
      found.push(message);
      return accountMessageObject(message);
    });
  return { _: 'messages.messages', messages, ...peopleOf(call.view, call.host.state, found) };
}

function replyOf(call: ApiCall): { readonly replyToId?: number } {
  const reply = call.request.replyTo as TlObject | undefined;
  return reply?._ === 'inputReplyToMessage' ? { replyToId: Number(reply.replyToMsgId) } : {};
}

/** A supergroup's members write in it; a channel's posts come from elsewhere. */
function sendToChannel(call: ApiCall, box: ChannelBox): TlObject {
  if (box.world.kind === 'channel' || !call.account.isIn(box.world)) throw new RpcError(400, 'CHAT_ADMIN_REQUIRED');
  const draft = {
    text: call.text('message'),
    entities: (call.request.entities ?? []) as readonly TlObject[],
    fromId: call.account.userId,
    ...replyOf(call),
  };
  const { message, pts } = call.host.happenings.post(box, draft, call.session);
  const event = { kind: 'post' as const, pts, at: message.date, message };
  const updates = pushedUpdates(call.view, box, event, call.host.now());
  const named = { _: 'updateMessageID', id: message.id, randomId: call.request.randomId };
  return { ...updates, updates: [named, ...(updates.updates as readonly TlObject[])] };
}

function sendMessage(call: ApiCall): TlObject {
  const text = call.text('message');
  if (text === '') throw new RpcError(400, 'MESSAGE_EMPTY');
  const peer = call.object('peer');
  if (peer._ === 'inputPeerChannel') return sendToChannel(call, call.channel(peer));
  const to = correspondent(call, peer);
  const entities = (call.request.entities ?? []) as readonly TlObject[];
  const letter = { text, entities, ...replyOf(call) };
  const { message, pts } = call.host.correspondence.write(call.account, to, letter, { except: call.session });
  const { id, date } = message;
  if (!('groupId' in to)) return { _: 'updateShortSentMessage', out: true, id, pts, ptsCount: 1, date };
  return {
    _: 'updates',
    updates: [
      { _: 'updateMessageID', id, randomId: call.request.randomId },
      { _: 'updateNewMessage', message: accountMessageObject(message), pts, ptsCount: 1 },
    ],
    ...peopleOf(call.view, call.host.state, [message]),
    date,
    seq: 0,
  };
}

function deleteMessages(call: ApiCall): TlObject {
  const { correspondence } = call.host;
  const everywhere = call.request.revoke === true;
  const { ids, pts } = correspondence.remove(call.account, call.request.id as readonly number[], everywhere, {
    except: call.session,
  });
  return { _: 'messages.affectedMessages', pts, ptsCount: ids.length };
}

function getFullChat(call: ApiCall): TlObject {
  const group = groupOf(call, Number(call.request.chatId));
  const [creator, ...others] = group.members;
  const fullChat: TlObject = {
    _: 'chatFull',
    id: group.groupId,
    about: '',
    participants: {
      _: 'chatParticipants',
      chatId: group.groupId,
      participants: [
        { _: 'chatParticipantCreator', userId: creator },
        ...others.map((userId) => ({ _: 'chatParticipant', userId, inviterId: creator, date: group.createdAt })),
      ],
      version: 1,
    },
    notifySettings: { _: 'peerNotifySettings' },
  };
  const users = group.members.flatMap((id) => call.host.state.user(id) ?? []).map(({ world }) => call.view.account(world));
  return { _: 'messages.chatFull', fullChat, chats: [call.view.group(group)], users };
}

/** Private chats and basic groups, and what is the same for them and for channels. */
export const chatMethods: ApiMethods = {
  'messages.getHistory': {
    run: (call) => {
      const peer = call.object('peer');
      if (peer._ === 'inputPeerChannel') return channelHistory(call, call.channel(peer));
      return chatHistory(call, correspondent(call, peer));
    },
  },
  'messages.getMessages': { run: getMessages },
  'messages.sendMessage': { run: sendMessage },
  'messages.deleteMessages': { run: deleteMessages },
  'messages.getChats': {
    run: (call) => ({
      _: 'messages.chats',
      chats: (call.request.id as readonly bigint[]).map((id) => call.view.group(groupOf(call, Number(id)))),
    }),
  },
  'messages.getFullChat': { run: getFullChat },
};
