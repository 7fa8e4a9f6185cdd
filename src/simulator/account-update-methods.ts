import type { AccountBox, AccountMessage } from './account-box.ts';
import { accountMessageObject, peopleOf, plainAccountUpdate, secretMessageObject } from './account-updates.ts';
import type { ApiCall, ApiMethods } from './api-call.ts';
import { checkPts, entriesAfter } from './difference-log.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';

/** Where the caller's boxes stand. @param pts where it stands less far */
export function accountState(call: ApiCall, pts = call.account.box.pts): TlObject {
  const { qts, seq } = call.account.box;
  return { _: 'updates.state', pts, qts, date: call.host.now(), seq, unreadCount: 0 };
}

/** What the common box has after a pts, each message as it is now. */
function missed(
  box: AccountBox,
  pts: number,
  limit: number,
): {
  readonly reached: number;
  readonly messages: readonly AccountMessage[];
  readonly edited: readonly AccountMessage[];
  readonly updates: readonly TlObject[];
} {
  const { start, end } = entriesAfter(box.log, pts, limit);
  const messages: AccountMessage[] = [];
  const edited: AccountMessage[] = [];
  const updates: TlObject[] = [];
  for (const entry of box.log.slice(start, end)) {
    const plain = plainAccountUpdate(entry);
    if (plain !== undefined) {
      updates.push(plain);
      continue;
    }
    const message = box.find(entry.ids[0] ?? 0);
    if (message === undefined || messages.includes(message)) continue;
    if (entry.kind === 'message') messages.push(message);
    else {
      edited.push(message);
      updates.push({ _: 'updateEditMessage', message: accountMessageObject(message), pts: entry.pts, ptsCount: 1 });
    }
  }
  return { reached: box.log[end - 1]?.pts ?? box.pts, messages, edited, updates };
}

/** What was told since a date beside the common box: notices, and which channels to ask. Of channels that are not pushed nothing is said. */
function missedElsewhere(
  call: ApiCall,
  since: number,
): { readonly updates: readonly TlObject[]; readonly chats: readonly TlObject[] } {
  const { account } = call;
  const changed = [...call.host.state.boxes].filter(
    (box) => box.pushes && account.isIn(box.world) && (box.log.at(-1)?.at ?? 0) >= since,
  );
  return {
    updates: [
      ...account.box.notices.filter(({ at }) => at >= since).flatMap(({ updates }) => updates),
      ...changed.map((box) => ({ _: 'updateChannelTooLong', channelId: box.world.id, pts: box.pts })),
    ],
    chats: changed.map((box) => call.view.channel(box)),
  };
}

/**
 * What happened since. An account's difference holds no channel's messages: it says which channels to ask
 * (https://core.telegram.org/api/updates#recovering-gaps). Slices hold the common box; the last answer holds all else.
 */
function getDifference(call: ApiCall): TlObject {
  const { box } = call.account;
  const { limits } = call.host;
  const pts = call.int('pts');
  checkPts(pts, box.pts);
  const since = call.int('date');
  if (since <= 0) throw new RpcError(400, 'DATE_EMPTY');
  const most = Math.min(limits.differenceMost, (call.request.ptsTotalLimit as number | undefined) ?? Number.POSITIVE_INFINITY);
  if (pts < box.tellsFrom || box.pts - pts > most) return { _: 'updates.differenceTooLong', pts: box.pts };
  const limit = Math.min(limits.differenceSlice, (call.request.ptsLimit as number | undefined) ?? Number.POSITIVE_INFINITY);
  const { reached, messages, edited, updates } = missed(box, pts, Math.max(1, limit));
  const people = peopleOf(call.view, call.host.state, [...messages, ...edited]);
  const newMessages = messages.map(accountMessageObject);
  if (reached < box.pts) {
    const intermediateState = { ...accountState(call, reached), qts: call.int('qts'), date: since };
    const common = { newMessages, newEncryptedMessages: [], otherUpdates: updates, ...people };
    return { _: 'updates.differenceSlice', ...common, intermediateState };
  }
  const elsewhere = missedElsewhere(call, since);
  const secrets = box.secrets.filter(({ qts }) => qts > call.int('qts')).map(({ message }) => secretMessageObject(message));
  const otherUpdates = [...updates, ...elsewhere.updates];
  if (newMessages.length + otherUpdates.length + secrets.length === 0 && pts === box.pts) {
    return { _: 'updates.differenceEmpty', date: call.host.now(), seq: box.seq };
  }
  return {
    _: 'updates.difference',
    newMessages,
    newEncryptedMessages: secrets,
    otherUpdates,
    chats: [...people.chats, ...elsewhere.chats],
    users: people.users,
    state: accountState(call),
  };
}

/** Where an account stands, and what it missed. */
export const accountUpdateMethods: ApiMethods = {
  'updates.getState': { run: (call) => accountState(call) },
  'updates.getDifference': { run: getDifference },
  // Telegram would forget what is confirmed here; who asks with an older qts gets it again.
  'messages.receivedQueue': { run: () => tl.encodeVector('long', []) },
};
