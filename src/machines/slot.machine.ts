import { type AnyActorLogic, assign, setup } from 'xstate';
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

/** `READY` names the incarnation that became ready: a word of an earlier life is not heard. */
export type SlotEvent =
  | { readonly type: 'START'; readonly delayMs: number }
  | { readonly type: 'STOP' }
  | { readonly type: 'READY'; readonly incarnation: number };

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
    isCurrent: ({ context, event }) => event.type === 'READY' && event.incarnation === context.incarnation,
    endedBadly: ({ event }) => failureIn((event as { output?: unknown }).output) !== undefined,
  },
  actions: {
    plan: assign(({ event }) => (event.type === 'START' ? { delayMs: event.delayMs } : {})),
    nextIncarnation: assign({ incarnation: ({ context }) => context.incarnation + 1 }),
    noteNormal: assign({ exit: 'normal', error: undefined }),
    noteShutdown: assign({ exit: 'shutdown', error: undefined }),
    noteFailure: assign(({ event }) => ({ exit: 'failure', error: (event as { error?: unknown }).error })),
    noteBadEnd: assign(({ event }) => ({ exit: 'failure', error: failureIn((event as { output?: unknown }).output) })),
    noteLate: assign(({ context }) => ({
      exit: 'failure',
      error: new VigiliaError('START_TIMEOUT', `not ready within ${context.readyMs} ms`),
    })),
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
      invoke: {
        id: 'child',
        src: 'child',
        input: ({ context }: { context: SlotContext }) => ({ incarnation: context.incarnation }),
        onDone: [
          { guard: 'endedBadly', target: 'down', actions: 'noteBadEnd' },
          { target: 'down', actions: 'noteNormal' },
        ],
        onError: { target: 'down', actions: 'noteFailure' },
      },
      initial: 'starting',
      states: {
        starting: {
          after: { readyDeadline: { target: '#slot.down', actions: 'noteLate' } },
          on: { READY: { guard: 'isCurrent', target: 'up' }, STOP: 'stopping' },
        },
        up: { entry: 'tellUp', on: { STOP: 'stopping' } },
        stopping: {
          entry: 'askToStop',
          after: { shutdownDeadline: { target: '#slot.down', actions: 'noteShutdown' } },
        },
      },
    },
    // The child is gone, by itself or by leaving `alive`, which kills it.
    down: {
      entry: 'tellDown',
      on: { START: { target: 'waiting', actions: 'plan' }, STOP: { actions: ['noteShutdown', 'tellDown'] } },
    },
  },
});
