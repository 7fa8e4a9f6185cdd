import { parseChannelRef } from '../../../channel-ref.ts';
import { VigiliaError } from '../../../errors.ts';
import { messageJson } from '../../../message-json.ts';
import type { ChannelRevision, ChatId, JsonObject } from '../../../ports.ts';
import { forgetChannels, forgetWindow } from '../../cache/forget-window.ts';
import type { Action, ActionContext, ActionOutcome } from '../action.ts';

/** Telegram's own limit of a page, in messages. */
const PAGE = 100;
/** Messages a job's result shows itself. */
const SHOWN = 100;

/** Where a run stands, between its pages. */
interface Checkpoint {
  readonly chatId: ChatId;
  /** The oldest message id so far: the next page is older. 0 before the first page. */
  readonly offsetId: number;
  readonly done: number;
  readonly total: number;
  /** When the reading began, ms since epoch: a window is as fresh as that. */
  readonly startedAt: number;
}

/**
 * Reads the newest `limit` messages of a channel from Telegram, newest first, and stores them page by page.
 * Params: `channelId` (as `parseChannelRef` takes it), `limit`. It ends at the limit or at an empty page: a short page is not the last one.
 */
export const syncMessages: Action = {
  name: 'sync-messages',
  idPrefix: 'sync',
  run: async (context) => {
    const limit = Number(context.job.params.limit);
    let at = readCheckpoint(context.job.checkpoint) ?? (await begin(context, limit));
    let complete = false;
    while (at.done < limit) {
      const page = await context.calls.history(at.chatId, at.offsetId, Math.min(PAGE, limit - at.done));
      if (page.oldestId === null) {
        complete = true;
        break;
      }
      const newestId = page.messages[0]?.id ?? page.oldestId;
      // From just below the page before: ids only grow, so what is stored there and was not in the pages has been deleted.
      const range = { from: page.oldestId, to: at.offsetId === 0 ? newestId : at.offsetId - 1 };
      at = { ...at, offsetId: page.oldestId, done: at.done + page.messages.length, total: Math.min(limit, page.total) };
      await context.commit({ done: at.done, total: at.total }, { ...at }, async (tx) => {
        await tx.upsertMessages(0, page.messages);
        const present = page.messages.map(({ id }) => id);
        await tx.deleteAbsent(0, at.chatId, range, present, context.clock.now());
      });
      await forgetWindow(context.cache, context.store, at.chatId);
      // The limit may be what the channel has: then no empty page has to say so.
      complete = at.done >= page.total;
    }
    return finish(context, at, complete);
  },
};

/** Finds the channel, stores what Telegram says of it, and sets the first checkpoint. */
async function begin(context: ActionContext, limit: number): Promise<Checkpoint> {
  const ref = parseChannelRef(context.job.params.channelId as string | number);
  const { channel: found, entity } = await context.calls.resolve(ref);
  const { channel } = await context.calls.fullChannel(found.chatId);
  const at: Checkpoint = { chatId: found.chatId, offsetId: 0, done: 0, total: limit, startedAt: context.clock.now() };
  let changed: readonly ChannelRevision[] = [];
  await context.commit({ done: 0, total: null }, { ...at }, async (tx) => {
    changed = await tx.upsertChannels([channel]);
    await tx.upsertEntities(context.job.accountId, [entity]);
  });
  await forgetChannels(context.cache, changed);
  return at;
}

async function finish({ store, cache }: ActionContext, at: Checkpoint, complete: boolean): Promise<ActionOutcome> {
  const shown = await store.readMessages({ chatId: at.chatId, limit: SHOWN });
  const result = {
    count: at.done,
    channelId: at.chatId,
    complete,
    messages: shown.slice(0, at.done).map(messageJson),
    more: `/api/telegram-gateway/channels/${at.chatId}/messages`,
  };
  return {
    result: result as unknown as JsonObject,
    effect: (tx) => tx.markSynced(at.chatId, at.startedAt, at.done, complete),
    after: () => forgetWindow(cache, store, at.chatId),
  };
}

function readCheckpoint(value: JsonObject | null): Checkpoint | undefined {
  if (value === null) return undefined;
  const { chatId, offsetId, done, total, startedAt } = value;
  if ([chatId, offsetId, done, total, startedAt].some((field) => typeof field !== 'number')) {
    throw new VigiliaError('INTERNAL', 'the checkpoint of a sync-messages job is not one');
  }
  return value as unknown as Checkpoint;
}
