import { type AnyActorLogic, type AnyActorRef, type AnyActorScope, type Snapshot, sendParent, sendTo } from 'xstate';
import { slotMachine } from '../machines/slot.machine.ts';
import type { SupervisorEvent } from '../machines/supervisor.machine.ts';
import type { ChildSpec, Start } from './actor.ts';
import { type Registry, stateName } from './registry.ts';

const DEFAULT_READY_MS = 60_000;
const DEFAULT_SHUTDOWN_MS = 5_000;

/** What `slot.machine` starts with, for this child. */
export function slotInput(child: ChildSpec) {
  return { readyMs: child.readyMs ?? DEFAULT_READY_MS, shutdownMs: child.shutdownMs ?? DEFAULT_SHUTDOWN_MS };
}

/** `slot.machine` bound to one child: it makes the child's logic anew for each life and tells its supervisor how it goes. */
export function slotLogic(child: ChildSpec, path: string) {
  return slotMachine.provide({
    actors: {
      child: perLife((self, incarnation) =>
        // The child's parent is its slot.
        child.start({ path, incarnation, ready: () => self._parent?.send({ type: 'READY', incarnation }) }),
      ),
    },
    actions: {
      tellUp: sendParent({ type: 'CHILD_UP', id: child.id } satisfies SupervisorEvent),
      tellDown: sendParent(({ context }) => ({
        type: 'CHILD_DOWN',
        id: child.id,
        exit: context.exit ?? 'normal',
        error: context.error,
      })),
      askToStop: sendTo('child', { type: 'SHUTDOWN' }),
    },
  } as never) as typeof slotMachine;
}

/** Follows a slot and its child into the registry. */
export function watchSlot(slot: AnyActorRef, path: string, registry: Registry): void {
  let child: AnyActorRef | undefined;
  slot.subscribe({
    next: (snapshot: {
      value: unknown;
      context: { incarnation: number; exit: never; error: unknown };
      children: Record<string, AnyActorRef>;
    }) => {
      const [outer, inner] = stateName(snapshot.value).split('.');
      registry.setState(path, inner ?? outer ?? '');
      if (outer === 'down') registry.setExit(path, snapshot.context.exit, snapshot.context.error);
      const now = outer === 'alive' ? snapshot.children.child : undefined;
      if (now === child) return;
      child = now;
      if (!child) return;
      registry.setRef(path, child, snapshot.context.incarnation);
      child.subscribe({
        next: (inside: Snapshot<unknown>) => registry.noteSnapshot(path, inside),
        // The slot hears of it as an event; without a handler here XState would throw it globally.
        error: () => {},
      });
    },
    error: () => {},
  });
}

/**
 * Actor logic that is made anew each time it is started, so that each life can be told which one it is.
 * XState binds an invoked actor's logic once, with the machine.
 */
function perLife(make: (self: AnyActorRef, incarnation: number) => Start): AnyActorLogic {
  const lives = new WeakMap<AnyActorRef, AnyActorLogic>();
  const of = (scope: AnyActorScope): AnyActorLogic => {
    const logic = lives.get(scope.self);
    if (!logic) throw new Error('this life has not begun');
    return logic;
  };
  return {
    getInitialSnapshot: (scope: AnyActorScope, { incarnation }: { incarnation: number }) => {
      const { logic, input } = make(scope.self, incarnation);
      lives.set(scope.self, logic);
      return logic.getInitialSnapshot(scope, input);
    },
    start: (snapshot: Snapshot<unknown>, scope: AnyActorScope) => of(scope).start?.(snapshot, scope),
    transition: (snapshot: Snapshot<unknown>, event: never, scope: AnyActorScope) => of(scope).transition(snapshot, event, scope),
    getPersistedSnapshot: (snapshot: Snapshot<unknown>) => snapshot,
  } as unknown as AnyActorLogic;
}
