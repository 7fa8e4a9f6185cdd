import { type AnyActorRef, enqueueActions } from 'xstate';
import type { Clock, Random } from '../clock.ts';
import { causeChain, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../machines/backoff.ts';
import type { Intensity } from '../machines/restart.ts';
import type { SlotEvent } from '../machines/slot.machine.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';
import type { ChildSpec, Life, Start } from './actor.ts';
import type { Registry } from './registry.ts';
import { slotInput, slotLogic, watchSlot } from './slot.ts';

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
  /** @default 10 restarts in 60 s */
  readonly intensity?: Intensity;
}

const DEFAULT_INTENSITY: Intensity = { maxRestarts: 10, periodMs: 60_000 };

/**
 * The child specification of a one_for_one supervisor.
 * @param spec the children, or a function that gives them at each start of the supervisor
 * @throws a VigiliaError `INTERNAL` at its start when two children share an id
 */
export function supervisorSpec(id: string, spec: SupervisorSpec | (() => SupervisorSpec), deps: SupervisionDeps): ChildSpec {
  return {
    id,
    kind: 'supervisor',
    // Its children's own deadlines add up to less; a supervisor is not killed while it stops them in order.
    shutdownMs: 30_000,
    start: (life) => supervise(typeof spec === 'function' ? spec() : spec, deps, life),
  };
}

/** The logic of a supervisor over these children, and what it starts with. */
export function supervise(spec: SupervisorSpec, deps: SupervisionDeps, life: Pick<Life, 'path' | 'ready'>): Start {
  const { clock, random, log, registry } = deps;
  const intensity = spec.intensity ?? DEFAULT_INTENSITY;
  const byId = new Map(spec.children.map((child) => [child.id, child]));
  if (byId.size !== spec.children.length) throw new VigiliaError('INTERNAL', `${life.path}: two children share an id`);
  const pathOf = (id: string): string => `${life.path}/${id}`;
  const childOf = (id: string | undefined): ChildSpec => {
    const child = id === undefined ? undefined : byId.get(id);
    if (!child) throw new VigiliaError('INTERNAL', `${life.path} has no child ${id}`);
    return child;
  };
  // Failures in a row of each child, for its backoff; one that stayed up longer than the period starts anew.
  const failures = new Map<string, { count: number; lastAt: number }>();

  function restartDelayMs(child: ChildSpec): number {
    const now = clock.now();
    const before = failures.get(child.id);
    const count = before && now - before.lastAt < intensity.periodMs ? before.count : 0;
    failures.set(child.id, { count: count + 1, lastAt: now });
    return backoffDelayMs(child.backoff ?? DEFAULT_BACKOFF, count, random);
  }

  registry.removeBelow(life.path);
  for (const child of spec.children) registry.add(pathOf(child.id), child);

  const logic = supervisorMachine.provide({
    actions: {
      startHead: enqueueActions(({ context, enqueue }) => {
        const child = childOf(context.queue[0]);
        enqueue.assign({
          slots: ({ spawn }: { spawn: (logic: unknown, options: unknown) => AnyActorRef }) => {
            const slot = spawn(slotLogic(child, pathOf(child.id)), { id: child.id, input: slotInput(child) });
            watchSlot(slot, pathOf(child.id), registry);
            return [...context.slots, slot];
          },
        } as never);
        enqueue.sendTo(child.id, { type: 'START', delayMs: 0 } satisfies SlotEvent as never);
      }),
      restartChild: enqueueActions(({ event, enqueue }) => {
        if (event.type !== 'CHILD_DOWN') return;
        const child = childOf(event.id);
        const delayMs = restartDelayMs(child);
        log.warn(
          { actor: pathOf(child.id), delayMs, exit: event.exit, causes: causeChain(event.error) },
          'child ended; restarting',
        );
        enqueue.sendTo(child.id, { type: 'START', delayMs } satisfies SlotEvent as never);
      }),
      stopHead: enqueueActions(({ context, enqueue }) => {
        enqueue.sendTo(childOf(context.queue[0]).id, { type: 'STOP' } satisfies SlotEvent as never);
      }),
      tellReady: () => life.ready(),
    },
  });
  const children = spec.children.map((child) => ({ id: child.id, restart: child.restart ?? ('permanent' as const) }));
  return { logic, input: { path: life.path, children, intensity, now: () => clock.now() } };
}
