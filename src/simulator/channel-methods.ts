import type { ApiCall, ApiMethods } from './api-call.ts';
import type { ChannelBox } from './channel-box.ts';
import { historyPage, MAX_PAGE } from './history.ts';
import { messageObject } from './message-view.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

function newest(box: ChannelBox): WorldMessage | undefined {
  return box.size === 0 ? undefined : box.at(box.size - 1);
}

/** A channel's line in the list of dialogs; everything in it counts as read. */
export function dialogObject(box: ChannelBox): TlObject {
  const topMessage = newest(box)?.id ?? 0;
  return {
    _: 'dialog',
    peer: { _: 'peerChannel', channelId: box.world.id },
    topMessage,
    readInboxMaxId: topMessage,
    readOutboxMaxId: 0,
    unreadCount: 0,
    unreadMentionsCount: 0,
    unreadReactionsCount: 0,
    notifySettings: { _: 'peerNotifySettings' },
    pts: box.pts,
  };
}

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
    ...call.view.peersOf(box, messages),
  };
}

function getHistory(call: ApiCall): TlObject {
  const peer = call.object('peer');
  const own = call.view.viewer.userId;
  if (peer._ === 'inputPeerSelf' || (peer._ === 'inputPeerUser' && Number(peer.userId) === own)) {
    return { _: 'messages.messages', messages: [], chats: [], users: [call.view.self()] };
  }
  const box = call.channel(peer);
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

/** Dialogs in Telegram's order: by the date of their newest message, then its id, then the peer, all descending. */
function getDialogs(call: ApiCall): TlObject {
  // Folder 1 is the archive; nothing is in it.
  const all = call.request.folderId === 1 ? [] : [...call.host.state.boxes];
  const keyed = all.map((box) => {
    const top = newest(box);
    return { box, top, key: [top?.date ?? box.world.createdAt, top?.id ?? 0, box.world.id] as const };
  });
  const compare = (a: readonly number[], b: readonly number[]): number => {
    for (const [index, value] of a.entries()) if (value !== b[index]) return (b[index] ?? 0) - value;
    return 0;
  };
  keyed.sort((a, b) => compare(a.key, b.key));
  const offsetPeer = call.object('offsetPeer');
  const offsetDate = call.int('offsetDate');
  const offset = [offsetDate, call.int('offsetId'), Number(offsetPeer.channelId ?? 0)];
  const rest = offsetDate > 0 ? keyed.filter(({ key }) => compare(offset, key) < 0) : keyed;
  const page = rest.slice(0, Math.max(1, Math.min(MAX_PAGE, call.int('limit'))));
  const tops = page.flatMap(({ box, top }) => (top === undefined ? [] : [{ box, top }]));
  const users = new Map<unknown, TlObject>();
  for (const { box, top } of tops) for (const user of call.view.peersOf(box, [top]).users) users.set(user.id, user);
  const content = {
    dialogs: page.map(({ box }) => dialogObject(box)),
    messages: tops.map(({ box, top }) => messageObject(box.world, top)),
    chats: page.map(({ box }) => call.view.channel(box)),
    users: [...users.values()],
  };
  return page.length === keyed.length
    ? { _: 'messages.dialogs', ...content }
    : { _: 'messages.dialogsSlice', count: keyed.length, ...content };
}

function getFullChannel(call: ApiCall): TlObject {
  const box = call.channel(call.object('channel'));
  const top = newest(box)?.id ?? 0;
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
  return { _: 'messages.chatFull', fullChat, chats: [call.view.channel(box)], users: [] };
}

function resolveUsername(call: ApiCall): TlObject {
  const username = call.text('username').replace(/^@/, '');
  if (!/^[A-Za-z0-9_]{1,32}$/.test(username)) throw new RpcError(400, 'USERNAME_INVALID');
  for (const box of call.host.state.boxes) {
    if (box.world.username.toLowerCase() !== username.toLowerCase()) continue;
    const peer = { _: 'peerChannel', channelId: box.world.id };
    return { _: 'contacts.resolvedPeer', peer, chats: [call.view.channel(box)], users: [] };
  }
  throw new RpcError(400, 'USERNAME_NOT_OCCUPIED');
}

/** Channels and what is in them. */
export const channelMethods: ApiMethods = {
  'contacts.resolveUsername': { run: resolveUsername },
  'messages.getDialogs': { run: getDialogs },
  'messages.getHistory': { run: getHistory },
  'channels.getMessages': { run: getMessages },
  'channels.getFullChannel': { run: getFullChannel },
  'channels.getChannels': {
    run: (call) => ({
      _: 'messages.chats',
      chats: call.objects('id').map((input) => call.view.channel(call.channel(input))),
    }),
  },
};
