import { toldPart } from '../../message-json.ts';
import type { Message, StoredChannel, Window } from '../../ports.ts';

/** A longer one is read again by whoever wants it: to write all of it out anew for each message takes longer than that is worth. */
const LONGEST = 100;

/** What one transaction changed of a channel's messages: nothing else, and each statement of it grew the channel's revision by one. */
export interface MessagesChange {
  readonly statements: number;
  /** Each message once, as it was written. */
  readonly written: readonly { readonly message: Message; readonly inserted: boolean }[];
  /** Ids that were deleted, after that. */
  readonly gone: readonly number[];
}

/**
 * A window as a change leaves it.
 * @param channel as it stands now
 * @returns undefined where that cannot be known: somebody else has changed the channel too, or the window is not what the change says that there was
 */
export function changedWindow(held: Window, channel: StoredChannel, change: MessagesChange): Window | undefined {
  const { messages, complete } = held;
  if (held.channel.revision + change.statements !== channel.revision) return undefined;
  // Beside a row that is quite new, others may be writing who have not seen it.
  if (held.channel.revision === 0) return undefined;
  if (messages.length > LONGEST || (messages.length === 0 && !complete)) return undefined;
  // What is older than the window is not in it, unless it reaches the first message.
  const from = complete ? Number.NEGATIVE_INFINITY : (messages.at(-1)?.id ?? 0);
  const byId = new Map(messages.map((message) => [message.id, message]));
  // Of one id there may be rows of several dates.
  if (byId.size !== messages.length) return undefined;
  for (const { message, inserted } of change.written) {
    if (message.id < from) continue;
    const before = byId.get(message.id);
    if ((before === undefined) !== inserted || (before !== undefined && before.date !== message.date)) return undefined;
    byId.set(message.id, toldPart(message));
  }
  for (const id of change.gone) {
    if (id >= from && !byId.delete(id)) return undefined;
  }
  const newest = [...byId.values()].sort((a, b) => b.id - a.id);
  const most = complete ? LONGEST : messages.length;
  const kept = newest.slice(0, channel.complete ? most : Math.min(most, channel.syncedDepth));
  const isComplete = complete && channel.complete && kept.length === newest.length;
  return kept.length === 0 && !isComplete ? undefined : { channel, messages: kept, complete: isComplete };
}
