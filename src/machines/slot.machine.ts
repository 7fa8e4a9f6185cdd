import { type AnyActorLogic, assign, setup, stateIn } from 'xstate';
import { VigiliaError } from '../errors.ts';
import type { ExitReason } from './restart.ts';

/** How long a child may take to become ready and to stop, in ms. */
interface SlotInput {
  readonly readyMs: number;
  readonly shutdownMs: number;
}

interface SlotContext extends SlotInput {
  /** Counts the child's lives; it never runs twice at once. */
  readonly incarnation: number;
  readonly delayMs: number;
  /** How the last life ended; null while there was none. */
  readonly exit: ExitReason | null;
  readonly error: unknown;
}

/** `READY` and `STRAY` name the incarnation they speak of: a word of an earlier life is not heard. */
export type SlotEvent =
  | { readonly type: 'START'; readonly delayMs: number }
  | { readonly type: 'STOP' }
  | { readonly type: 'QUARANTINE'; readonly delayMs: number }
  | { readonly type: 'SUSPEND' }
  | { readonly type: 'READY'; readonly incarnation: number }
  /** A failure of the child's that XState could not see: in a timer, in a promise that nobody waits for. */
  | { readonly type: 'STRAY'; readonly incarnation: number; readonly error: unknown };

function unbound(): never {
  throw new Error('slot.machine is a chart: supervisor.actor binds its child and its reports');
}

/** What a supervisor that gave up, or any other machine with a bad end, hands over instead of throwing. */
function failureIn(output: unknown): unknown {
  return typeof output === 'object' && output !== null && 'failure' in output ? output.failure : undefined;
}

/**
 * The place of one child under its supervisor. It runs the child, watches it, and says how it ended; whether it runs again is the supervisor's decision.
 */
export const slotMachine = setup({
  types: { context: {} as SlotContext, events: {} as SlotEvent, input: {} as SlotInput },
  actors: { child: {} as AnyActorLogic },
  guards: {
    isCurrent: ({ context, event }) => 'incarnation' in event && event.incarnation === context.incarnation,
    hasStrayed: stateIn('#slot.alive.failing'),
    endedBadly: ({ event }) => failureIn((event as { output?: unknown }).output) !== undefined,
  },
  actions: {
    plan: assign(({ event }) => ('delayMs' in event ? { delayMs: event.delayMs } : {})),
    nextIncarnation: assign({ incarnation: ({ context }) => context.incarnation + 1 }),
    noteNormal: assign({ exit: 'normal', error: undefined }),
    noteShutdown: assign({ exit: 'shutdown', error: undefined }),
    noteFailure: assign(({ event }) => ({ exit: 'failure', error: (event as { error?: unknown }).error })),
    noteBadEnd: assign(({ event }) => ({ exit: 'failure', error: failureIn((event as { output?: unknown }).output) })),
    noteLate: assign(({ context }) => ({
      exit: 'failure',
      error: new VigiliaError('START_TIMEOUT', `not ready within ${context.readyMs} ms`),
    })),
    /** Ends what the child has left behind: XState leaves the children of an actor that threw running. */
    reap: unbound,
    tellUp: unbound,
    tellDown: unbound,
    askToStop: unbound,
  },
  delays: {
    backoff: ({ context }) => context.delayMs,
    readyDeadline: ({ context }) => context.readyMs,
    shutdownDeadline: ({ context }) => context.shutdownMs,
  },
}).createMachine({
  id: 'slot',
  context: ({ input }) => ({ ...input, incarnation: 0, delayMs: 0, exit: null, error: undefined }),
  initial: 'empty',
  states: {
    empty: { on: { START: { target: 'waiting', actions: 'plan' } } },
    waiting: {
      after: { backoff: 'alive' },
      on: { STOP: { target: 'down', actions: 'noteShutdown' } },
    },
    alive: {
      entry: 'nextIncarnation',
      exit: 'reap',
      invoke: {
        id: 'child',
        src: 'child',
        input: ({ context: { incarnation, exit, error } }: { context: SlotContext }) => ({ incarnation, exit, error }),
        onDone: [
          { guard: 'hasStrayed', target: 'down' },
          { guard: 'endedBadly', target: 'down', actions: 'noteBadEnd' },
          { target: 'down', actions: 'noteNormal' },
        ],
        onError: [
          { guard: 'hasStrayed', target: 'down' },
          { target: 'down', actions: 'noteFailure' },
        ],
      },
      initial: 'starting',
      states: {
        starting: {
          after: { readyDeadline: { target: '#slot.down', actions: 'noteLate' } },
          on: {
            READY: { guard: 'isCurrent', target: 'up' },
            STRAY: { guard: 'isCurrent', target: 'failing', actions: 'noteFailure' },
            STOP: 'stopping',
          },
        },
        up: {
          entry: 'tellUp',
          on: { STRAY: { guard: 'isCurrent', target: 'failing', actions: 'noteFailure' }, STOP: 'stopping' },
        },
        // Once it was asked to stop, its deadline runs: what else goes wrong in it gives it no more time.
        stopping: {
          entry: 'askToStop',
          after: { shutdownDeadline: { target: '#slot.down', actions: 'noteShutdown' } },
        },
        // It failed and still runs: what it holds (a socket, a port) is given back in order before another life wants it.
        failing: {
          entry: 'askToStop',
          after: { shutdownDeadline: '#slot.down' },
        },
      },
    },
    // The child is gone, by itself or by leaving `alive`, which kills it.
    down: {
      entry: 'tellDown',
      on: {
        START: { target: 'waiting', actions: 'plan' },
        QUARANTINE: { target: 'quarantined', actions: 'plan' },
        SUSPEND: 'suspended',
        STOP: { actions: ['noteShutdown', 'tellDown'] },
      },
    },
    // It failed too often, and its supervisor does not fall over it: it is tried again seldom.
    quarantined: {
      after: { backoff: 'alive' },
      on: { STOP: { target: 'down', actions: 'noteShutdown' } },
    },
    // Somebody stopped it, and it stays so until somebody starts it.
    suspended: {
      on: { START: { target: 'waiting', actions: 'plan' }, STOP: { target: 'down', actions: 'noteShutdown' } },
    },
  },
});
