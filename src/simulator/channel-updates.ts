import { type ChannelBox, type ChannelEvent, type ChannelLogEntry, ptsCountOf } from './channel-box.ts';
import { messageObject } from './message-view.ts';
import type { PeerView } from './peer-view.ts';
import type { TlObject } from './tl-codec.ts';

type Told = Pick<ChannelLogEntry, 'kind' | 'pts' | 'ptsCount' | 'ids' | 'pinned'>;

/** @returns what is told of a deletion, of a pin, of view counts; undefined of what is told with its message */
export function plainChannelUpdate(box: ChannelBox, { kind, pts, ptsCount, ids, pinned }: Told): TlObject | undefined {
  const channelId = box.world.id;
  switch (kind) {
    case 'delete':
      return { _: 'updateDeleteChannelMessages', channelId, messages: ids, pts, ptsCount };
    case 'pin':
      return { _: 'updatePinnedChannelMessages', ...(pinned ? { pinned } : {}), channelId, messages: ids, pts, ptsCount };
    case 'views': {
      const id = ids[0] ?? 0;
      return { _: 'updateChannelMessageViews', channelId, id, views: box.find(id)?.views ?? 0 };
    }
    default:
      return undefined;
  }
}

/** @returns the update of one event of a channel */
function channelUpdate(box: ChannelBox, event: ChannelEvent): TlObject {
  const ptsCount = ptsCountOf(event);
  if ('message' in event) {
    return {
      _: event.kind === 'post' ? 'updateNewChannelMessage' : 'updateEditChannelMessage',
      message: messageObject(box.world, event.message),
      pts: event.pts,
      ptsCount,
    };
  }
  return plainChannelUpdate(box, { ...event, ptsCount }) as TlObject;
}

/** What is pushed when something happens in a channel: an unordered (seq 0) `updates` with the channel beside it. */
export function pushedUpdates(view: PeerView, box: ChannelBox, event: ChannelEvent, now: number): TlObject {
  const messages = 'message' in event ? [event.message] : [];
  return { _: 'updates', updates: [channelUpdate(box, event)], ...view.peersOf(box, messages), date: now, seq: 0 };
}
