import { and, assign, setup } from 'xstate';
import type { ErrorRecord } from '../errors.ts';
import type { Claim, Job, JobProgress, JsonObject } from '../ports.ts';

/** Grows with every change of the machine that old rows could notice. */
export const JOB_MACHINE_VERSION = 1;

/** Runs a job gets in all. */
export const MAX_ATTEMPTS = 3;

/** Claims in a row that may be lost without any committed progress; the last of them fails the job as poison. */
export const MAX_LOST_IN_A_ROW = 5;

/** The part of a job's row that its steps may change. */
export type JobContext = Pick<
  Job,
  | 'attempts'
  | 'claims'
  | 'lostInARow'
  | 'claim'
  | 'dueAt'
  | 'progress'
  | 'checkpoint'
  | 'result'
  | 'error'
  | 'reason'
  | 'cancelRequested'
  | 'endedAt'
>;

/** Work reports carry the claim under which it was done; a stale one is not accepted. All times are ms since epoch. */
export type JobMachineEvent =
  | { readonly type: 'CLAIM'; readonly now: number; readonly token: number }
  | {
      readonly type: 'PROGRESS';
      readonly now: number;
      readonly claim: Claim;
      readonly progress: JobProgress;
      readonly checkpoint: JsonObject;
    }
  | { readonly type: 'COMPLETE'; readonly now: number; readonly claim: Claim; readonly result: JsonObject }
  | {
      readonly type: 'FAIL';
      readonly now: number;
      readonly claim: Claim;
      readonly error: ErrorRecord;
      readonly retryable: boolean;
      readonly retryAt: number;
    }
  | {
      readonly type: 'THROTTLE';
      readonly now: number;
      readonly claim: Claim;
      readonly error: ErrorRecord;
      readonly retryAt: number;
    }
  | { readonly type: 'PARK'; readonly now: number; readonly claim: Claim; readonly error: ErrorRecord }
  /** Handed back without a fault of the job's own; it may run again from `retryAt` on. */
  | { readonly type: 'RELEASE'; readonly now: number; readonly claim: Claim; readonly retryAt: number }
  /** Said by whoever took the account with this fencing token: only a claim of an older token is lost by it. */
  | { readonly type: 'LOST'; readonly now: number; readonly token: number; readonly poison: ErrorRecord }
  | { readonly type: 'DUE'; readonly now: number }
  | { readonly type: 'UNPARK'; readonly now: number }
  | { readonly type: 'CANCEL'; readonly now: number; readonly error: ErrorRecord }
  /** Somebody wants an ended job done again. */
  | { readonly type: 'RETRY'; readonly now: number };

/**
 * A job's life. The machine is never alive: `job-step.ts` steps it on the row, and the step is stored where the row is still that one.
 */
export const jobMachine = setup({
  types: { context: {} as JobContext, events: {} as JobMachineEvent, input: {} as JobContext },
  guards: {
    ownClaim: ({ context, event }) =>
      'claim' in event && context.claim?.token === event.claim.token && context.claim.number === event.claim.number,
    isDue: ({ context, event }) => context.dueAt === null || context.dueAt <= event.now,
    cancelWanted: ({ context }) => context.cancelRequested,
    mayRetry: ({ context, event }) => event.type === 'FAIL' && event.retryable && context.attempts + 1 < MAX_ATTEMPTS,
    isStale: ({ context, event }) => event.type === 'LOST' && (context.claim?.token ?? 0) < event.token,
    isPoison: ({ context }) => context.lostInARow + 1 >= MAX_LOST_IN_A_ROW,
  },
  actions: {
    take: assign(({ context, event }) =>
      event.type === 'CLAIM'
        ? {
            claims: context.claims + 1,
            claim: { token: event.token, number: context.claims + 1 },
            dueAt: null,
            reason: null,
            error: null,
          }
        : {},
    ),
    keepProgress: assign(({ event }) =>
      event.type === 'PROGRESS' ? { progress: event.progress, checkpoint: event.checkpoint, lostInARow: 0 } : {},
    ),
    keepResult: assign(({ event }) => (event.type === 'COMPLETE' ? { result: event.result, error: null } : {})),
    keepError: assign(({ event }) =>
      'error' in event ? { error: event.error, reason: `${event.error.code}: ${event.error.message}` } : {},
    ),
    keepPoison: assign(({ event }) => (event.type === 'LOST' ? { error: event.poison, reason: event.poison.message } : {})),
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1 }),
    countLost: assign({ lostInARow: ({ context }) => context.lostInARow + 1 }),
    dueNow: assign({ dueAt: ({ event }) => event.now, reason: null, error: null }),
    dueLater: assign(({ event }) => ('retryAt' in event ? { dueAt: event.retryAt } : {})),
    requestCancel: assign({ cancelRequested: true }),
    dropClaim: assign({ claim: null }),
    end: assign({ endedAt: ({ event }) => event.now, dueAt: null, claim: null, checkpoint: null }),
    clearReason: assign({ reason: null }),
    // Claims go on counting: a worker of the job's earlier life shall not find its own number again.
    beginAnew: assign(({ event }) => ({
      attempts: 0,
      lostInARow: 0,
      dueAt: event.now,
      progress: null,
      error: null,
      reason: null,
      cancelRequested: false,
      endedAt: null,
    })),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => input,
  initial: 'queued',
  states: {
    queued: {
      on: {
        CLAIM: { guard: 'isDue', target: 'processing', actions: 'take' },
        CANCEL: { target: 'cancelled', actions: 'keepError' },
      },
    },
    processing: {
      exit: 'dropClaim',
      on: {
        PROGRESS: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled', actions: 'keepProgress' },
          { guard: 'ownClaim', actions: 'keepProgress' },
        ],
        COMPLETE: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled' },
          { guard: 'ownClaim', target: 'completed', actions: ['countAttempt', 'keepResult'] },
        ],
        FAIL: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled' },
          { guard: and(['ownClaim', 'mayRetry']), target: 'delayed', actions: ['countAttempt', 'keepError', 'dueLater'] },
          { guard: 'ownClaim', target: 'failed', actions: ['countAttempt', 'keepError'] },
        ],
        THROTTLE: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled' },
          { guard: 'ownClaim', target: 'delayed', actions: ['keepError', 'dueLater'] },
        ],
        PARK: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled' },
          { guard: 'ownClaim', target: 'parked', actions: 'keepError' },
        ],
        RELEASE: [
          { guard: and(['ownClaim', 'cancelWanted']), target: 'cancelled' },
          { guard: 'ownClaim', target: 'queued', actions: 'dueLater' },
        ],
        LOST: [
          { guard: and(['isStale', 'cancelWanted']), target: 'cancelled' },
          { guard: and(['isStale', 'isPoison']), target: 'failed', actions: ['countLost', 'keepPoison'] },
          { guard: 'isStale', target: 'queued', actions: ['countLost', 'dueNow'] },
        ],
        CANCEL: { actions: ['requestCancel', 'keepError'] },
      },
    },
    delayed: {
      on: {
        DUE: { guard: 'isDue', target: 'queued', actions: 'clearReason' },
        CANCEL: { target: 'cancelled', actions: 'keepError' },
      },
    },
    parked: {
      on: {
        UNPARK: { target: 'queued', actions: 'dueNow' },
        CANCEL: { target: 'cancelled', actions: 'keepError' },
      },
    },
    completed: { type: 'final', entry: ['end', 'clearReason'] },
    failed: { entry: 'end', on: { RETRY: { target: 'queued', actions: 'beginAnew' } } },
    cancelled: { entry: 'end', on: { RETRY: { target: 'queued', actions: 'beginAnew' } } },
  },
});
