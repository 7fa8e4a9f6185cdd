import { formatChannelRef, parseChannelRef } from '../../../channel-ref.ts';
import { VigiliaError } from '../../../errors.ts';
import { messageJson } from '../../../message-json.ts';
import type { ChannelRevision, ChatId, JsonObject, Message, TelegramCalls } from '../../../ports.ts';
import { forgetChannels, forgetWindow } from '../../cache/forget-window.ts';
import type { Action, ActionContext, ActionOutcome } from '../action.ts';
import { booleanField, channelField, integerField, knowFields } from '../given-fields.ts';
import { pumpPages } from '../page-pump.ts';
import type { PumpLimits } from '../pump-policy.ts';
import { RunStopped } from '../verdict.ts';

/** Telegram's own limit of a page, in messages. */
const PAGE = 100;
/** Messages that one job may be asked for. */
const MOST_MESSAGES = 1_000_000;
/** Messages a job's result shows itself. */
const SHOWN = 100;
/** Measured in decision 10. */
const LIMITS: PumpLimits = { page: PAGE, batch: 1_000, unwritten: 2_000, lingerMs: 250 };

/** Where a run stands: everything newer is committed. */
interface Checkpoint {
  readonly chatId: ChatId;
  /** The oldest message id so far: the next page is older. 0 before the first page. */
  readonly offsetId: number;
  readonly done: number;
  readonly total: number;
  /** When the reading began, ms since epoch: a window is as fresh as that. */
  readonly startedAt: number;
}

/** A page of the channel, and where the run stands once it is committed. */
interface Step {
  /** Newest first. */
  readonly messages: readonly Message[];
  /** From just below the page before to its own oldest: ids only grow, so what is stored there and not in the page has been deleted. */
  readonly range: { readonly from: number; readonly to: number };
  readonly after: Checkpoint;
}

/**
 * Reads the newest `limit` messages of a channel from Telegram, newest first, and stores them, some pages a transaction.
 * Params: `channelId` (as `parseChannelRef` takes it), `limit`. It ends at the limit or at an empty page: a short page is not the last one.
 */
export const syncMessages: Action = {
  name: 'sync-messages',
  idPrefix: 'sync',
  request: { readsOnly: true, params: readParams },
  run: async (context) => {
    const limit = Number(context.job.params.limit);
    const from = readCheckpoint(context.job.checkpoint) ?? (await begin(context, limit));
    let at = from;
    const all = await pumpPages({
      source: readPages(context.calls, from, limit),
      sizeOf: ({ messages }) => Math.max(1, messages.length),
      write: async (steps) => {
        at = await commit(context, steps);
      },
      limits: LIMITS,
      clock: context.clock,
      signal: context.signal,
    });
    if (all === undefined) throw new RunStopped();
    return finish(context, at, all.end.complete);
  },
};

/** @returns (at its end) whether the channel has nothing older */
async function* readPages(
  calls: TelegramCalls,
  from: Checkpoint,
  limit: number,
): AsyncGenerator<Step, { complete: boolean }, undefined> {
  let at = from;
  let complete = false;
  while (at.done < limit) {
    const page = await calls.history(at.chatId, at.offsetId, Math.min(PAGE, limit - at.done));
    if (page.oldestId === null) return { complete: true };
    const newestId = page.messages[0]?.id ?? page.oldestId;
    const range = { from: page.oldestId, to: at.offsetId === 0 ? newestId : at.offsetId - 1 };
    at = { ...at, offsetId: page.oldestId, done: at.done + page.messages.length, total: Math.min(limit, page.total) };
    // The limit may be what the channel has: then no empty page has to say so.
    complete = at.done >= page.total;
    yield { messages: page.messages, range, after: at };
  }
  return { complete };
}

/** Commits steps that follow on each other as one. @returns where the run stands then */
async function commit(context: ActionContext, steps: readonly Step[]): Promise<Checkpoint> {
  const [first, last] = [steps[0], steps.at(-1)] as [Step, Step];
  const { after } = last;
  const range = { from: last.range.from, to: first.range.to };
  const messages = steps.flatMap((step) => step.messages);
  let revision: number | null = null;
  await context.commit({ done: after.done, total: after.total }, { ...after }, async (tx) => {
    ({ revision } = await tx.replaceRange(0, after.chatId, range, messages, context.clock.now()));
  });
  if (revision !== null) await forgetChannels(context.cache, [{ chatId: after.chatId, revision }]);
  return after;
}

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

/** The same rules, and the same parameters, as those of `POST …/sync-messages`: a test compares them. */
function readParams(given: JsonObject): JsonObject {
  knowFields(given, ['channelId', 'limit', 'force']);
  const channel = channelField(given, 'channelId');
  const limit = integerField(given, 'limit', { least: 1, most: MOST_MESSAGES, byDefault: 50 });
  const force = booleanField(given, 'force', false);
  return { channelId: formatChannelRef(parseChannelRef(channel, 'params.channelId')), limit, force };
}

function readCheckpoint(value: JsonObject | null): Checkpoint | undefined {
  if (value === null) return undefined;
  const { chatId, offsetId, done, total, startedAt } = value;
  if ([chatId, offsetId, done, total, startedAt].some((field) => typeof field !== 'number')) {
    throw new VigiliaError('INTERNAL', 'the checkpoint of a sync-messages job is not one');
  }
  return value as unknown as Checkpoint;
}
