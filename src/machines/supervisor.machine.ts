import { and, assign, enqueueActions, not, setup } from 'xstate';
import type { VigiliaError } from '../errors.ts';
import { restartGroup } from './restart.ts';
import {
  decide,
  giveUp,
  idsOf,
  isHead,
  isTemporary,
  noteRestart,
  type SupervisorCommand,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
  startedInVain,
  whyGivenUp,
  without,
} from './supervisor-decision.ts';

function unbound(): never {
  throw new Error('supervisor.machine is a chart: supervisor.actor binds its actions');
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
                    // Nothing stands on it: what is wanted of the others does not wait until it is up, which may be never.
                    {
                      guard: 'isIsolated',
                      target: '#supervisor.serving.running',
                      actions: ['markRunning', 'startHead', 'shift'],
                    },
                    { target: 'awaiting', actions: ['markRunning', 'startHead'] },
                  ],
                },
                awaiting: {
                  on: {
                    CHILD_UP: { guard: 'isHead', target: 'next', actions: ['shift', 'noteUp', 'answerUp'] },
                    CHILD_DOWN: [
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
