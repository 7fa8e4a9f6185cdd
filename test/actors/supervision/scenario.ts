import fc from 'fast-check';
import type { BackoffPolicy } from '../../../src/machines/backoff.ts';

/** How a child fails, wherever XState sees it or not. */
const HOWS = {
  task: ['rejects', 'timer throws', 'promise rejects unawaited'],
  machine: [
    'entry throws',
    'action throws',
    'guard throws',
    'assign throws',
    'invoked promise rejects',
    'invoked callback throws',
    'invoked machine throws',
    'output is a failure',
    'timer throws',
    'promise rejects unawaited',
  ],
} as const;
export type How = (typeof HOWS)[keyof typeof HOWS][number];
export type FaultName = 'bug' | 'transient' | 'permanent' | 'reauth' | 'conflict';

/** What one life of a child does when nobody disturbs it. Times in ms; `Infinity` is a hang. */
export interface LifePlan {
  readonly start: 'ready' | 'fails' | 'ends' | 'throws';
  readonly startMs: number;
  readonly after: 'fails' | 'ends';
  readonly runMs: number;
  /** What it does when it is asked to stop. */
  readonly stop: 'ends' | 'fails' | 'fails unseen';
  readonly stopMs: number;
  readonly how: How;
  readonly fault: FaultName;
  /** A machine of its own breaks as soon as it is up, and its parent does not mind. */
  readonly innerBreaks: boolean;
}

interface ChildPlan {
  readonly id: string;
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly backoff: BackoffPolicy;
}
export interface LeafPlan extends ChildPlan {
  readonly kind: 'task' | 'machine';
  readonly readyMs: number;
  readonly shutdownMs: number;
  /** One after the other, and round again. */
  readonly lives: readonly LifePlan[];
}
export interface SupervisorPlan extends ChildPlan {
  readonly kind: 'supervisor';
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly maxRestarts: number;
  readonly periodMs: number;
  readonly quarantine: BackoffPolicy | undefined;
  readonly children: readonly NodePlan[];
}
export type NodePlan = LeafPlan | SupervisorPlan;

export interface CommandPlan {
  readonly at: number;
  readonly type: 'add' | 'remove' | 'suspend' | 'resume' | 'restart';
  /** Path of the supervisor that is asked. */
  readonly path: string;
  readonly id: string;
  /** The new child, where one is added. */
  readonly leaf: LeafPlan;
}
export interface Scenario {
  readonly root: SupervisorPlan;
  readonly commands: readonly CommandPlan[];
  readonly shutdownAt: number;
}

/** What chance always says in these runs; the delays follow from it. */
export const CHANCE = 0.5;

const RESTARTS = ['permanent', 'permanent', 'transient', 'temporary'] as const;
// Never 0 ms: what happens first at one instant would be a matter of taste.
const backoff = fc.record({ baseMs: fc.integer({ min: 2, max: 60 }), capMs: fc.integer({ min: 2, max: 200 }) });

function life(kind: 'task' | 'machine', calm: boolean): fc.Arbitrary<LifePlan> {
  const often = <T>(usual: T, ...others: T[]) =>
    fc.oneof({ weight: calm ? 12 : 5, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
  return fc.record<LifePlan>({
    start: often('ready', 'fails', 'ends', 'throws'),
    startMs: fc.oneof(
      { weight: calm ? 12 : 4, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
      { weight: 1, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
    ),
    after: often('fails', 'ends'),
    runMs: fc.oneof(
      { weight: calm ? 0 : 1, arbitrary: fc.integer({ min: 1, max: 50 }) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
      { weight: 2, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
    ),
    stop: often('ends', 'fails', 'fails unseen'),
    stopMs: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 400 }) },
      { weight: 1, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
    ),
    how: fc.constantFrom<How>(...HOWS[kind]),
    fault: fc.oneof(
      { weight: 6, arbitrary: fc.constant('bug' as const) },
      fc.constantFrom<FaultName>('transient', 'transient', 'permanent', 'reauth', 'conflict'),
    ),
    innerBreaks: fc.boolean(),
  });
}

const leaf = (calm: boolean): fc.Arbitrary<LeafPlan> =>
  fc.constantFrom('task' as const, 'machine' as const).chain((kind) =>
    fc.record<LeafPlan>({
      id: fc.constant(''),
      kind: fc.constant(kind),
      restart: fc.constantFrom(...RESTARTS),
      backoff,
      readyMs: fc.integer({ min: 100, max: 400 }),
      shutdownMs: fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.integer({ min: 50, max: 500 }) }),
      lives: fc.array(life(kind, calm), { minLength: 1, maxLength: 4 }),
    }),
  );

function supervisorOf(child: fc.Arbitrary<NodePlan>, calm: boolean): fc.Arbitrary<SupervisorPlan> {
  return fc
    .record({
      restart: fc.constantFrom(...RESTARTS),
      backoff,
      strategy: fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const),
      maxRestarts: fc.integer({ min: calm ? 2 : 0, max: calm ? 8 : 4 }),
      sparePeriodMs: fc.integer({ min: 1, max: 4_000 }),
      quarantine: fc.option(fc.record({ baseMs: fc.integer({ min: 50, max: 600 }), capMs: fc.integer({ min: 200, max: 900 }) }), {
        freq: 3,
        nil: undefined,
      }),
      children: fc.array(child, { minLength: 1, maxLength: 4 }),
    })
    .map(({ sparePeriodMs, quarantine, children, ...rest }) => {
      // A longer wait than the period would defeat the intensity; such a specification is refused (tested elsewhere).
      const slowestMs = Math.max(200, ...children.map((one) => one.backoff.capMs)) * rest.maxRestarts;
      return {
        ...rest,
        id: '',
        kind: 'supervisor' as const,
        periodMs: slowestMs + sparePeriodMs,
        quarantine: rest.strategy === 'one_for_one' ? quarantine : undefined,
        children: children.map((one, index) => ({ ...one, id: 'abcd'.charAt(index) })),
      };
    });
}

function rootOf(calm: boolean): fc.Arbitrary<SupervisorPlan> {
  const leaves = { weight: 3, arbitrary: leaf(calm) as fc.Arbitrary<NodePlan> };
  const lower = supervisorOf(leaf(calm), calm);
  const middle = supervisorOf(fc.oneof(leaves, { weight: 1, arbitrary: lower }), calm);
  return supervisorOf(fc.oneof(leaves, { weight: 2, arbitrary: middle }), calm);
}

const ids = fc.constantFrom('a', 'a', 'b', 'b', 'c', 'd', 'x');
const types = fc.constantFrom('add' as const, 'remove' as const, 'suspend' as const, 'resume' as const, 'restart' as const);

/** What is asked about one child: often more than one thing, one soon after the other. */
const commands = fc.record({
  at: fc.integer({ min: 0, max: 4_000 }),
  where: fc.nat({ max: 9 }),
  who: ids,
  leaf: leaf(false),
  steps: fc.array(
    fc.record({ type: types, afterMs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 800 })) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
});

/** A random tree, at most three supervisors deep and four children wide, what its leaves do, what is asked of it, and when it is stopped. */
export const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    // Some come to their end soon; in the others there is more to see.
    root: fc.oneof({ weight: 2, arbitrary: rootOf(false) }, { weight: 3, arbitrary: rootOf(true) }),
    commands: fc.array(commands, { maxLength: 5 }),
    shutdownAt: fc.oneof(
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 600 }) },
      { weight: 4, arbitrary: fc.integer({ min: 600, max: 6_000 }) },
    ),
  })
  .map(({ root, commands, shutdownAt }) => {
    const paths = supervisorPaths(root, 'root');
    return spread({
      root,
      shutdownAt,
      commands: commands
        .flatMap(({ at, where, who, leaf, steps }) => {
          let when = at;
          const path = paths[where % paths.length] ?? 'root';
          return steps.map(({ type, afterMs }) => {
            when += afterMs;
            return { at: when, type, path, id: who, leaf: { ...leaf, id: who } };
          });
        })
        .sort((one, other) => one.at - other.at),
    });
  });

function supervisorPaths(plan: SupervisorPlan, path: string): string[] {
  return [
    path,
    ...plan.children.flatMap((child) => (child.kind === 'supervisor' ? supervisorPaths(child, `${path}/${child.id}`) : [])),
  ];
}

/**
 * Gives every time a fraction of its own, so that nothing happens at the same instant by chance: what happens first would be a matter of taste.
 * The fractions have 30 bits; so sums of them are exact.
 */
function spread(scenario: Scenario): Scenario {
  let count = 0;
  const ms = (whole: number): number => {
    let hash = Math.imul(++count, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return whole + ((hash ^ (hash >>> 16)) >>> 2) / 2 ** 30;
  };
  const spreadLeaf = <Leaf extends LeafPlan>(plan: Leaf): Leaf => ({
    ...plan,
    readyMs: ms(plan.readyMs),
    shutdownMs: plan.shutdownMs === 0 ? 0 : ms(plan.shutdownMs),
    lives: plan.lives.map((one) => ({
      ...one,
      startMs: one.startMs === 0 ? 0 : ms(one.startMs),
      runMs: ms(one.runMs),
      stopMs: one.stopMs === 0 ? 0 : ms(one.stopMs),
    })),
  });
  const spreadTree = (plan: SupervisorPlan): SupervisorPlan => ({
    ...plan,
    children: plan.children.map((child) => (child.kind === 'supervisor' ? spreadTree(child) : spreadLeaf(child))),
  });
  return {
    root: spreadTree(scenario.root),
    commands: scenario.commands.map((one) => ({ ...one, at: ms(one.at), leaf: spreadLeaf(one.leaf) })),
    shutdownAt: ms(scenario.shutdownAt),
  };
}

const steady: LifePlan = {
  start: 'ready',
  startMs: 0,
  after: 'ends',
  runMs: Number.POSITIVE_INFINITY,
  stop: 'ends',
  stopMs: 0,
  how: 'rejects',
  fault: 'bug',
  innerBreaks: false,
};

function planted(
  strategy: SupervisorPlan['strategy'],
  child: LeafPlan,
  asked: readonly [at: number, type: CommandPlan['type'], who: LeafPlan][],
) {
  const root: SupervisorPlan = {
    id: '',
    kind: 'supervisor',
    restart: 'permanent',
    backoff: { baseMs: 2, capMs: 2 },
    strategy,
    maxRestarts: 5,
    periodMs: 5_000,
    quarantine: undefined,
    children: [plantedLeaf('a', 'permanent', [steady]), child],
  };
  return spread({
    root,
    shutdownAt: 1_000,
    commands: asked.map(([at, type, leaf]) => ({ at, type, path: 'root', id: leaf.id, leaf })),
  });
}

function plantedLeaf(id: string, restart: LeafPlan['restart'], lives: readonly LifePlan[]): LeafPlan {
  return { id, kind: 'task', restart, backoff: { baseMs: 40, capMs: 200 }, readyMs: 200, shutdownMs: 100, lives };
}

const failing = plantedLeaf('b', 'permanent', [{ ...steady, after: 'fails', runMs: 5 }]);
const ending = plantedLeaf('b', 'transient', [steady, { ...steady, start: 'ends' }]);
const hopeless = plantedLeaf('x', 'permanent', [
  { ...steady, start: 'fails', fault: 'transient' },
  { ...steady, start: 'fails' },
]);

const slow = plantedLeaf('b', 'permanent', [{ ...steady, startMs: 100 }]);
const first = plantedLeaf('a', 'permanent', [steady]);

/**
 * What chance seldom comes upon: failing, removed and added again; resumed, and over before it is up; added, and failing twice; two that are asked to
 * end while the supervisor waits for a third.
 */
export const seldom: readonly Scenario[] = [
  planted('one_for_one', failing, [
    [27, 'remove', failing],
    [50, 'add', failing],
  ]),
  planted('one_for_one', ending, [
    [10, 'suspend', ending],
    [20, 'resume', ending],
  ]),
  planted('rest_for_one', plantedLeaf('b', 'permanent', [steady]), [
    [10, 'add', hopeless],
    [500, 'suspend', plantedLeaf('b', 'permanent', [steady])],
  ]),
  planted('rest_for_one', slow, [
    [150, 'restart', slow],
    [160, 'suspend', first],
    [170, 'remove', slow],
  ]),
];
