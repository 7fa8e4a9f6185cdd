import { assign, fromPromise, setup } from 'xstate';
import { type ErrorCode, type ErrorRecord, errorRecord, toVigiliaError, type VigiliaError } from '../errors.ts';
import type { Next } from './ledger.ts';

/** How long a channel that the account may not see is left alone before it is asked for again, in ms. */
const PAUSED_MS = 3_600_000;

/** Telegram says that the account may not see the channel, or will not tell of it. */
const CLOSED: ReadonlySet<ErrorCode> = new Set(['CHANNEL_NOT_FOUND', 'TELEGRAM_REFUSED', 'TELEGRAM_LIMITED']);

/** What a feed that is not live remembers. */
interface FeedContext {
  readonly policy: FeedPolicy;
  /** Where the channel stands that is too long to be told of. */
  readonly targetPts: number | null;
  /** Pages of its history that were written. */
  readonly pages: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError: ErrorRecord | null;
  /** How long it waits now, in ms. */
  readonly delayMs: number;
}

/** What the pure chart is given from outside. */
export interface FeedPolicy {
  /** Delay before the next attempt, in ms, after this many failures in a row (from 0). */
  readonly backoffMs: (failures: number) => number;
}

export type FeedEvent =
  /** The channel shows itself again. */
  | { readonly type: 'RESUME' }
  /** It is not wanted any more. */
  | { readonly type: 'UNFOLLOW' }
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('feed.machine is a chart: feed.actor binds its actions and actors');
}

const errorOf = (event: unknown): VigiliaError => toVigiliaError((event as { error?: unknown }).error);
const nextOf = (event: unknown): Next => (event as { output: Next }).output;

/** A failed call: told apart by whether Telegram knows the place asked from, whether the channel can be seen at all, and
 * whether a time was named. */
const afterFailure = [
  { guard: 'isPlaceUnknown', target: 'misplaced', actions: ['keepError', 'planRetry'] },
  { guard: 'isClosed', target: 'paused', actions: 'keepError' },
  { target: 'waiting', actions: ['keepError', 'planRetry'] },
] as const;

/** From where it stopped. */
const goOn = [{ guard: 'isBackfilling', target: 'too-long' }, { target: 'gap' }] as const;

/**
 * A channel's feed that is not live: it asks for what it missed until it misses nothing, and is gone then. A live feed is a row and a number
 * in the ledger, no actor.
 */
export const feedMachine = setup({
  types: { context: {} as FeedContext, events: {} as FeedEvent, input: {} as FeedPolicy },
  actors: {
    /** Resolves when there is a line, and few enough others ask. */
    awaitTurn: fromPromise<void>(unbound),
    /** Asks for a difference and has it written. */
    askDifference: fromPromise<Next>(unbound),
    /** Has the ledger begin anew with the channel. */
    beginAnew: fromPromise<void>(unbound),
    /** Reads one page of the history and has it written. @returns whether that was the last one */
    readPage: fromPromise<{ readonly done: boolean }, { readonly targetPts: number }>(unbound),
  },
  guards: {
    isClosed: ({ event }) => CLOSED.has(errorOf(event).code),
    isPlaceUnknown: ({ event }) => errorOf(event).code === 'TELEGRAM_PLACE_UNKNOWN',
    isLive: ({ event }) => nextOf(event).kind === 'live',
    isTooLong: ({ event }) => nextOf(event).kind === 'backfill',
    isAtOnce: ({ event }) => {
      const next = nextOf(event);
      return next.kind === 'again' && next.afterMs === 0;
    },
    isBackfilling: ({ context }) => context.targetPts !== null,
    isDone: ({ event }) => (event as unknown as { output: { done: boolean } }).output.done,
  },
  actions: {
    clearFailures: assign({ failures: 0, lastError: null }),
    keepError: assign(({ event }) => ({ lastError: errorRecord(errorOf(event)) })),
    planRetry: assign(({ context, event }) => ({
      failures: context.failures + 1,
      delayMs: errorOf(event).retryAfterMs ?? context.policy.backoffMs(context.failures),
    })),
    planPause: assign(({ event }) => {
      const next = nextOf(event);
      return { delayMs: next.kind === 'again' ? next.afterMs : 0 };
    }),
    keepTarget: assign(({ event }) => {
      const next = nextOf(event);
      return { targetPts: next.kind === 'backfill' ? next.pts : null, pages: 0 };
    }),
    forgetTarget: assign({ targetPts: null }),
    countPage: assign({ pages: ({ context }) => context.pages + 1, failures: 0 }),
    /** Others may have its turn. */
    giveTurnBack: unbound,
    tellTooLong: unbound,
    tellPaused: unbound,
  },
  delays: { retry: ({ context }) => context.delayMs, paused: PAUSED_MS },
}).createMachine({
  id: 'feed',
  context: ({ input }) => ({ policy: input, targetPts: null, pages: 0, failures: 0, lastError: null, delayMs: 0 }),
  initial: 'gap',
  on: { UNFOLLOW: '.stopped', SHUTDOWN: '.stopped' },
  states: {
    gap: {
      invoke: { src: 'awaitTurn', onDone: 'recovering', onError: { target: 'waiting', actions: ['keepError', 'planRetry'] } },
    },
    recovering: {
      exit: 'giveTurnBack',
      invoke: {
        src: 'askDifference',
        onDone: [
          { guard: 'isLive', target: 'live', actions: 'clearFailures' },
          { guard: 'isTooLong', target: 'too-long', actions: ['clearFailures', 'keepTarget', 'tellTooLong'] },
          { guard: 'isAtOnce', target: 'gap', actions: 'clearFailures' },
          { target: 'waiting', actions: ['clearFailures', 'planPause'] },
        ],
        onError: afterFailure,
      },
    },
    waiting: { after: { retry: goOn }, on: { RESUME: goOn } },
    'too-long': {
      invoke: {
        src: 'awaitTurn',
        onDone: 'backfilling',
        onError: { target: 'waiting', actions: ['keepError', 'planRetry'] },
      },
    },
    backfilling: {
      exit: 'giveTurnBack',
      invoke: {
        src: 'readPage',
        input: ({ context }) => ({ targetPts: context.targetPts ?? 0 }),
        onDone: [
          // What happened while it was read is told by a difference from there.
          { guard: 'isDone', target: 'gap', actions: ['countPage', 'forgetTarget'] },
          { target: 'too-long', actions: 'countPage' },
        ],
        onError: afterFailure,
      },
    },
    // Asked from the beginning it says what it still tells, or that this is too much: nothing is passed over.
    misplaced: {
      invoke: {
        src: 'beginAnew',
        onDone: { target: 'waiting', actions: 'forgetTarget' },
        onError: { target: 'waiting', actions: ['keepError', 'planRetry'] },
      },
    },
    paused: { entry: ['forgetTarget', 'tellPaused'], after: { paused: 'gap' }, on: { RESUME: 'gap' } },
    live: { type: 'final' },
    stopped: { type: 'final' },
  },
});
