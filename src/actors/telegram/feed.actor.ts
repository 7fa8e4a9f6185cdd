import { fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { type FeedPolicy, feedMachine } from '../../machines/feed.machine.ts';
import type { Next } from '../../machines/ledger.ts';
import type { ChatId, Json, JsonObject, Store } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import type { AccountLine } from './account-line.ts';
import { Backfill } from './backfill.ts';
import type { BoxDesk } from './box-desk.ts';
import type { Turns } from './turns.ts';

const RETRY: BackoffPolicy = { baseMs: 1_000, capMs: 300_000 };
/** How much a difference may bring, in updates: what Telegram advises for users. */
const LIMIT = 100;

export interface FeedDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
}

/** What feeds of one account share. */
export interface FeedHouse {
  readonly line: AccountLine;
  readonly desk: BoxDesk;
  readonly turns: Turns;
  /** Telegram said when to ask the channel again, in s; null where it did not. */
  readonly asked: (chatId: ChatId, timeoutS: number | null) => void;
}

/** The child specification of a channel's feed that misses something: gone when it misses nothing. */
export function feedSpec(chatId: ChatId, house: FeedHouse, deps: FeedDeps): ChildSpec {
  return {
    id: String(chatId),
    kind: 'feed',
    restart: 'temporary',
    view: viewFeed,
    start: (life) => {
      life.ready();
      return { logic: feedLogic(chatId, house, deps), input: policyOf(deps) };
    },
  };
}

function policyOf({ random }: FeedDeps): FeedPolicy {
  return { backoffMs: (failures) => backoffDelayMs(RETRY, failures, random) };
}

function feedLogic(chatId: ChatId, { line, desk, turns, asked }: FeedHouse, { log, store }: FeedDeps) {
  let giveBack: (() => void) | undefined;
  let backfill: Backfill | undefined;

  /** Whoever waits for the feed does not wait for what takes long. */
  const settlingOnFailure = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (thrown) {
      desk.settle(chatId);
      throw thrown;
    }
  };
  // One that is killed in the middle gives its turn back too.
  const withTurn = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
    signal.addEventListener('abort', () => giveBack?.(), { once: true });
    return settlingOnFailure(work);
  };

  const askDifference = async (): Promise<Next> => {
    const since = await desk.ask((ledger) => ({
      entries: [],
      result: ledger.recoveringChannels.has(chatId) ? ledger.channelPts(chatId) : undefined,
    }));
    if (since === undefined) return { kind: 'live' };
    const difference = await line.channelDifference(chatId, since, LIMIT);
    asked(chatId, difference.timeoutS);
    return desk.ask((ledger, nowMs) => {
      const { entries, next } = ledger.applyChannelDifference(chatId, since, difference, nowMs);
      return { entries, channels: 'channels' in difference ? difference.channels : [], result: next };
    });
  };

  return feedMachine.provide({
    actors: {
      awaitTurn: fromPromise<void>(async ({ signal }) => {
        await line.untilServing(signal);
        const turn = await turns.take(signal);
        if (!turn) throw new VigiliaError('TELEGRAM_OFFLINE', 'the feed was stopped');
        giveBack = turn;
        // Stopped before it could begin with it.
        signal.addEventListener('abort', turn, { once: true });
        if (signal.aborted) turn();
      }),
      askDifference: fromPromise<Next>(async ({ signal }) => {
        const next = await withTurn(signal, askDifference());
        if (next.kind === 'live') desk.settle(chatId);
        return next;
      }),
      beginAnew: fromPromise<void>(async () => {
        backfill = undefined;
        log.error(
          { account: line.accountId, chatId },
          'Telegram does not know the place that is stored of a channel: looking at what it has anew',
        );
        await desk.ask((ledger) => ({ entries: ledger.restartChannel(chatId), result: undefined }));
      }),
      readPage: fromPromise<{ readonly done: boolean }, { readonly targetPts: number }>(async ({ input, signal }) => {
        backfill ??= new Backfill(chatId, line, desk, store);
        const page = await withTurn(signal, backfill.readPage(input.targetPts));
        if (page.done) backfill = undefined;
        desk.settle(chatId);
        return page;
      }),
    },
    actions: {
      giveTurnBack: () => {
        giveBack?.();
        giveBack = undefined;
      },
      tellTooLong: ({ context }) => {
        desk.settle(chatId);
        log.info(
          { account: line.accountId, chatId, pts: context.targetPts },
          'too much was missed of a channel: reading its history',
        );
      },
      tellPaused: ({ context }) => {
        backfill = undefined;
        desk.settle(chatId);
        const { code, message: cause } = context.lastError ?? toVigiliaError(undefined);
        log.warn({ account: line.accountId, chatId, code, cause }, 'a channel cannot be seen: it is left alone');
      },
    },
  });
}

/** What `/api/state` shows of a feed. */
function viewFeed(snapshot: Snapshot<unknown>): JsonObject {
  if (!('context' in snapshot)) return {};
  const { targetPts, pages, failures, lastError, delayMs } = snapshot.context as Record<string, Json>;
  return { targetPts, pages, failures, lastError, delayMs } as JsonObject;
}
