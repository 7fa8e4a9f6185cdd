import { Api } from 'telegram/tl/index.js';
import type { ChatId, Dialog, ResolvedChannel } from '../../../ports.ts';
import { markPeer } from './convert.ts';
import { long } from './session.ts';

/** Telegram's own limit of a page, in dialogs. */
const PAGE_LIMIT = 100;

/**
 * Reads all of an account's dialogs, page by page.
 * @param keep makes channels of an answer's chats, and remembers how to address them
 * @returns those that are channels or supergroups
 */
export async function readDialogs(
  invoke: (request: Api.messages.GetDialogs) => Promise<Api.messages.TypeDialogs>,
  keep: (chats: Api.TypeChat[]) => readonly ResolvedChannel[],
): Promise<Dialog[]> {
  const found = new Map<ChatId, Dialog>();
  const seen = new Set<string>();
  let at = { offsetDate: 0, offsetId: 0, offsetPeer: new Api.InputPeerEmpty() as Api.TypeInputPeer };
  for (;;) {
    const answer: Api.messages.TypeDialogs = await invoke(
      new Api.messages.GetDialogs({ ...at, limit: PAGE_LIMIT, hash: long(0) }),
    );
    if (answer instanceof Api.messages.DialogsNotModified) break;
    const before = seen.size;
    for (const dialog of answer.dialogs) seen.add(`${dialog.className} ${markPeer(dialog.peer)}`);
    const pts = new Map(answer.dialogs.map((dialog) => [markPeer(dialog.peer), 'pts' in dialog ? (dialog.pts ?? null) : null]));
    for (const entry of keep(answer.chats)) {
      const { chatId } = entry.channel;
      if (pts.has(chatId)) found.set(chatId, { ...entry, pts: pts.get(chatId) ?? null });
    }
    const last = answer.dialogs.at(-1);
    // A page that brings nothing new would be followed by itself for ever.
    if (!(answer instanceof Api.messages.DialogsSlice) || !last || seen.size === before) break;
    const top = answer.messages.find((message) => message.id === last.topMessage && samePeer(message, last.peer));
    at = {
      offsetId: last.topMessage,
      offsetDate: top && 'date' in top ? top.date : at.offsetDate,
      offsetPeer: inputPeerOf(last.peer, answer) ?? at.offsetPeer,
    };
  }
  return [...found.values()];
}

function samePeer(message: Api.TypeMessage, peer: Api.TypePeer): boolean {
  return message.peerId !== undefined && markPeer(message.peerId) === markPeer(peer);
}

/** How to address a peer of an answer, by what the answer itself says of it. */
function inputPeerOf(
  peer: Api.TypePeer,
  answer: Api.messages.Dialogs | Api.messages.DialogsSlice,
): Api.TypeInputPeer | undefined {
  if (peer instanceof Api.PeerChat) return new Api.InputPeerChat({ chatId: peer.chatId });
  if (peer instanceof Api.PeerChannel) {
    const chat = answer.chats.find(({ id }) => id.equals(peer.channelId));
    const accessHash = chat && 'accessHash' in chat ? chat.accessHash : undefined;
    return accessHash ? new Api.InputPeerChannel({ channelId: peer.channelId, accessHash }) : undefined;
  }
  const user = answer.users.find(({ id }) => id.equals(peer.userId));
  const accessHash = user && 'accessHash' in user ? user.accessHash : undefined;
  return accessHash ? new Api.InputPeerUser({ userId: peer.userId, accessHash }) : undefined;
}
