import type { AccountMessage, ChatPeer } from './account-box.ts';
import { accountState } from './account-update-methods.ts';
import { accountMessageObject, chatPeerObject, peopleOf } from './account-updates.ts';
import type { ApiCall, ApiMethods } from './api-call.ts';
import type { ChannelBox } from './channel-box.ts';
import { MAX_PAGE } from './history.ts';
import { messageObject } from './message-view.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

/** One line of the list, with what has to come beside it. */
interface Dialog {
  /** By what dialogs are sorted, descending: the newest message's date and id, then the peer. */
  readonly key: readonly [number, number, number];
  readonly dialog: TlObject;
  readonly message: TlObject | undefined;
  readonly chats: readonly TlObject[];
  readonly users: readonly TlObject[];
}

function newest(box: ChannelBox): WorldMessage | undefined {
  return box.size === 0 ? undefined : box.at(box.size - 1);
}

function dialogOf(peer: TlObject, topMessage: number): TlObject {
  return {
    _: 'dialog',
    peer,
    topMessage,
    readInboxMaxId: topMessage,
    readOutboxMaxId: 0,
    unreadCount: 0,
    unreadMentionsCount: 0,
    unreadReactionsCount: 0,
    notifySettings: { _: 'peerNotifySettings' },
  };
}

/** A channel's line in the list of dialogs; everything in it counts as read. */
export function dialogObject(box: ChannelBox): TlObject {
  return { ...dialogOf({ _: 'peerChannel', channelId: box.world.id }, newest(box)?.id ?? 0), pts: box.pts };
}

function channelDialog(call: ApiCall, box: ChannelBox): Dialog {
  const top = newest(box);
  return {
    key: [top?.date ?? box.world.createdAt, top?.id ?? 0, box.world.id],
    dialog: dialogObject(box),
    message: top === undefined ? undefined : messageObject(box.world, top),
    ...call.peersOf(box, top === undefined ? [] : [top]),
  };
}

function chatDialog(call: ApiCall, top: AccountMessage): Dialog {
  return {
    key: [top.date, top.id, top.peer.id],
    dialog: dialogOf(chatPeerObject(top.peer), top.id),
    message: accountMessageObject(top),
    ...peopleOf(call.view, call.host.state, [top]),
  };
}

/** The newest message with each peer of private chats and basic groups. */
function newestWithEach(messages: readonly AccountMessage[]): AccountMessage[] {
  const tops = new Map<string, AccountMessage>();
  for (const message of messages) {
    const name = `${message.peer.kind} ${message.peer.id}`;
    if (!tops.has(name)) tops.set(name, message);
  }
  return [...tops.values()];
}

function byId(objects: readonly TlObject[]): TlObject[] {
  return [...new Map(objects.map((object) => [String(object.id), object])).values()];
}

/** What dialogs are answered as, whichever were asked for. */
function content(dialogs: readonly Dialog[]): Record<'dialogs' | 'messages' | 'chats' | 'users', readonly TlObject[]> {
  return {
    dialogs: dialogs.map(({ dialog }) => dialog),
    messages: dialogs.flatMap(({ message }) => (message === undefined ? [] : [message])),
    chats: byId(dialogs.flatMap(({ chats }) => chats)),
    users: byId(dialogs.flatMap(({ users }) => users)),
  };
}

/** Dialogs in Telegram's order: by the date of their newest message, then its id, then the peer, all descending. */
function getDialogs(call: ApiCall): TlObject {
  const { account } = call;
  // Folder 1 is the archive; nothing is in it.
  const all =
    call.request.folderId === 1
      ? []
      : [
          ...[...call.host.state.boxes].filter((box) => account.isIn(box.world)).map((box) => channelDialog(call, box)),
          ...newestWithEach(account.box.all()).map((top) => chatDialog(call, top)),
        ];
  const compare = (a: readonly number[], b: readonly number[]): number => {
    for (const [index, value] of a.entries()) if (value !== b[index]) return (b[index] ?? 0) - value;
    return 0;
  };
  all.sort((a, b) => compare(a.key, b.key));
  const { channelId, chatId, userId } = call.object('offsetPeer');
  const offsetDate = call.int('offsetDate');
  const offset = [offsetDate, call.int('offsetId'), Number(channelId ?? chatId ?? userId ?? 0)];
  const rest = offsetDate > 0 ? all.filter(({ key }) => compare(offset, key) < 0) : all;
  const page = rest.slice(0, Math.max(1, Math.min(MAX_PAGE, call.int('limit'))));
  return page.length === all.length
    ? { _: 'messages.dialogs', ...content(page) }
    : { _: 'messages.dialogsSlice', count: all.length, ...content(page) };
}

function peerDialog(call: ApiCall, input: TlObject): Dialog | undefined {
  if (input._ !== 'inputDialogPeer') throw new RpcError(400, 'PEER_ID_INVALID');
  const peer = input.peer as TlObject;
  if (peer._ === 'inputPeerChannel') return channelDialog(call, call.channel(peer));
  const other: ChatPeer =
    peer._ === 'inputPeerChat' ? { kind: 'chat', id: Number(peer.chatId) } : { kind: 'user', id: call.user(peer)?.userId ?? 0 };
  const [top] = call.account.box.with(other);
  return top === undefined ? undefined : chatDialog(call, top);
}

/** The list of chats. */
export const dialogMethods: ApiMethods = {
  'messages.getDialogs': { run: getDialogs },
  'messages.getPeerDialogs': {
    run: (call) => {
      const found = call.objects('peers').flatMap((input) => peerDialog(call, input) ?? []);
      return { _: 'messages.peerDialogs', ...content(found), state: accountState(call) };
    },
  },
};
