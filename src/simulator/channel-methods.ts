import type { ApiCall, ApiMethods } from './api-call.ts';
import type { ChannelBox } from './channel-box.ts';
import { historyPage, MAX_PAGE } from './history.ts';
import { messageObject } from './message-view.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

function channelMessages(
  call: ApiCall,
  box: ChannelBox,
  messages: readonly WorldMessage[],
  objects: readonly TlObject[],
  before = 0,
): TlObject {
  return {
    _: 'messages.channelMessages',
    pts: box.pts,
    count: box.size,
    ...(before > 0 ? { offsetIdOffset: before } : {}),
    messages: objects,
    topics: [],
    ...call.peersOf(box, messages),
  };
}

/** A page of a channel's history. */
export function channelHistory(call: ApiCall, box: ChannelBox): TlObject {
  const { messages, before } = historyPage(box, {
    offsetId: call.int('offsetId'),
    offsetDate: call.int('offsetDate'),
    addOffset: call.int('addOffset'),
    limit: call.int('limit'),
    maxId: call.int('maxId'),
    minId: call.int('minId'),
  });
  const objects = messages.map((message) => messageObject(box.world, message));
  return channelMessages(call, box, messages, objects, before);
}

function getMessages(call: ApiCall): TlObject {
  const box = call.channel(call.object('channel'));
  const ids = call.objects('id');
  if (ids.length === 0) throw new RpcError(400, 'MSG_ID_INVALID');
  const found: WorldMessage[] = [];
  const objects = ids.slice(0, MAX_PAGE).map((input): TlObject => {
    const id = input._ === 'inputMessageID' ? Number(input.id) : 0;
    const message = box.find(id);
    if (message === undefined) return { _: 'messageEmpty', id };
    found.push(message);
    return messageObject(box.world, message);
  });
  return channelMessages(call, box, found, objects);
}

/** Views of a channel's messages; asking never counts as looking. */
function getMessagesViews(call: ApiCall): TlObject {
  const box = call.channel(call.object('peer'));
  const views = (call.request.id as readonly number[]).slice(0, MAX_PAGE).map((id): TlObject => {
    const count = box.find(id)?.views ?? null;
    return { _: 'messageViews', ...(count === null ? {} : { views: count, forwards: 0 }) };
  });
  return { _: 'messages.messageViews', views, ...call.peersOf(box, []) };
}

function getFullChannel(call: ApiCall): TlObject {
  const box = call.channel(call.object('channel'));
  const top = box.size === 0 ? 0 : box.at(box.size - 1).id;
  const fullChat: TlObject = {
    _: 'channelFull',
    canViewParticipants: box.world.kind === 'supergroup',
    id: box.world.id,
    about: box.world.about,
    participantsCount: box.world.participants,
    readInboxMaxId: top,
    readOutboxMaxId: 0,
    unreadCount: 0,
    chatPhoto: { _: 'photoEmpty', id: 0 },
    notifySettings: { _: 'peerNotifySettings' },
    botInfo: [],
    pts: box.pts,
  };
  return { _: 'messages.chatFull', fullChat, chats: [call.channelObject(box)], users: [] };
}

function resolveUsername(call: ApiCall): TlObject {
  const username = call.text('username').replace(/^@/, '');
  if (!/^[A-Za-z0-9_]{1,32}$/.test(username)) throw new RpcError(400, 'USERNAME_INVALID');
  for (const box of call.host.state.boxes) {
    if (box.world.username.toLowerCase() !== username.toLowerCase()) continue;
    const peer = { _: 'peerChannel', channelId: box.world.id };
    return { _: 'contacts.resolvedPeer', peer, chats: [call.channelObject(box)], users: [] };
  }
  throw new RpcError(400, 'USERNAME_NOT_OCCUPIED');
}

/** The caller joins a channel or leaves it; his other sessions hear that something about it changed. */
function move(call: ApiCall, joined: boolean): TlObject {
  const box = call.channel(call.object('channel'));
  if (!joined && !call.account.isIn(box.world)) throw new RpcError(400, 'USER_NOT_PARTICIPANT');
  call.host.state.move(call.account, box.world, joined);
  const updates = {
    _: 'updates',
    updates: [{ _: 'updateChannel', channelId: box.world.id }],
    chats: [call.channelObject(box)],
    users: [],
    date: call.host.now(),
    seq: 0,
  };
  call.host.pusher.tell(call.account, updates, call.session);
  return updates;
}

/** Channels and what is in them. */
export const channelMethods: ApiMethods = {
  'contacts.resolveUsername': { run: resolveUsername },
  'messages.getMessagesViews': { run: getMessagesViews },
  'channels.getMessages': { run: getMessages },
  'channels.getFullChannel': { run: getFullChannel },
  'channels.joinChannel': { run: (call) => move(call, true) },
  'channels.leaveChannel': { run: (call) => move(call, false) },
  'channels.getChannels': {
    run: (call) => ({
      _: 'messages.chats',
      chats: call.objects('id').map((input) => call.channelObject(call.channel(input))),
    }),
  },
};
