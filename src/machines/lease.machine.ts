import { assign, fromPromise, raise, setup } from 'xstate';
import { type ErrorRecord, errorRecord, toVigiliaError, VigiliaError } from '../errors.ts';
import { RENEW_MS, RETRY_MS } from './lease-rule.ts';

/** How long giving the lease back may take, in ms; after that it ends by itself. */
const RELEASE_DEADLINE_MS = 3_000;
/** Longest pause before somebody else's lease is looked at again, in ms: it may be given back at any time. */
const LOOK_AGAIN_MS = RENEW_MS;

/** What the database says to whoever wants the lease. */
export type TakeAnswer =
  /** `believedUntil` is by the taker's monotonic clock. */
  | { readonly granted: true; readonly token: number; readonly believedUntil: number }
  | { readonly granted: false; readonly owner: string; readonly freeInMs: number };

/** What it says to whoever renews it; undefined: it is not ours any more. */
export type RenewAnswer = { readonly believedUntil: number } | undefined;

interface LeaseContext {
  readonly policy: LeasePolicy;
  /** The account's fencing token as of the present lease; null without one. */
  readonly token: number | null;
  /** By the monotonic clock, in ms. */
  readonly believedUntil: number;
  /** Who has it instead of us. */
  readonly owner: string | null;
  readonly waitMs: number;
  readonly lastError: ErrorRecord | null;
  readonly failure: VigiliaError | undefined;
}

/** What the pure chart is given from outside. */
export interface LeasePolicy {
  /** Monotonic time, in ms. */
  readonly monotonic: () => number;
  /** When to renew, in ms from now. */
  readonly renewInMs: (monotonic: number) => number;
}

export type LeaseEvent =
  /** Somebody had to act on the lease and found it over: a timer that came late, a machine that was asleep. */
  | { readonly type: 'LAPSED' }
  /** Somebody has reason to ask the database now: the account has another token, or there is news to tell. */
  | { readonly type: 'ASK' }
  | { readonly type: 'RENEWED' }
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('lease.machine is a chart: lease.actor binds its actions and actors');
}

const outputOf = <T>(event: unknown): T => (event as { output: T }).output;
const lost = (why: string): VigiliaError => new VigiliaError('LEASE_LOST', why);

/**
 * One account's lease: who holds it may connect. It is held as long as its renewals are known to have come in time; when that is not known
 * any more, the socket is cut before anything else, and the life ends: what stands on it ends with it, and the next life takes the lease anew.
 */
export const leaseMachine = setup({
  types: {
    context: {} as LeaseContext,
    events: {} as LeaseEvent,
    input: {} as LeasePolicy,
    output: {} as { readonly failure?: VigiliaError },
  },
  actors: {
    take: fromPromise<TakeAnswer>(unbound),
    renew: fromPromise<RenewAnswer, { token: number | null }>(unbound),
    release: fromPromise<void, { token: number | null }>(unbound),
  },
  guards: {
    granted: ({ event }) => outputOf<TakeAnswer>(event).granted,
    confirmed: ({ event }) => outputOf<RenewAnswer>(event) !== undefined,
  },
  actions: {
    keepLease: assign(({ event }) => {
      const answer = outputOf<TakeAnswer>(event);
      return answer.granted ? { token: answer.token, believedUntil: answer.believedUntil, owner: null, lastError: null } : {};
    }),
    keepOwner: assign(({ event }) => {
      const answer = outputOf<TakeAnswer>(event);
      return answer.granted ? {} : { owner: answer.owner, waitMs: Math.min(answer.freeInMs, LOOK_AGAIN_MS), lastError: null };
    }),
    keepTime: assign(({ event }) => {
      const answer = outputOf<RenewAnswer>(event);
      return answer ? { believedUntil: answer.believedUntil, lastError: null } : {};
    }),
    keepError: assign(({ event }) => ({ lastError: errorRecord(toVigiliaError((event as { error?: unknown }).error)) })),
    keepRefusal: assign({ failure: () => lost('the database says that the lease is not ours any more') }),
    keepLapse: assign({
      failure: ({ context }) =>
        lost(`it was not renewed in time: ${context.lastError?.message ?? 'the process, or its machine, stood still'}`),
    }),
    sayRenewed: raise({ type: 'RENEWED' }),
    cutLink: unbound,
    tellWaiting: unbound,
    tellUnreachable: unbound,
    tellHeld: unbound,
    tellLost: unbound,
  },
  delays: {
    wait: ({ context }) => context.waitMs,
    retry: RETRY_MS,
    renewal: ({ context }) => context.policy.renewInMs(context.policy.monotonic()),
    believed: ({ context }) => Math.max(0, context.believedUntil - context.policy.monotonic()),
    releaseDeadline: RELEASE_DEADLINE_MS,
  },
}).createMachine({
  id: 'lease',
  context: ({ input }) => ({
    policy: input,
    token: null,
    believedUntil: 0,
    owner: null,
    waitMs: 0,
    lastError: null,
    failure: undefined,
  }),
  initial: 'acquiring',
  output: ({ context }) => (context.failure ? { failure: context.failure } : {}),
  // What is under way may be granted after we have gone: it is given back all the same.
  on: { SHUTDOWN: '.releasing' },
  states: {
    acquiring: {
      invoke: {
        src: 'take',
        onDone: [
          { guard: 'granted', target: 'held', actions: 'keepLease' },
          { target: 'waiting', actions: 'keepOwner' },
        ],
        onError: { target: 'unreachable', actions: 'keepError' },
      },
    },
    waiting: { entry: 'tellWaiting', after: { wait: 'acquiring' }, on: { SHUTDOWN: 'ended' } },
    unreachable: { entry: 'tellUnreachable', after: { retry: 'acquiring' } },
    held: {
      entry: 'tellHeld',
      type: 'parallel',
      on: { LAPSED: { target: 'lost', actions: 'keepLapse' } },
      states: {
        belief: {
          initial: 'running-out',
          states: {
            'running-out': {
              on: { RENEWED: { target: 'running-out', reenter: true } },
              after: { believed: { target: '#lease.lost', actions: 'keepLapse' } },
            },
          },
        },
        renewal: {
          initial: 'resting',
          states: {
            resting: { after: { renewal: 'renewing' }, on: { ASK: 'renewing' } },
            renewing: {
              invoke: {
                src: 'renew',
                input: ({ context }) => ({ token: context.token }),
                onDone: [
                  { guard: 'confirmed', target: 'resting', actions: ['keepTime', 'sayRenewed'] },
                  { target: '#lease.lost', actions: 'keepRefusal' },
                ],
                onError: { target: 'unanswered', actions: 'keepError' },
              },
            },
            unanswered: { after: { retry: 'renewing' } },
          },
        },
      },
    },
    lost: { entry: ['cutLink', 'tellLost'], always: 'ended' },
    releasing: {
      entry: 'cutLink',
      invoke: { src: 'release', input: ({ context }) => ({ token: context.token }), onDone: 'ended', onError: 'ended' },
      after: { releaseDeadline: 'ended' },
      on: { SHUTDOWN: {} },
    },
    ended: { type: 'final' },
  },
});
