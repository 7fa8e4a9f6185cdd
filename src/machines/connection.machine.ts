import { and, assign, fromPromise, setup } from 'xstate';
import { type ErrorCode, type ErrorRecord, errorRecord, toVigiliaError, VigiliaError } from '../errors.ts';

/** How often the connection is pinged, in ms (requirement B2). */
const PING_INTERVAL_MS = 30_000;
/** After this long without trouble the backoff starts from the beginning, in ms (requirement B1). */
const STABLE_AFTER_MS = 60_000;
/** How long opening may take with key exchange and login, in ms; waiting for its turn is not in it. */
const OPEN_DEADLINE_MS = 60_000;
/** How long closing may take before it is left to the kernel, in ms. */
const CLOSE_DEADLINE_MS = 3_000;

/** Pause before the account's channels are asked for again, in ms, where Telegram names no time. */
const CATCH_UP_PAUSE_MS = 60_000;

/**
 * How long a connection without its lease waits before it looks whether there is one after all, in ms. As a rule it does not live that long: the
 * lease's own failure ends it, and the next life begins once the lease is held again.
 */
const LEASE_LOOK_MS = 5_000;

/** What is said of a link that is not there any more. Silence is not: the ping decides what it means. */
const LINK_IS_GONE: ReadonlySet<ErrorCode> = new Set(['TELEGRAM_OFFLINE', 'TELEGRAM_GENERATION', 'LEASE_LOST']);

/** What is said once the account is another worker's, or nobody knows any more that it is ours. */
const LEASE_IS_GONE: ReadonlySet<ErrorCode> = new Set(['LEASE_LOST', 'SESSION_FENCED']);

/** What the connection remembers. Times are ms since epoch. */
interface ConnectionContext {
  readonly policy: ConnectionPolicy;
  /** Counts links; each is used once. */
  readonly generation: number;
  /** Failures in a row since the connection was last stable. */
  readonly attempt: number;
  readonly lastError: ErrorRecord | null;
  readonly lastPongAt: number | null;
  /** How long the present backoff lasts, in ms. */
  readonly delayMs: number | null;
  /** How long the present pause before another catching up lasts, in ms. */
  readonly catchUpPauseMs: number;
}

/** What the pure chart is given from outside: time, and chance inside the delay. */
export interface ConnectionPolicy {
  readonly now: () => number;
  /** Delay before the next attempt, in ms, after this many failures in a row (from 0). */
  readonly backoffMs: (attempt: number) => number;
}

/** A link's last words name its generation: those of an old link are not heard. */
export type ConnectionEvent =
  | { readonly type: 'LINK_DOWN'; readonly generation: number; readonly error: unknown }
  /** A call got no answer in time: the next ping shall not wait. */
  | { readonly type: 'SUSPECT' }
  /** A person has logged in: there is a new session to connect with. */
  | { readonly type: 'LOGGED_IN' }
  | { readonly type: 'LOG_OUT' }
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('connection.machine is a chart: connection.actor binds its actions and actors');
}

/** How long the other side wants to be left alone, in ms; 0 where it did not say, or nobody was heard. */
const namedDelayMs = (event: unknown): number => ('error' in (event as object) ? errorOf(event).retryAfterMs : undefined) ?? 0;

const errorOf = (event: unknown): VigiliaError => toVigiliaError((event as { error?: unknown }).error);

/** Where a failure on an open link leads: nowhere, or to the next one, which is also asked whether a login is really gone. */
const afterFailure = [
  { guard: 'leaseGone', target: '#connection.lease-lost', actions: 'keepError' },
  { guard: 'keyBurnt', target: '#connection.conflict', actions: 'keepError' },
  { target: '#connection.disconnected', actions: 'keepError' },
] as const;

/**
 * One account's connection to Telegram: it never gives up, and it always says where it stands.
 * `authenticated` means that Telegram has confirmed the login over this very link.
 */
export const connectionMachine = setup({
  types: { context: {} as ConnectionContext, events: {} as ConnectionEvent, input: {} as ConnectionPolicy },
  actors: {
    takeTurn: fromPromise<void>(unbound),
    openLink: fromPromise<void, { generation: number }>(unbound),
    closeLink: fromPromise<void>(unbound),
    ping: fromPromise<void>(unbound),
    catchUp: fromPromise<void>(unbound),
    logOut: fromPromise<void>(unbound),
  },
  guards: {
    isCurrent: ({ context, event }) => event.type === 'LINK_DOWN' && event.generation === context.generation,
    needsLogin: ({ event }) => errorOf(event).fault === 'reauth',
    isDeactivated: ({ event }) => errorOf(event).code === 'TELEGRAM_DEACTIVATED',
    // Telegram's servers say so of good keys too, at times: believed when it is said twice in a row.
    keyDoubted: ({ context, event }) =>
      errorOf(event).code === 'TELEGRAM_KEY_UNKNOWN' && context.lastError?.code !== 'TELEGRAM_KEY_UNKNOWN',
    keyBurnt: ({ event }) => errorOf(event).code === 'TELEGRAM_KEY_DUPLICATED',
    leaseGone: ({ event }) => LEASE_IS_GONE.has(errorOf(event).code),
    mayBePostponed: ({ event }) =>
      !['reauth', 'conflict'].includes(errorOf(event).fault) && !LINK_IS_GONE.has(errorOf(event).code),
  },
  actions: {
    nextGeneration: assign({ generation: ({ context }) => context.generation + 1, delayMs: null }),
    keepError: assign(({ event }) => ({ lastError: errorRecord(errorOf(event)) })),
    keepTimeout: assign({
      lastError: errorRecord(new VigiliaError('TELEGRAM_TIMEOUT', `no login within ${OPEN_DEADLINE_MS / 1000} s`)),
    }),
    keepLoggedOut: assign({
      lastError: errorRecord(new VigiliaError('SESSION_MISSING', 'the account was logged out: it has to be logged in')),
    }),
    markPong: assign({ lastPongAt: ({ context }) => context.policy.now() }),
    resetAttempts: assign({ attempt: 0 }),
    // A time that was named is waited for first; the backoff then spreads those who were told the same.
    planBackoff: assign(({ context, event }) => ({
      attempt: context.attempt + 1,
      delayMs: namedDelayMs(event) + context.policy.backoffMs(context.attempt),
    })),
    clearError: assign({ lastError: null }),
    planCatchUp: assign(({ event }) => ({ catchUpPauseMs: errorOf(event).retryAfterMs ?? CATCH_UP_PAUSE_MS })),
    endTurn: unbound,
    tellConnecting: unbound,
    tellAuthenticated: unbound,
    tellLive: unbound,
    tellPostponed: unbound,
    tellUnavailable: unbound,
    tellDisconnected: unbound,
    tellBackoff: unbound,
    tellReauth: unbound,
    tellDeactivated: unbound,
    tellConflict: unbound,
    tellLeaseLost: unbound,
    tellLoggedIn: unbound,
    tellStopping: unbound,
  },
  delays: {
    pingInterval: PING_INTERVAL_MS,
    stable: STABLE_AFTER_MS,
    openDeadline: OPEN_DEADLINE_MS,
    closeDeadline: CLOSE_DEADLINE_MS,
    leaseLook: LEASE_LOOK_MS,
    backoff: ({ context }) => context.delayMs ?? 0,
    catchUpPause: ({ context }) => context.catchUpPauseMs,
  },
}).createMachine({
  id: 'connection',
  context: ({ input }) => ({
    policy: input,
    generation: 0,
    attempt: 0,
    lastError: null,
    lastPongAt: null,
    delayMs: null,
    catchUpPauseMs: 0,
  }),
  initial: 'connecting',
  on: { SHUTDOWN: '.stopping', LOGGED_IN: '.changing-session' },
  states: {
    connecting: {
      entry: ['nextGeneration', 'tellConnecting'],
      exit: 'endTurn',
      initial: 'queued',
      states: {
        // Hundreds of accounts that all begin at once would leave the process no time for anything else, and none would be done in time.
        queued: { invoke: { src: 'takeTurn', onDone: 'opening' } },
        opening: {
          invoke: {
            src: 'openLink',
            input: ({ context }) => ({ generation: context.generation }),
            onDone: { target: '#connection.authenticated', actions: 'clearError' },
            onError: [
              { guard: 'keyDoubted', target: '#connection.disconnected', actions: 'keepError' },
              { guard: 'isDeactivated', target: '#connection.deactivated', actions: 'keepError' },
              { guard: 'needsLogin', target: '#connection.reauth-required', actions: 'keepError' },
              ...afterFailure,
            ],
          },
          after: { openDeadline: { target: '#connection.disconnected', actions: 'keepTimeout' } },
        },
      },
    },
    authenticated: {
      entry: 'tellAuthenticated',
      exit: 'tellUnavailable',
      on: {
        LINK_DOWN: [
          { guard: and(['isCurrent', 'leaseGone']), target: 'lease-lost', actions: 'keepError' },
          { guard: and(['isCurrent', 'keyBurnt']), target: 'conflict', actions: 'keepError' },
          { guard: 'isCurrent', target: 'disconnected', actions: 'keepError' },
        ],
        LOG_OUT: 'logging-out',
      },
      type: 'parallel',
      states: {
        heartbeat: {
          initial: 'pinging',
          states: {
            pinging: { invoke: { src: 'ping', onDone: { target: 'waiting', actions: 'markPong' }, onError: afterFailure } },
            waiting: { after: { pingInterval: 'pinging' }, on: { SUSPECT: 'pinging' } },
          },
        },
        service: {
          initial: 'catching-up',
          states: {
            'catching-up': {
              invoke: {
                src: 'catchUp',
                onDone: 'live',
                // A flood wait on one method is no reason to give up a connection on which the others work.
                onError: [{ guard: 'mayBePostponed', target: 'postponed', actions: 'planCatchUp' }, ...afterFailure],
              },
            },
            postponed: { entry: 'tellPostponed', after: { catchUpPause: 'catching-up' } },
            live: { entry: 'tellLive' },
          },
        },
        stability: {
          initial: 'settling',
          states: { settling: { after: { stable: 'stable' } }, stable: { entry: 'resetAttempts' } },
        },
      },
    },
    disconnected: {
      entry: ['planBackoff', 'tellDisconnected'],
      invoke: { src: 'closeLink', onDone: 'backoff', onError: 'backoff' },
      after: { closeDeadline: 'backoff' },
    },
    backoff: { entry: 'tellBackoff', after: { backoff: 'connecting' } },
    'reauth-required': { entry: 'tellReauth', invoke: { src: 'closeLink', onError: {} } },
    // Told apart from a lost session: a login of the same person does not help.
    deactivated: { entry: 'tellDeactivated', invoke: { src: 'closeLink', onError: {} } },
    conflict: { entry: 'tellConflict', invoke: { src: 'closeLink', onError: {} } },
    // Told apart from a burnt key: no person is needed. Whoever has the account now may have saved another session, so it is read again.
    'lease-lost': {
      entry: 'tellLeaseLost',
      invoke: { src: 'closeLink', onError: {} },
      after: { leaseLook: 'connecting' },
    },
    // The old session's socket is closed before the new one is opened: what is under way on it ends as with any drop.
    'changing-session': {
      entry: ['clearError', 'resetAttempts', 'tellLoggedIn'],
      invoke: { src: 'closeLink', onDone: 'connecting', onError: 'connecting' },
      after: { closeDeadline: 'connecting' },
    },
    'logging-out': {
      invoke: {
        src: 'logOut',
        onDone: { target: 'reauth-required', actions: 'keepLoggedOut' },
        onError: [{ guard: 'needsLogin', target: 'reauth-required', actions: 'keepError' }, ...afterFailure],
      },
    },
    stopping: {
      entry: 'tellStopping',
      invoke: { src: 'closeLink', onDone: 'stopped', onError: 'stopped' },
      after: { closeDeadline: 'stopped' },
      on: { SHUTDOWN: {}, LOGGED_IN: {} },
    },
    stopped: { type: 'final' },
  },
});
