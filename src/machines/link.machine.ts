import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { type ErrorRecord, errorRecord, type Fault, toVigiliaError, type VigiliaError } from '../errors.ts';

/** How often a server that is up is asked, in ms. */
const CHECK_INTERVAL_MS = 5_000;

interface LinkContext {
  readonly policy: LinkPolicy;
  /** Failures in a row. */
  readonly attempt: number;
  readonly lastError: ErrorRecord | null;
  /** Why it cannot go on at all. */
  readonly failure: VigiliaError | undefined;
}

/** What the pure chart is given from outside. */
export interface LinkPolicy {
  /** Delay before the next attempt, in ms, after this many failures in a row (from 0). */
  readonly backoffMs: (attempt: number) => number;
  /** How long others wait for the outcome of an attempt before they go on without it, in ms. */
  readonly patienceMs: () => number;
}

/** The server, or the connection to it, is gone: told by whoever sees it before anybody asks. */
export interface LinkLost {
  readonly type: 'LOST';
  readonly error: unknown;
}

function unbound(): never {
  throw new Error('link.machine is a chart: its actor binds its actions and actors');
}

const faultOf = (event: unknown): Fault => toVigiliaError((event as { error?: unknown }).error).fault;

/**
 * The link to a server. One that cannot be reached is a state, never an exit; one that is not ours to use (a foreign database) is an exit,
 * told before it ends. One that answers is asked to do what it is for as well: a database on a full disk answers, and is `limited`.
 */
export const linkMachine = setup({
  types: {
    context: {} as LinkContext,
    events: {} as { readonly type: 'SHUTDOWN' } | LinkLost,
    input: {} as LinkPolicy,
    output: {} as { readonly failure?: VigiliaError },
  },
  actors: {
    prepare: fromPromise<void>(unbound),
    check: fromPromise<void>(unbound),
    prove: fromPromise<void>(unbound),
    watch: fromCallback<LinkLost>(unbound),
  },
  guards: { isHopeless: ({ event }) => !['transient', 'throttled'].includes(faultOf(event)) },
  actions: {
    keepError: assign(({ event }) => ({ lastError: errorRecord(toVigiliaError((event as { error?: unknown }).error)) })),
    keepFailure: assign(({ event }) => ({ failure: toVigiliaError((event as { error?: unknown }).error) })),
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    reset: assign({ attempt: 0, lastError: null }),
    forgive: assign({ lastError: null }),
    goAhead: unbound,
    tellUp: unbound,
    tellWhole: unbound,
    tellLimited: unbound,
    tellDown: unbound,
    tellRefused: unbound,
    tellEnded: unbound,
  },
  delays: {
    checkInterval: CHECK_INTERVAL_MS,
    patience: ({ context }) => context.policy.patienceMs(),
    backoff: ({ context }) => context.policy.backoffMs(context.attempt),
  },
}).createMachine({
  id: 'link',
  context: ({ input }) => ({ policy: input, attempt: 0, lastError: null, failure: undefined }),
  initial: 'connecting',
  output: ({ context }) => (context.failure ? { failure: context.failure } : {}),
  on: { SHUTDOWN: { target: '.ended', actions: 'tellEnded' } },
  states: {
    connecting: {
      // A server that takes connections and says nothing is nothing to wait for.
      after: { patience: { actions: 'goAhead' } },
      invoke: {
        src: 'prepare',
        onDone: 'up',
        onError: [
          { guard: 'isHopeless', target: 'ended', actions: ['keepError', 'keepFailure', 'tellRefused'] },
          { target: 'down' },
        ],
      },
    },
    up: {
      entry: ['reset', 'tellUp'],
      invoke: { src: 'watch' },
      on: { LOST: 'down' },
      initial: 'proving',
      states: {
        waiting: { entry: ['forgive', 'tellWhole'], after: { checkInterval: 'checking' } },
        checking: { invoke: { src: 'check', onDone: 'proving', onError: '#link.down' } },
        proving: { invoke: { src: 'prove', onDone: 'waiting', onError: { target: 'doubted', actions: 'keepError' } } },
        // It failed at what it is for: whether that is all, or it is gone, an answer tells.
        doubted: { invoke: { src: 'check', onDone: 'limited', onError: '#link.down' } },
        limited: { entry: 'tellLimited', after: { checkInterval: 'checking' } },
      },
    },
    down: {
      entry: ['keepError', 'tellDown'],
      after: { backoff: 'connecting' },
      exit: 'countAttempt',
    },
    ended: { type: 'final' },
  },
});
