import { type AnyActorRef, and, assign, not, setup } from 'xstate';
import { type Fault, reasonBehind, VigiliaError } from '../errors.ts';
import { decideRestart, type ExitReason, type Intensity, type RestartType, recentRestarts } from './restart.ts';

/** What the supervisor has to know of a child to decide about it. */
interface ChildPolicy {
  readonly id: string;
  readonly restart: RestartType;
}

interface SupervisorInput {
  readonly path: string;
  /** In the order in which they start; they stop in the reverse one. */
  readonly children: readonly ChildPolicy[];
  readonly intensity: Intensity;
  readonly now: () => number;
}

interface SupervisorContext extends SupervisorInput {
  /** Children still to start, or still to stop, next one first. */
  readonly queue: readonly string[];
  /** Children that have been started and not forgotten: they have a life, or wait for one. */
  readonly running: readonly string[];
  /** Times of the restarts that still count, in ms. */
  readonly restarts: readonly number[];
  /** The slots' refs, kept so that XState keeps them. */
  readonly slots: readonly AnyActorRef[];
  /** Why the supervisor gave up. */
  readonly failure: VigiliaError | undefined;
}

/** What slots say; `CHILD_DOWN` after a stop counts as an exit like any other. */
export type SupervisorEvent =
  | { readonly type: 'CHILD_UP'; readonly id: string }
  | { readonly type: 'CHILD_DOWN'; readonly id: string; readonly exit: ExitReason; readonly error: unknown }
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('supervisor.machine is a chart: supervisor.actor binds its actions');
}

/** Faults that another life would meet again: a foreign database, a taken port, a world that cannot be read. */
const HOPELESS: ReadonlySet<Fault | undefined> = new Set<Fault | undefined>(['conflict', 'permanent']);

function faultBehind(event: SupervisorEvent): Fault | undefined {
  return event.type === 'CHILD_DOWN' && event.error !== undefined ? reasonBehind(event.error).fault : undefined;
}

const headOf = (context: SupervisorContext): string | undefined => context.queue[0];

function decide(context: SupervisorContext, event: SupervisorEvent) {
  if (event.type !== 'CHILD_DOWN') return 'forget';
  const child = context.children.find(({ id }) => id === event.id);
  if (!child) return 'forget';
  return decideRestart(child.restart, event.exit, context.restarts, context.intensity, context.now());
}

/**
 * one_for_one, as OTP has it: children start in order, each waits for the one before; one that ends is started again by its policy;
 * too many restarts within the period, or a first start that fails, and the supervisor stops its children in reverse order and gives up itself.
 * Other than in OTP, a first start that fails for a reason that passes by itself is tried again, within the intensity, and a failure that
 * cannot pass is not met by restarts at all.
 * @see https://www.erlang.org/doc/apps/stdlib/supervisor.html
 */
export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as { readonly failure?: VigiliaError },
  },
  guards: {
    isHead: ({ context, event }) => 'id' in event && event.id === headOf(context),
    mayPass: ({ event }) => faultBehind(event) === 'transient',
    isHopeless: ({ event }) => HOPELESS.has(faultBehind(event)),
    queueEmpty: ({ context }) => context.queue.length === 0,
    mustRestart: ({ context, event }) => decide(context, event) === 'restart',
    mustGiveUp: ({ context, event }) => decide(context, event) === 'give-up',
  },
  actions: {
    queueAll: assign({ queue: ({ context }) => context.children.map(({ id }) => id) }),
    markRunning: assign(({ context }) => ({ running: [...context.running, ...context.queue.slice(0, 1)] })),
    shift: assign({ queue: ({ context }) => context.queue.slice(1) }),
    forget: assign(({ context, event }) => ('id' in event ? { running: context.running.filter((id) => id !== event.id) } : {})),
    countRestart: assign(({ context }) => {
      const now = context.now();
      return { restarts: [...recentRestarts(context.restarts, context.intensity, now), now] };
    }),
    noteStartFailure: assign(({ context, event }) => ({ failure: giveUp(context, event, 'did not start') })),
    noteHopeless: assign(({ context, event }) => ({ failure: giveUp(context, event, 'failed in a way that does not pass') })),
    noteGiveUp: assign(({ context, event }) => ({
      failure: giveUp(
        context,
        event,
        `failed more than ${context.intensity.maxRestarts} times within ${context.intensity.periodMs} ms`,
      ),
    })),
    queueReverse: assign({ queue: ({ context }) => [...context.running].reverse() }),
    unqueue: assign(({ context, event }) => ('id' in event ? { queue: context.queue.filter((id) => id !== event.id) } : {})),
    /** Starts the child at the head of the queue. */
    startHead: unbound,
    /** Starts the child of the event again, after its backoff. */
    restartChild: unbound,
    /** Stops the child at the head of the queue. */
    stopHead: unbound,
    tellReady: unbound,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, queue: [], running: [], restarts: [], slots: [], failure: undefined }),
  entry: 'queueAll',
  initial: 'starting',
  output: ({ context }) => (context.failure ? { failure: context.failure } : {}),
  states: {
    starting: {
      initial: 'next',
      states: {
        next: {
          always: [
            { guard: 'queueEmpty', target: '#supervisor.running' },
            { target: 'awaiting', actions: ['markRunning', 'startHead'] },
          ],
        },
        awaiting: { on: { CHILD_UP: { guard: 'isHead', target: 'next', actions: 'shift' } } },
      },
      on: {
        CHILD_DOWN: [
          { guard: and(['isHead', not('mayPass')]), target: 'stopping', actions: ['forget', 'noteStartFailure'] },
          { guard: 'isHopeless', target: 'stopping', actions: ['forget', 'noteHopeless'] },
          { guard: 'mustRestart', actions: ['countRestart', 'restartChild'] },
          { guard: 'mustGiveUp', target: 'stopping', actions: ['forget', 'noteGiveUp'] },
          { actions: 'forget' },
        ],
        SHUTDOWN: 'stopping',
      },
    },
    running: {
      entry: 'tellReady',
      on: {
        CHILD_DOWN: [
          { guard: 'isHopeless', target: 'stopping', actions: ['forget', 'noteHopeless'] },
          { guard: 'mustRestart', actions: ['countRestart', 'restartChild'] },
          { guard: 'mustGiveUp', target: 'stopping', actions: ['forget', 'noteGiveUp'] },
          { actions: 'forget' },
        ],
        SHUTDOWN: 'stopping',
      },
    },
    stopping: {
      entry: 'queueReverse',
      initial: 'next',
      states: {
        next: {
          always: [
            { guard: 'queueEmpty', target: '#supervisor.ended' },
            { target: 'awaiting', actions: 'stopHead' },
          ],
        },
        awaiting: { on: { CHILD_DOWN: { guard: 'isHead', target: 'next', actions: ['forget', 'shift'] } } },
      },
      // Another one that ends meanwhile, by itself, has nothing left to stop.
      on: { CHILD_DOWN: { actions: ['forget', 'unqueue'] } },
    },
    ended: { type: 'final' },
  },
});

function giveUp(context: SupervisorContext, event: SupervisorEvent, what: string): VigiliaError {
  const child = 'id' in event ? event.id : '?';
  const cause = event.type === 'CHILD_DOWN' ? event.error : undefined;
  return new VigiliaError('GAVE_UP', `${context.path}/${child} ${what}`, { cause });
}
