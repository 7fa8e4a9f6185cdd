import { type AnyActorRef, enqueueActions } from 'xstate';
import type { Clock, Random } from '../clock.ts';
import { causeChain, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../machines/backoff.ts';
import { defeatsIntensity, type Intensity, type Strategy } from '../machines/restart.ts';
import type { SlotEvent } from '../machines/slot.machine.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';
import type { SupervisorCommand } from '../machines/supervisor-decision.ts';
import type { ChildSpec, Life, Start } from './actor.ts';
import { QuarantineDelays } from './quarantine-delays.ts';
import type { Registry } from './registry.ts';
import { slotInput, slotLogic, watchSlot } from './slot.ts';
import { Questions, type SupervisorHandle } from './supervisor-handle.ts';

const DEFAULT_BACKOFF: BackoffPolicy = { baseMs: 100, capMs: 5_000 };

/** What every supervisor needs from outside. */
export interface SupervisionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registry: Registry;
}

/** A supervisor as data. */
export interface SupervisorSpec {
  readonly children: readonly ChildSpec[];
  /** @default 'one_for_one' */
  readonly strategy?: Strategy;
  /** @default 10 restarts in 60 s */
  readonly intensity?: Intensity;
  /**
   * Puts a child that exceeds the intensity, counted for it alone, aside instead of giving up, and tries it again after such a delay
   * (half of it fixed, half by chance). For children that have nothing to do with each other: one_for_one only.
   */
  readonly quarantine?: BackoffPolicy;
}

const DEFAULT_INTENSITY: Intensity = { maxRestarts: 10, periodMs: 60_000 };

/**
 * The child specification of a supervisor.
 * @param spec its children and how they are restarted, or a function that gives them at each start of the supervisor
 * @throws a VigiliaError `INTERNAL` at its start when the specification is not sound: two children of one id, a backoff that defeats
 *   the intensity, a quarantine of children that depend on each other
 */
export function supervisorSpec(id: string, spec: SupervisorSpec | (() => SupervisorSpec), deps: SupervisionDeps): ChildSpec {
  return {
    id,
    kind: 'supervisor',
    // As in OTP: its children have deadlines of their own, and a supervisor that is killed could not stop them in order.
    readyMs: Number.POSITIVE_INFINITY,
    shutdownMs: Number.POSITIVE_INFINITY,
    start: (life) => supervise(typeof spec === 'function' ? spec() : spec, deps, life),
  };
}

/** The logic of a supervisor over these children, and what it starts with. @throws as {@link supervisorSpec} says */
export function supervise(
  spec: SupervisorSpec,
  deps: SupervisionDeps,
  life: Pick<Life, 'path' | 'ready' | 'incarnation'>,
): Start {
  const { clock, registry } = deps;
  const { path } = life;
  const { intensity = DEFAULT_INTENSITY, strategy = 'one_for_one' } = spec;
  checkSpec(spec, path);
  const children = new Children(spec, path);
  const asked = new Questions(path);
  registry.keepBelow(
    path,
    spec.children.map(({ id }) => id),
  );
  for (const child of spec.children) registry.add(`${path}/${child.id}`, child);

  const ask = (command: SupervisorCommand): Promise<void> =>
    asked.ask(command, (event) => {
      // A handle outlives the life it was made for; what the next one does is not its business.
      const ref = registry.supervisor(path) === handle ? registry.ref(path) : undefined;
      if (ref?.getSnapshot().status !== 'active') return false;
      ref.send(event);
      return true;
    });
  const handle: SupervisorHandle = {
    add: async (child) => {
      checkBackoff(child, intensity, path);
      await ask({ type: 'ADD', id: child.id, restart: restartOf(child), spec: child });
    },
    remove: (id) => ask({ type: 'REMOVE', id }),
    suspend: (id) => ask({ type: 'SUSPEND', id }),
    resume: (id) => ask({ type: 'RESUME', id }),
    restart: (id) => ask({ type: 'RESTART', id }),
  };
  registry.setSupervisor(path, handle);

  const logic = supervisorMachine.provide({ actions: bindings(children, asked, spec, deps, life) as never });
  const input = {
    path,
    strategy,
    children: spec.children.map((child) => ({ id: child.id, restart: restartOf(child) })),
    intensity,
    quarantines: spec.quarantine !== undefined,
    // Not the wall clock, which people and servers set.
    now: () => clock.monotonic(),
    backoffMs: (id: string, attempt: number) => backoffDelayMs(backoffOf(children.of(id)), attempt, deps.random),
  };
  return { logic, input };
}

/** The specifications of a supervisor's children: those it began with and those that were added. */
class Children {
  readonly #path: string;
  readonly #byId: Map<string, ChildSpec>;

  constructor(spec: SupervisorSpec, path: string) {
    this.#path = path;
    this.#byId = new Map(spec.children.map((child) => [child.id, child]));
  }

  set(child: ChildSpec): void {
    this.#byId.set(child.id, child);
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  of(id: string | undefined): ChildSpec {
    const child = id === undefined ? undefined : this.#byId.get(id);
    if (!child) throw new VigiliaError('INTERNAL', `${this.#path} has no child ${id}`);
    return child;
  }
}

interface Step {
  readonly context: {
    readonly queue: readonly string[];
    readonly delayMs: number;
    readonly group: readonly string[];
    readonly slots: Readonly<Record<string, AnyActorRef>>;
  };
  readonly event: {
    readonly type: string;
    readonly id?: string;
    readonly exit?: string;
    readonly error?: unknown;
    readonly ask?: number;
    readonly spec?: unknown;
  };
  readonly enqueue: Enqueue;
  readonly self: AnyActorRef;
}

/** What an action may do, as far as it is used here; XState's own type knows only actors that are named beforehand. */
interface Enqueue {
  assign(assignment: unknown): void;
  sendTo(slot: string | AnyActorRef, event: SlotEvent): void;
  stopChild(ref: AnyActorRef): void;
}

/** What `supervisor.machine` leaves open: slots, and those who want to know. */
function bindings(
  children: Children,
  asked: Questions,
  spec: SupervisorSpec,
  deps: SupervisionDeps,
  life: Pick<Life, 'path' | 'ready' | 'incarnation'>,
) {
  const { log, registry } = deps;
  const pathOf = (id: string): string => `${life.path}/${id}`;
  /** The slot that has the place of each child now. */
  const current = new Map<string, AnyActorRef>();
  const delays = new QuarantineDelays(spec.quarantine, deps);
  const step = (work: (step: Step) => void) => enqueueActions(work as never);
  const forChild = (work: (id: string, step: Step) => void) =>
    step((now) => {
      if (now.event.id !== undefined) work(now.event.id, now);
    });

  function start(id: string, { context, event, enqueue }: Step): void {
    const child = children.of(id);
    const path = pathOf(id);
    if (event.type === 'ADD') registry.add(path, child);
    if (!context.slots[id]) {
      enqueue.assign({
        slots: ({ spawn }: { spawn: (logic: unknown, options: unknown) => AnyActorRef }) => {
          const slot = spawn(slotLogic(child, path, registry), { id, input: slotInput(child) });
          current.set(id, slot);
          watchSlot(slot, path, registry, () => current.get(id) === slot);
          return { ...context.slots, [id]: slot };
        },
      });
    }
    enqueue.sendTo(id, { type: 'START', delayMs: 0 });
  }

  return {
    startHead: step((now) => start(now.context.queue[0] ?? '', now)),
    startChild: forChild(start),
    restartChild: forChild((id, { context, enqueue }) => enqueue.sendTo(id, { type: 'START', delayMs: context.delayMs })),
    stopHead: step(({ context, enqueue }) => enqueue.sendTo(context.queue[0] ?? '', { type: 'STOP' })),
    stopChild: forChild((id, { enqueue }) => enqueue.sendTo(id, { type: 'STOP' })),
    suspendChild: forChild((id, { enqueue }) => enqueue.sendTo(id, { type: 'SUSPEND' })),
    quarantineChild: forChild((id, { event, enqueue }) => {
      const delayMs = delays.next(id);
      log.error({ actor: pathOf(id), delayMs, causes: causeChain(event.error) }, 'child failed too often; put aside');
      enqueue.sendTo(id, { type: 'QUARANTINE', delayMs });
    }),
    dropChild: forChild((id, { context, enqueue }) => {
      const { [id]: slot, ...slots } = context.slots;
      enqueue.assign({ slots });
      if (slot) enqueue.stopChild(slot);
      children.delete(id);
      current.delete(id);
      delays.forget(id);
      registry.remove(pathOf(id));
    }),
    sayRestart: forChild((id, { context, event }) =>
      log.warn(
        { actor: pathOf(id), delayMs: context.delayMs, exit: event.exit, causes: causeChain(event.error) },
        'child ended; restarting',
      ),
    ),
    showPause: step(({ context }) => {
      for (const id of context.group) registry.setBackoff(pathOf(id), context.delayMs);
    }),
    // To a slot through XState, which delivers it after this step; the root has none.
    tellReady: step(({ enqueue, self }) => {
      if (self._parent) enqueue.sendTo(self._parent, { type: 'READY', incarnation: life.incarnation });
      else life.ready();
    }),
    accept: step(({ event: { ask, spec } }) => {
      if (spec !== undefined) children.set(spec as ChildSpec);
      if (ask !== undefined) asked.accept(ask);
    }),
    refuse: step(({ event: { type, ask } }) => {
      if (ask !== undefined) asked.refuse(ask, `it cannot ${type} as it is now`);
    }),
    answerUp: forChild((id) => asked.isUp(id)),
    answerDown: forChild((id) => asked.isDown(id)),
    refuseStart: forChild((id, { event }) =>
      asked.staysDown(id, event.exit === 'failure' ? 'it failed' : 'it ended', event.error),
    ),
    refuseAll: () => asked.refuseAll('its supervisor ends'),
  };
}

function restartOf(child: ChildSpec) {
  return child.restart ?? 'permanent';
}

function backoffOf(child: ChildSpec): BackoffPolicy {
  return child.backoff ?? DEFAULT_BACKOFF;
}

function checkSpec({ children, strategy, quarantine, intensity = DEFAULT_INTENSITY }: SupervisorSpec, path: string): void {
  const refuse = (why: string): never => {
    throw new VigiliaError('INTERNAL', `${path}: ${why}`);
  };
  const ids = new Set<string>();
  for (const child of children) {
    if (ids.has(child.id)) refuse(`two children share an id: ${child.id}`);
    ids.add(child.id);
    checkBackoff(child, intensity, path);
  }
  if (quarantine && strategy !== undefined && strategy !== 'one_for_one') refuse(`${strategy} cannot put one child aside`);
}

function checkBackoff(child: ChildSpec, intensity: Intensity, path: string): void {
  if (!defeatsIntensity(backoffOf(child), intensity)) return;
  const { maxRestarts, periodMs } = intensity;
  throw new VigiliaError(
    'INTERNAL',
    `${path}/${child.id}: its backoff is so slow that it could never fail more than ${maxRestarts} times within ${periodMs} ms`,
  );
}
