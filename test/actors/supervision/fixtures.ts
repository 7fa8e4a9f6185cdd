import { type AnyActorLogic, assign, fromCallback, fromPromise, sendTo, setup } from 'xstate';
import type { ChildSpec, Life } from '../../../src/actors/actor.ts';
import type { Clock } from '../../../src/clock.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Runtime } from './runtime.ts';
import type { FaultName, LeafPlan, LifePlan } from './scenario.ts';

/** One life of a leaf as it is lived: what it is to do, and what it did. */
export interface Lived {
  readonly path: string;
  readonly plan: LifePlan;
  readonly leaf: LeafPlan;
  readonly life: Life;
  readonly clock: Clock;
  readonly error: Error;
  /** Resources it holds: its own run, its machine's children and theirs. */
  held: number;
  askedAt: number | undefined;
  goneAt: number | undefined;
  say: (what: 'up' | 'asked' | 'gone') => void;
}

const CODES: Readonly<Record<Exclude<FaultName, 'bug'>, ErrorCode>> = {
  transient: 'SIMULATOR_FAILED',
  permanent: 'SIMULATOR_REFUSED',
  reauth: 'SESSION_MISSING',
  conflict: 'DATA_DIR_LOCKED',
};

/** A child that does what its plan says, life after life. */
export function leafSpec(
  leaf: LeafPlan,
  path: string,
  clock: Clock,
  runtime: Runtime,
  begin: (lived: Lived) => LifePlan,
): ChildSpec {
  const { id, restart, backoff, readyMs, shutdownMs } = leaf;
  return {
    id,
    kind: leaf.kind,
    restart,
    backoff,
    readyMs,
    shutdownMs,
    start: (life) => {
      const lived: Lived = newLife(leaf, path, life, clock, runtime, begin);
      if (lived.plan.start === 'throws') {
        lived.say('gone');
        throw lived.error;
      }
      const logic = leaf.kind === 'task' ? runtime.task((signal) => runTask(lived, signal)) : machine;
      return { logic: watched(logic, lived), input: { lived, bad: false } };
    },
  };
}

function newLife(
  leaf: LeafPlan,
  path: string,
  life: Life,
  clock: Clock,
  runtime: Runtime,
  begin: (lived: Lived) => LifePlan,
): Lived {
  const nobody = { held: 0, askedAt: undefined, goneAt: undefined, say: () => {} };
  const lived = { path, leaf, life, clock, ...nobody } as unknown as Lived;
  const plan = begin(lived);
  const error = plan.fault === 'bug' ? new Error('boom') : new runtime.VigiliaError(CODES[plan.fault], 'boom');
  return Object.assign(lived, { plan, error });
}

/** The same logic; what its slot does to it is written down. */
function watched(logic: AnyActorLogic, lived: Lived): AnyActorLogic {
  return Object.assign(Object.create(logic) as AnyActorLogic, {
    transition: (snapshot: never, event: { type: string }, scope: never) => {
      if (event.type === 'SHUTDOWN') lived.say('asked');
      if (event.type === 'xstate.stop') lived.say('gone');
      return logic.transition(snapshot, event as never, scope);
    },
  });
}

/** Fails where XState does not look. The life goes on: it is for its slot to ask it to stop. */
function failUnseen({ clock, error }: Lived, by: 'timer' | 'promise'): void {
  if (by === 'promise') void Promise.reject(error);
  else
    clock.setTimeout(() => {
      throw error;
    }, 0);
}

async function runTask(lived: Lived, signal: AbortSignal): Promise<void> {
  const { plan, life, clock, error } = lived;
  const wait = (delayMs: number, until?: AbortSignal): Promise<boolean> => {
    if (delayMs === 0 || until?.aborted) return Promise.resolve(!until?.aborted);
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => resolve(true), delayMs);
      until?.addEventListener('abort', () => {
        clock.clearTimeout(timer);
        resolve(false);
      });
    });
  };
  const fail = async (): Promise<void> => {
    if (plan.how === 'rejects') {
      lived.say('gone');
      throw error;
    }
    failUnseen(lived, plan.how === 'timer throws' ? 'timer' : 'promise');
    await wait(Number.POSITIVE_INFINITY, signal);
    return await stop();
  };
  const stop = async (): Promise<void> => {
    // One that hangs hangs until it is killed, and longer: it lets go of what it holds, so that what others hold can be counted.
    const hang = (): Promise<void> => {
      lived.held--;
      return new Promise(() => {});
    };
    if (plan.stopMs === Number.POSITIVE_INFINITY) return await hang();
    await wait(plan.stopMs);
    if (plan.stop === 'fails unseen') {
      failUnseen(lived, 'promise');
      return await hang();
    }
    lived.say('gone');
    if (plan.stop === 'fails') throw error;
  };
  lived.held++;
  try {
    if (!(await wait(plan.startMs, signal))) return await stop();
    if (plan.start === 'fails') return await fail();
    if (plan.start === 'ends') return lived.say('gone');
    lived.say('up');
    life.ready();
    if (!(await wait(plan.runMs, signal))) return await stop();
    if (plan.after === 'fails') return await fail();
    lived.say('gone');
  } finally {
    lived.held--;
  }
}

interface LeafContext {
  readonly lived: Lived;
  /** It ends with a failure as its output. */
  readonly bad: boolean;
}

function fails(how: LifePlan['how']) {
  return ({ context }: { context: LeafContext }): boolean => context.lived.plan.how === how;
}

function boom({ context: { lived } }: { context: LeafContext }): never {
  lived.say('gone');
  throw lived.error;
}

/** Holds something as long as it lives. */
const pulse = fromCallback<{ type: string }, Lived>(({ input }) => {
  input.held++;
  return () => {
    input.held--;
  };
});

/** A machine of a leaf's own, with a child of its own, which it leaves behind when it breaks: XState does not end it. */
const inner = setup({
  types: {
    context: {} as { lived: Lived; quiet: boolean },
    input: {} as { lived: Lived; quiet: boolean },
    events: {} as { type: 'BREAK' },
  },
  actors: { pulse },
  actions: {
    boom: ({ context: { lived, quiet } }) => {
      if (!quiet) lived.say('gone');
      throw lived.error;
    },
  },
}).createMachine({
  context: ({ input }) => input,
  invoke: { src: 'pulse', input: ({ context }) => context.lived },
  on: { BREAK: { actions: 'boom' } },
});

const machine = setup({
  types: { context: {} as LeafContext, input: {} as LeafContext, events: {} as { type: 'SHUTDOWN' }, output: {} as unknown },
  actors: {
    pulse,
    inner,
    announce: fromCallback<{ type: string }, Lived>(({ input }) => {
      input.say('up');
      input.life.ready();
    }),
    rejects: fromPromise<void, Lived>(({ input }) => {
      input.say('gone');
      return Promise.reject(input.error);
    }),
    throws: fromCallback<{ type: string }, Lived>(({ input }) => {
      input.say('gone');
      throw input.error;
    }),
  },
  guards: {
    startsWell: ({ context }) => context.lived.plan.start === 'ready',
    startEnds: ({ context }) => context.lived.plan.start === 'ends',
    runEnds: ({ context }) => context.lived.plan.after === 'ends',
    innerBreaks: ({ context }) => context.lived.plan.innerBreaks,
    stopsAtOnce: ({ context }) => context.lived.plan.stopMs === 0,
    stopEnds: ({ context }) => context.lived.plan.stop === 'ends',
    stopFailsUnseen: ({ context }) => context.lived.plan.stop === 'fails unseen',
    byEntry: fails('entry throws'),
    byAction: fails('action throws'),
    byGuard: fails('guard throws'),
    byAssign: fails('assign throws'),
    byPromise: fails('invoked promise rejects'),
    byCallback: fails('invoked callback throws'),
    byInner: fails('invoked machine throws'),
    byOutput: fails('output is a failure'),
    byTimer: fails('timer throws'),
    throws: ({ context }: { context: LeafContext }) => boom({ context }),
  },
  actions: {
    sayGone: ({ context }) => context.lived.say('gone'),
    boom,
    boomInAssign: assign(boom),
    turnBad: assign({ bad: true }),
    breakInner: sendTo('loud', { type: 'BREAK' }),
    breakQuietInner: sendTo('quiet', { type: 'BREAK' }),
    timerThrows: ({ context }) => failUnseen(context.lived, 'timer'),
    promiseRejects: ({ context }) => failUnseen(context.lived, 'promise'),
    /** Somebody's work in the machine's own name. */
    adopt: assign(({ context, spawn }) => {
      spawn('pulse', { input: context.lived });
      return {};
    }),
  },
  delays: {
    start: ({ context }) => context.lived.plan.startMs,
    run: ({ context }) => context.lived.plan.runMs,
    stop: ({ context }) => context.lived.plan.stopMs,
  },
}).createMachine({
  id: 'leaf',
  context: ({ input }) => input,
  output: ({ context }: { context: LeafContext }) => (context.bad ? { failure: context.lived.error } : {}),
  entry: 'adopt',
  invoke: [
    { src: 'pulse', input: ({ context }) => context.lived },
    { src: 'inner', id: 'loud', input: ({ context }) => ({ lived: context.lived, quiet: false }) },
    // Its failure is taken note of and lived with.
    { src: 'inner', id: 'quiet', input: ({ context }) => ({ lived: context.lived, quiet: true }), onError: { actions: [] } },
  ],
  on: { SHUTDOWN: '.yielding' },
  initial: 'beginning',
  states: {
    beginning: {
      after: {
        start: [{ guard: 'startsWell', target: 'working' }, { guard: 'startEnds', target: 'over' }, { target: 'breaking' }],
      },
    },
    working: {
      invoke: { src: 'announce', input: ({ context }) => context.lived },
      after: { run: [{ guard: 'runEnds', target: 'over' }, { target: 'breaking' }] },
      initial: 'whole',
      states: {
        whole: { always: { guard: 'innerBreaks', target: 'broken' } },
        broken: { entry: 'breakQuietInner' },
      },
    },
    breaking: {
      always: [
        { guard: 'byEntry', target: 'by-entry' },
        { guard: 'byAction', target: 'over', actions: 'boom' },
        { guard: 'byGuard', target: 'by-guard' },
        { guard: 'byAssign', target: 'over', actions: 'boomInAssign' },
        { guard: 'byPromise', target: 'by-promise' },
        { guard: 'byCallback', target: 'by-callback' },
        { guard: 'byInner', target: 'broken-unseen', actions: 'breakInner' },
        { guard: 'byOutput', target: 'over', actions: 'turnBad' },
        { guard: 'byTimer', target: 'broken-unseen', actions: 'timerThrows' },
        { target: 'broken-unseen', actions: 'promiseRejects' },
      ],
    },
    'by-entry': { entry: 'boom' },
    'by-guard': { always: { guard: 'throws', target: 'over' } },
    'by-promise': { invoke: { src: 'rejects', input: ({ context }) => context.lived } },
    'by-callback': { invoke: { src: 'throws', input: ({ context }) => context.lived } },
    'broken-unseen': {},
    yielding: {
      always: { guard: 'stopsAtOnce', target: 'stopped' },
      after: { stop: 'stopped' },
    },
    stopped: {
      always: [
        { guard: 'stopEnds', target: 'over' },
        { guard: 'stopFailsUnseen', target: 'broken-unseen', actions: 'promiseRejects' },
        { target: 'breaking' },
      ],
    },
    over: { entry: 'sayGone', type: 'final' },
  },
});
