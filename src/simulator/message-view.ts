import type { TlObject } from './tl-codec.ts';
import type { WorldChannel, WorldMessage, WorldPeer } from './world.ts';

/** A peer as TL writes it. */
function peerObject(peer: WorldPeer): TlObject {
  return peer.kind === 'user' ? { _: 'peerUser', userId: peer.id } : { _: 'peerChannel', channelId: peer.id };
}

/** Posts of a broadcast channel are its own: Telegram names no sender for them. */
function sender(channel: WorldChannel, from: WorldPeer | null): { readonly fromId?: TlObject } {
  if (from === null || channel.kind === 'channel') return {};
  return { fromId: peerObject(from) };
}

function replyHeader(replyTo: WorldMessage['replyTo']): { readonly replyTo?: TlObject } {
  if (replyTo === null) return {};
  const peer = replyTo.peer === null ? {} : { replyToPeerId: peerObject(replyTo.peer) };
  return { replyTo: { _: 'messageReplyHeader', replyToMsgId: replyTo.id, ...peer } };
}

/** @returns a channel's message as `message` or `messageService` */
export function messageObject(channel: WorldChannel, message: WorldMessage): TlObject {
  const common = {
    id: message.id,
    peerId: { _: 'peerChannel', channelId: channel.id },
    date: message.date,
    ...(channel.kind === 'channel' ? { post: true } : {}),
    ...sender(channel, message.from),
    ...replyHeader(message.replyTo),
    ...(message.reactions === null ? {} : { reactions: message.reactions }),
  };
  if (message.action !== null) return { _: 'messageService', ...common, action: message.action };
  return {
    _: 'message',
    ...common,
    ...(message.pinned === true ? { pinned: true } : {}),
    message: message.text,
    ...(message.entities.length === 0 ? {} : { entities: message.entities }),
    ...(message.media === null ? {} : { media: message.media }),
    ...(message.forward === null ? {} : { fwdFrom: message.forward }),
    ...(message.views === null ? {} : { views: message.views, forwards: 0 }),
    ...(message.editDate === null ? {} : { editDate: message.editDate }),
    ...(message.author === null ? {} : { postAuthor: message.author }),
  };
}
