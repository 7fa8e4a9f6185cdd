import type { ApiCall, ApiMethods } from './api-call.ts';
import { type ChannelBox, type ChannelEvent, type ChannelLogEntry, ptsCountOf } from './channel-box.ts';
import { dialogObject } from './channel-methods.ts';
import { historyPage, MAX_PAGE } from './history.ts';
import { messageObject } from './message-view.ts';
import type { PeerView } from './peer-view.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

/** An account's own box of updates never moves here: there are no private chats. */
const ACCOUNT_PTS = 1;
/** How many events Telegram is willing to tell one by one. */
const MOST_MISSED_EVENTS = 5_000;
/** Seconds after which a client may ask again, as Telegram advises. */
const POLL_SECONDS = 30;

function accountState(call: ApiCall): TlObject {
  return { _: 'updates.state', pts: ACCOUNT_PTS, qts: 0, date: call.host.now(), seq: 0, unreadCount: 0 };
}

function checkPts(pts: number, current: number): void {
  if (pts <= 0) throw new RpcError(400, 'PERSISTENT_TIMESTAMP_EMPTY');
  if (pts > current) throw new RpcError(400, 'PERSISTENT_TIMESTAMP_INVALID');
}

/**
 * What happened since a date. An account's difference holds no channel's messages: it says which channels to ask
 * (https://core.telegram.org/api/updates#recovering-gaps).
 */
function getDifference(call: ApiCall): TlObject {
  checkPts(call.int('pts'), ACCOUNT_PTS);
  const since = call.int('date');
  if (since <= 0) throw new RpcError(400, 'DATE_EMPTY');
  const changed = [...call.host.state.boxes].filter((box) => (box.log.at(-1)?.at ?? 0) >= since);
  if (changed.length === 0) return { _: 'updates.differenceEmpty', date: call.host.now(), seq: 0 };
  return {
    _: 'updates.difference',
    newMessages: [],
    newEncryptedMessages: [],
    otherUpdates: changed.map((box) => ({ _: 'updateChannelTooLong', channelId: box.world.id, pts: box.pts })),
    chats: changed.map((box) => call.view.channel(box)),
    users: [],
    state: accountState(call),
  };
}

function tooLong(call: ApiCall, box: ChannelBox): TlObject {
  const { messages } = historyPage(box, { offsetId: 0, offsetDate: 0, addOffset: 0, limit: 10, maxId: 0, minId: 0 });
  return {
    _: 'updates.channelDifferenceTooLong',
    final: true,
    timeout: POLL_SECONDS,
    dialog: dialogObject(box),
    messages: messages.map((message) => messageObject(box.world, message)),
    ...call.view.peersOf(box, messages),
  };
}

/** The entries after a pts, at most `limit` of them; where they begin is found by halving, as logs may be long. */
function entriesAfter(log: readonly ChannelLogEntry[], pts: number, limit: number): readonly ChannelLogEntry[] {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log[middle]?.pts ?? 0) <= pts) low = middle + 1;
    else high = middle;
  }
  return log.slice(low, low + limit);
}

function getChannelDifference(call: ApiCall): TlObject {
  const box = call.channel(call.object('channel'));
  const pts = call.int('pts');
  checkPts(pts, box.pts);
  if (pts === box.pts) return { _: 'updates.channelDifferenceEmpty', final: true, pts, timeout: POLL_SECONDS };
  if (pts < box.basePts || box.pts - pts > MOST_MISSED_EVENTS) return tooLong(call, box);
  const entries = entriesAfter(box.log, pts, Math.max(1, Math.min(MAX_PAGE, call.int('limit'))));
  const newMessages: WorldMessage[] = [];
  const edited: WorldMessage[] = [];
  const otherUpdates: TlObject[] = [];
  const posted = new Set<number>();
  for (const entry of entries) {
    if (entry.kind === 'delete') {
      otherUpdates.push(deletion(box, entry.ids, entry));
      continue;
    }
    // Messages come as they are now: who was posted and edited since comes once, who is gone comes not at all.
    const id = entry.ids[0] ?? 0;
    const message = box.find(id);
    if (message === undefined || posted.has(id)) continue;
    if (entry.kind === 'post') {
      posted.add(id);
      newMessages.push(message);
    } else {
      edited.push(message);
      otherUpdates.push({
        _: 'updateEditChannelMessage',
        message: messageObject(box.world, message),
        pts: entry.pts,
        ptsCount: 1,
      });
    }
  }
  const reached = entries.at(-1)?.pts ?? box.pts;
  return {
    _: 'updates.channelDifference',
    ...(reached >= box.pts ? { final: true, timeout: POLL_SECONDS } : {}),
    pts: reached,
    newMessages: newMessages.map((message) => messageObject(box.world, message)),
    otherUpdates,
    ...call.view.peersOf(box, [...newMessages, ...edited]),
  };
}

function deletion(box: ChannelBox, ids: readonly number[], at: { readonly pts: number; readonly ptsCount: number }): TlObject {
  return { _: 'updateDeleteChannelMessages', channelId: box.world.id, messages: ids, pts: at.pts, ptsCount: at.ptsCount };
}

/** What is pushed when something happens in a channel: an unordered (seq 0) `updates` with the channel beside it. */
export function pushedUpdates(view: PeerView, box: ChannelBox, event: ChannelEvent, now: number): TlObject {
  const ptsCount = ptsCountOf(event);
  const update: TlObject =
    event.kind === 'delete'
      ? deletion(box, event.ids, { pts: event.pts, ptsCount })
      : {
          _: event.kind === 'post' ? 'updateNewChannelMessage' : 'updateEditChannelMessage',
          message: messageObject(box.world, event.message),
          pts: event.pts,
          ptsCount,
        };
  const peers = view.peersOf(box, event.kind === 'delete' ? [] : [event.message]);
  return { _: 'updates', updates: [update], ...peers, date: now, seq: 0 };
}

/** Where an account and its channels stand, and what it missed. */
export const updateMethods: ApiMethods = {
  'updates.getState': { run: accountState },
  'updates.getDifference': { run: getDifference },
  'updates.getChannelDifference': { run: getChannelDifference },
};
