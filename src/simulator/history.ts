import type { ChannelBox } from './channel-box.ts';
import type { WorldMessage } from './world.ts';

/** What messages.getHistory is asked for (https://core.telegram.org/api/offsets). */
export interface HistoryQuery {
  readonly offsetId: number;
  readonly offsetDate: number;
  readonly addOffset: number;
  readonly limit: number;
  readonly maxId: number;
  readonly minId: number;
}

/** Telegram gives no more at once, whatever is asked for. */
export const MAX_PAGE = 100;

/** A page of history. */
export interface HistoryPage {
  /** Newest first. */
  readonly messages: readonly WorldMessage[];
  /** How many messages of the channel are newer than the first one. */
  readonly before: number;
}

/**
 * A window on a channel's messages, newest first. It begins behind those with the offset's id and newer (or its date and later where
 * no id is given), is moved by `addOffset` (negative: towards newer ones), and holds `limit` messages; where it begins before
 * the newest it is shorter. `maxId` and `minId` are exclusive bounds of what may be in it.
 */
export function historyPage(box: ChannelBox, query: HistoryQuery): HistoryPage {
  const { size } = box;
  const limit = Math.max(0, Math.min(MAX_PAGE, query.limit));
  let newer = 0;
  if (query.offsetId > 0) newer = size - box.countBelow(query.offsetId);
  else if (query.offsetDate > 0) newer = size - box.countBefore(query.offsetDate);
  let start = newer + query.addOffset;
  // An upper bound below the window moves it down; a window that begins before the newest message is cut.
  if (query.maxId > 0) start = Math.max(start, size - box.countBelow(query.maxId));
  const end = Math.min(start + limit, size - (query.minId > 0 ? box.countBelow(query.minId + 1) : 0));
  const first = Math.max(0, start);
  const messages: WorldMessage[] = [];
  for (let position = first; position < end; position++) messages.push(box.at(size - 1 - position));
  return { messages, before: first };
}
