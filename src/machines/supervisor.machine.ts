import { type AnyActorRef, and, assign, enqueueActions, not, setup } from 'xstate';
import { type Fault, reasonBehind, VigiliaError } from '../errors.ts';
import {
  decideRestart,
  type ExitReason,
  type Intensity,
  type RestartDecision,
  type RestartType,
  recentRestarts,
  restartGroup,
  type Strategy,
} from './restart.ts';

/** What the supervisor has to know of a child to decide about it. */
interface ChildPolicy {
  readonly id: string;
  readonly restart: RestartType;
}

interface SupervisorInput {
  readonly path: string;
  readonly strategy: Strategy;
  /** In the order in which they start; they stop in the reverse one. */
  readonly children: readonly ChildPolicy[];
  readonly intensity: Intensity;
  /** A child beyond the intensity, which is counted for each alone, is put aside instead of taking the others with it. */
  readonly quarantines: boolean;
  readonly now: () => number;
  /** How long a child waits before it starts again, by how often it has failed in a row before (from 0). */
  readonly backoffMs: (id: string, attempt: number) => number;
}

interface SupervisorContext extends SupervisorInput {
  /** Children still to start, or still to stop, next one first. */
  readonly queue: readonly string[];
  /** Children that have been started and not forgotten: they have a life, or wait for one. */
  readonly running: readonly string[];
  /** The restarts that still count, with their times in ms by the monotonic clock. */
  readonly restarts: readonly Restart[];
  /** Failures in a row of each child, for its backoff: one that stayed up longer than the period starts anew. */
  readonly failures: Readonly<Record<string, { readonly count: number; readonly lastAt: number }>>;
  /** Those who end and start again together, in the order in which they start. */
  readonly group: readonly string[];
  /** How long the child whose restart was decided last waits before it. */
  readonly delayMs: number;
  /** How long the group waits before it starts again. */
  readonly pauseMs: number;
  /** Children that were added while the supervisor ran and have not been up yet. */
  readonly fresh: readonly string[];
  /** Children that somebody stopped, and what becomes of them once they are down. */
  readonly held: Readonly<Record<string, 'suspended' | 'removed'>>;
  /** Commands that came while children were being started. */
  readonly postponed: readonly SupervisorCommand[];
  /** The slots' refs, kept so that XState keeps them. */
  readonly slots: Readonly<Record<string, AnyActorRef>>;
  /** Why the supervisor gave up. */
  readonly failure: VigiliaError | undefined;
}

interface Restart {
  readonly id: string;
  readonly at: number;
}

/** What people and programs may ask of a supervisor. */
export interface SupervisorCommand {
  /**
   * `ADD` starts a new child (OTP's `start_child`), `REMOVE` stops one and forgets it (`terminate_child` and `delete_child`),
   * `SUSPEND` stops one until `RESUME` (`terminate_child`, `restart_child`), `RESTART` stops one, and those that depend on it, and starts them again.
   */
  readonly type: 'ADD' | 'REMOVE' | 'SUSPEND' | 'RESUME' | 'RESTART';
  readonly id: string;
  /** @default 'permanent'. Of a new child. */
  readonly restart?: RestartType;
  /** What a new child is made of, for who starts it. */
  readonly spec?: unknown;
  /** Which question it is, for the answer. */
  readonly ask?: number;
}

/** What slots say; `CHILD_DOWN` after a stop counts as an exit like any other. */
export type SupervisorEvent =
  | { readonly type: 'CHILD_UP'; readonly id: string }
  | { readonly type: 'CHILD_DOWN'; readonly id: string; readonly exit: ExitReason; readonly error: unknown }
  | (SupervisorCommand & { readonly type: 'ADD' })
  | (SupervisorCommand & { readonly type: 'REMOVE' })
  | (SupervisorCommand & { readonly type: 'SUSPEND' })
  | (SupervisorCommand & { readonly type: 'RESUME' })
  | (SupervisorCommand & { readonly type: 'RESTART' })
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('supervisor.machine is a chart: supervisor.actor binds its actions');
}

/** Faults that another life would meet again: a foreign database, a taken port, a world that cannot be read. */
const HOPELESS: ReadonlySet<Fault | undefined> = new Set<Fault | undefined>(['conflict', 'permanent']);

function faultBehind(event: SupervisorEvent): Fault | undefined {
  return event.type === 'CHILD_DOWN' && event.error !== undefined ? reasonBehind(event.error).fault : undefined;
}

/** A restart decided now: it counts, and the child's next delay follows from it. */
function noteRestart(context: SupervisorContext, id: string) {
  const { intensity, failures } = context;
  const at = context.now();
  const before = failures[id];
  const attempt = before && at - before.lastAt < intensity.periodMs ? before.count : 0;
  return {
    restarts: [...context.restarts.filter((restart) => recentRestarts([restart.at], intensity, at).length > 0), { id, at }],
    failures: { ...failures, [id]: { count: attempt + 1, lastAt: at } },
    delayMs: context.backoffMs(id, attempt),
  };
}

const isHead = (context: SupervisorContext, event: SupervisorEvent): boolean => 'id' in event && event.id === context.queue[0];
const isTemporary = (context: SupervisorContext, child: string): boolean =>
  context.children.some(({ id, restart }) => id === child && restart === 'temporary');
const idsOf = (context: SupervisorContext): string[] => context.children.map(({ id }) => id);
const without = (ids: readonly string[], event: SupervisorEvent): readonly string[] =>
  'id' in event ? ids.filter((id) => id !== event.id) : ids;

/** OTP's six clauses, and one before them: what cannot pass is not met by restarts. */
function decide(context: SupervisorContext, event: SupervisorEvent): RestartDecision {
  if (event.type !== 'CHILD_DOWN') return 'forget';
  const child = context.children.find(({ id }) => id === event.id);
  if (!child) return 'forget';
  const counted = context.quarantines ? context.restarts.filter(({ id }) => id === event.id) : context.restarts;
  const times = counted.map(({ at }) => at);
  const decision = decideRestart(child.restart, event.exit, times, context.intensity, context.now());
  return decision === 'restart' && HOPELESS.has(faultBehind(event)) ? 'give-up' : decision;
}

/** A first start is not a restart: it is tried again only where the reason passes by itself, or where nobody else suffers by it. */
function startedInVain(context: SupervisorContext, event: SupervisorEvent): boolean {
  if (context.quarantines) return false;
  return event.type === 'CHILD_DOWN' && !(faultBehind(event) === 'transient' && decide(context, event) !== 'forget');
}

/**
 * OTP's supervisor. Children start in order, each waits for the one before. One that ends is started again by its policy and its
 * supervisor's strategy: alone, with all others, or with those after it, which end first, in reverse order. Too many restarts within the period,
 * or a first start that fails, and the supervisor stops its children in reverse order and gives up itself; one that quarantines puts the
 * child aside instead. Other than in OTP, a first start that fails for a reason that passes by itself is tried again, within the
 * intensity, and a failure that cannot pass is not met by restarts at all.
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
    isHead: ({ context, event }) => isHead(context, event),
    queueEmpty: ({ context }) => context.queue.length === 0,
    isHeld: ({ context, event }) => 'id' in event && context.held[event.id] !== undefined,
    isQueued: ({ context, event }) => 'id' in event && context.queue.includes(event.id),
    isIsolated: ({ context }) => context.strategy === 'one_for_one',
    isKnown: ({ context, event }) => 'id' in event && idsOf(context).includes(event.id),
    isRunning: ({ context, event }) => 'id' in event && context.running.includes(event.id) && !context.held[event.id],
    isSuspended: ({ context, event }) =>
      'id' in event && !context.running.includes(event.id) && context.held[event.id] === 'suspended',
    isTemporary: ({ context, event }) => 'id' in event && isTemporary(context, event.id),
    quarantines: ({ context }) => context.quarantines,
    startedInVain: ({ context, event }) => startedInVain(context, event),
    addedInVain: ({ context, event }) => 'id' in event && context.fresh.includes(event.id) && startedInVain(context, event),
    mustQuarantine: ({ context, event }) => context.quarantines && decide(context, event) === 'give-up',
    mustRestart: ({ context, event }) => decide(context, event) === 'restart',
    mustGiveUp: ({ context, event }) => decide(context, event) === 'give-up',
    mustForget: ({ context, event }) => decide(context, event) === 'forget',
  },
  actions: {
    queueAll: assign({ queue: ({ context }) => idsOf(context) }),
    queueReverse: assign({
      queue: ({ context }) =>
        idsOf(context)
          .filter((id) => context.running.includes(id))
          .reverse(),
    }),
    queueGroupReverse: assign({ queue: ({ context }) => context.group.filter((id) => context.running.includes(id)).reverse() }),
    queueGroup: assign({
      queue: ({ context }) => context.group.filter((id) => idsOf(context).includes(id) && !context.held[id]),
    }),
    markRunning: assign({ running: ({ context }) => [...context.running, ...context.queue.slice(0, 1)] }),
    shift: assign({ queue: ({ context }) => context.queue.slice(1) }),
    unqueue: assign({ queue: ({ context, event }) => without(context.queue, event) }),
    noteUp: assign({ fresh: ({ context, event }) => without(context.fresh, event) }),
    /**
     * It has no life and waits for none. What somebody wanted of it can be done now; and of a temporary child, which is never started
     * again, nothing is left.
     */
    forget: enqueueActions(({ context, event, enqueue }) => {
      if (!('id' in event)) return;
      const held = context.held[event.id];
      enqueue.assign({ running: without(context.running, event) });
      if (held === 'removed' || isTemporary(context, event.id)) enqueue('bury');
      else if (held === 'suspended') enqueue('suspendChild');
      if (held) enqueue('answerDown');
    }),
    bury: enqueueActions(({ context, event, enqueue }) => {
      if (!('id' in event)) return;
      const { [event.id]: _, ...held } = context.held;
      const { [event.id]: __, ...failures } = context.failures;
      enqueue.assign({
        children: context.children.filter(({ id }) => id !== event.id),
        held,
        failures,
        fresh: without(context.fresh, event),
      });
      enqueue('refuseStart');
      enqueue('dropChild');
    }),
    countRestart: assign(({ context, event }) => ('id' in event ? noteRestart(context, event.id) : {})),
    formGroup: assign({
      group: ({ context, event }) => ('id' in event ? restartGroup(context.strategy, idsOf(context), event.id) : []),
    }),
    pauseAsPlanned: assign({ pauseMs: ({ context }) => context.delayMs }),
    pauseNot: assign({ pauseMs: 0 }),
    noteStartFailure: assign(({ context, event }) => ({ failure: giveUp(context, event, 'did not start') })),
    noteGiveUp: assign(({ context, event }) => ({ failure: giveUp(context, event, whyGivenUp(context, event)) })),
    adopt: assign(({ context, event }) =>
      event.type === 'ADD'
        ? {
            children: [...context.children, { id: event.id, restart: event.restart ?? ('permanent' as const) }],
            fresh: [...context.fresh, event.id],
            running: [...context.running, event.id],
          }
        : {},
    ),
    hold: assign(({ context, event }) => {
      if (event.type !== 'SUSPEND' && event.type !== 'REMOVE') return {};
      return { held: { ...context.held, [event.id]: event.type === 'SUSPEND' ? ('suspended' as const) : ('removed' as const) } };
    }),
    unhold: assign(({ context, event }) => {
      if (!('id' in event)) return {};
      const { [event.id]: _, ...held } = context.held;
      return { held, running: [...without(context.running, event), event.id] };
    }),
    postpone: assign(({ context, event }) => ({ postponed: [...context.postponed, event as SupervisorCommand] })),
    replay: enqueueActions(({ context, enqueue }) => {
      for (const command of context.postponed) enqueue.raise(command as SupervisorEvent);
      enqueue.assign({ postponed: [] });
    }),
    /** Starts the child at the head of the queue. */
    startHead: unbound,
    /** Starts the child of the event. */
    startChild: unbound,
    /** Starts the child of the event again, after its backoff. */
    restartChild: unbound,
    /** Stops the child at the head of the queue. */
    stopHead: unbound,
    /** Stops the child of the event. */
    stopChild: unbound,
    /** Puts the child of the event aside for long. */
    quarantineChild: unbound,
    /** Lets the child of the event, which is down, lie until somebody resumes it. */
    suspendChild: unbound,
    /** Lets go of the child of the event, which is down, for ever. */
    dropChild: unbound,
    tellReady: unbound,
    /** Notes that the command of the event is being done. */
    accept: unbound,
    /** Tells who sent the command of the event that it is not done. */
    refuse: unbound,
    /** Tells those who wait for the child of the event to be up. */
    answerUp: unbound,
    /** Tells those who wait for the child of the event to be down; those who wait for it to be up, that it will not be. */
    answerDown: unbound,
    /** Tells those who wait for the child of the event to be up that it will not be. */
    refuseStart: unbound,
    /** Tells all who still wait for an answer that there will be none. */
    refuseAll: unbound,
    /** Shows of each in the group when it starts again. */
    showPause: unbound,
    /** Says that the child of the event failed and starts again. */
    sayRestart: unbound,
  },
  delays: { backoff: ({ context }) => context.pauseMs },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    queue: [],
    running: [],
    restarts: [],
    failures: {},
    group: [],
    delayMs: 0,
    pauseMs: 0,
    fresh: [],
    held: {},
    postponed: [],
    slots: {},
    failure: undefined,
  }),
  initial: 'serving',
  output: ({ context }) => (context.failure ? { failure: context.failure } : {}),
  states: {
    serving: {
      initial: 'starting',
      on: {
        CHILD_UP: { actions: ['noteUp', 'answerUp'] },
        // What is true of every child that ends, wherever the supervisor is; its states below come first.
        CHILD_DOWN: [
          { guard: 'isHeld', actions: 'forget' },
          { guard: 'mustQuarantine', actions: ['noteUp', 'refuseStart', 'quarantineChild'] },
          { guard: 'addedInVain', actions: ['forget', 'bury'] },
          { guard: and(['mustRestart', 'isIsolated']), actions: ['countRestart', 'sayRestart', 'restartChild'] },
          {
            guard: 'mustRestart',
            target: '.regrouping',
            actions: ['forget', 'countRestart', 'sayRestart', 'formGroup', 'pauseAsPlanned'],
          },
          { guard: 'mustGiveUp', target: 'stopping', actions: ['forget', 'noteGiveUp'] },
          { actions: ['forget', 'refuseStart'] },
        ],
        SHUTDOWN: 'stopping',
        // Children are being started; one thing after the other.
        ADD: { actions: 'postpone' },
        REMOVE: { actions: 'postpone' },
        SUSPEND: { actions: 'postpone' },
        RESUME: { actions: 'postpone' },
        RESTART: { actions: 'postpone' },
      },
      states: {
        starting: {
          entry: 'queueAll',
          initial: 'next',
          states: {
            next: {
              always: [
                { guard: 'queueEmpty', target: '#supervisor.serving.running' },
                { target: 'awaiting', actions: ['markRunning', 'startHead'] },
              ],
            },
            awaiting: {
              on: {
                CHILD_UP: { guard: 'isHead', target: 'next', actions: ['shift', 'noteUp', 'answerUp'] },
                CHILD_DOWN: [
                  {
                    guard: and(['isHead', 'startedInVain']),
                    target: '#supervisor.stopping',
                    actions: ['forget', 'noteStartFailure'],
                  },
                  // Where one may fail without the others, they do not wait for it either.
                  { guard: and(['isHead', 'mustQuarantine']), target: 'next', actions: ['shift', 'quarantineChild'] },
                  {
                    guard: and(['isHead', 'quarantines', 'mustRestart']),
                    target: 'next',
                    actions: ['shift', 'countRestart', 'sayRestart', 'restartChild'],
                  },
                  { guard: and(['isHead', 'mustForget']), target: 'next', actions: ['forget', 'shift'] },
                ],
              },
            },
          },
        },
        running: {
          entry: ['tellReady', 'replay'],
          on: {
            ADD: [{ guard: 'isKnown', actions: 'refuse' }, { actions: ['accept', 'adopt', 'startChild'] }],
            REMOVE: [{ guard: 'isKnown', actions: ['accept', 'hold', 'stopChild'] }, { actions: 'refuse' }],
            SUSPEND: [{ guard: 'isRunning', actions: ['accept', 'hold', 'stopChild'] }, { actions: 'refuse' }],
            RESUME: [{ guard: 'isSuspended', actions: ['accept', 'unhold', 'startChild'] }, { actions: 'refuse' }],
            RESTART: [
              {
                guard: and(['isKnown', not('isHeld'), not('isTemporary')]),
                target: 'regrouping',
                actions: ['accept', 'formGroup', 'pauseNot'],
              },
              { actions: 'refuse' },
            ],
          },
        },
        // A child failed and others depend on it: they end first, all wait, and they start again in order.
        regrouping: {
          initial: 'draining',
          states: {
            draining: {
              entry: 'queueGroupReverse',
              initial: 'next',
              states: {
                next: {
                  always: [
                    { guard: 'queueEmpty', target: '#supervisor.serving.regrouping.pausing' },
                    { target: 'awaiting', actions: 'stopHead' },
                  ],
                },
                awaiting: {
                  on: {
                    CHILD_DOWN: [
                      { guard: 'isHead', target: 'next', actions: ['forget', 'shift'] },
                      // One that ends by itself before its turn has nothing left to stop.
                      { guard: 'isQueued', actions: ['forget', 'unqueue'] },
                    ],
                  },
                },
              },
            },
            pausing: { entry: 'showPause', after: { backoff: 'starting' } },
            starting: {
              entry: 'queueGroup',
              initial: 'next',
              states: {
                next: {
                  always: [
                    { guard: 'queueEmpty', target: '#supervisor.serving.running' },
                    { target: 'awaiting', actions: ['markRunning', 'startHead'] },
                  ],
                },
                awaiting: {
                  on: {
                    CHILD_UP: { guard: 'isHead', target: 'next', actions: ['shift', 'noteUp', 'answerUp'] },
                    CHILD_DOWN: [
                      {
                        guard: and(['isHead', 'mustQuarantine']),
                        target: 'next',
                        actions: ['shift', 'refuseStart', 'quarantineChild'],
                      },
                      { guard: and(['isHead', 'addedInVain']), target: 'next', actions: ['forget', 'shift', 'bury'] },
                      { guard: and(['isHead', 'mustForget']), target: 'next', actions: ['forget', 'shift', 'refuseStart'] },
                    ],
                  },
                },
              },
            },
          },
        },
      },
    },
    stopping: {
      entry: ['refuseAll', 'queueReverse'],
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
      on: {
        CHILD_DOWN: { actions: ['forget', 'unqueue'] },
        ADD: { actions: 'refuse' },
        REMOVE: { actions: 'refuse' },
        SUSPEND: { actions: 'refuse' },
        RESUME: { actions: 'refuse' },
        RESTART: { actions: 'refuse' },
      },
    },
    ended: { type: 'final' },
  },
});

function whyGivenUp({ intensity }: SupervisorContext, event: SupervisorEvent): string {
  if (HOPELESS.has(faultBehind(event))) return 'failed in a way that does not pass';
  return `failed more than ${intensity.maxRestarts} times within ${intensity.periodMs} ms`;
}

function giveUp(context: SupervisorContext, event: SupervisorEvent, what: string): VigiliaError {
  const child = 'id' in event ? event.id : '?';
  const cause = event.type === 'CHILD_DOWN' ? event.error : undefined;
  return new VigiliaError('GAVE_UP', `${context.path}/${child} ${what}`, { cause });
}
