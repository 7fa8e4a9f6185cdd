import type { ApiCall, ApiMethods } from './api-call.ts';
import type { ChannelBox, ChannelLogEntry } from './channel-box.ts';
import { plainChannelUpdate } from './channel-updates.ts';
import { dialogObject } from './dialog-methods.ts';
import { checkPts, entriesAfter } from './difference-log.ts';
import { historyPage } from './history.ts';
import { messageObject } from './message-view.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

function tooLong(call: ApiCall, box: ChannelBox): TlObject {
  const { messages } = historyPage(box, { offsetId: 0, offsetDate: 0, addOffset: 0, limit: 10, maxId: 0, minId: 0 });
  return {
    _: 'updates.channelDifferenceTooLong',
    final: true,
    timeout: call.host.limits.pollSeconds,
    dialog: dialogObject(box),
    messages: messages.map((message) => messageObject(box.world, message)),
    ...call.peersOf(box, messages),
  };
}

/** At most so many entries, but with those that follow the last one without moving pts: nobody could ask for them again. */
function slice(log: readonly ChannelLogEntry[], pts: number, limit: number): readonly ChannelLogEntry[] {
  const { start, end } = entriesAfter(log, pts, limit);
  let last = end;
  while (last < log.length && log[last]?.ptsCount === 0) last++;
  return log.slice(start, last);
}

function getChannelDifference(call: ApiCall): TlObject {
  const box = call.channel(call.object('channel'));
  const { limits } = call.host;
  const pts = call.int('pts');
  checkPts(pts, box.pts);
  const timeout = limits.pollSeconds;
  if (pts === box.pts) return { _: 'updates.channelDifferenceEmpty', final: true, pts, timeout };
  if (pts < box.tellsFrom || box.pts - pts > limits.channelDifferenceMost) return tooLong(call, box);
  const entries = slice(box.log, pts, Math.max(1, Math.min(limits.channelSlice, call.int('limit'))));
  const newMessages: WorldMessage[] = [];
  const edited: WorldMessage[] = [];
  const otherUpdates: TlObject[] = [];
  const posted = new Set<number>();
  for (const entry of entries) {
    const plain = plainChannelUpdate(box, entry);
    if (plain !== undefined) {
      otherUpdates.push(plain);
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
    ...(reached >= box.pts ? { final: true, timeout } : {}),
    pts: reached,
    newMessages: newMessages.map((message) => messageObject(box.world, message)),
    otherUpdates,
    ...call.peersOf(box, [...newMessages, ...edited]),
  };
}

/** What was missed in a channel. */
export const channelUpdateMethods: ApiMethods = {
  'updates.getChannelDifference': { run: getChannelDifference },
};
