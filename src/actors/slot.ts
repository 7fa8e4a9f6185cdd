import { type AnyActorLogic, type AnyActorRef, type AnyActorScope, type Snapshot, sendParent, sendTo } from 'xstate';
import type { ExitReason } from '../machines/restart.ts';
import { type SlotEvent, slotMachine } from '../machines/slot.machine.ts';
import type { SupervisorEvent } from '../machines/supervisor-decision.ts';
import type { ChildSpec, Start } from './actor.ts';
import { reap, watchLineage } from './lineage.ts';
import type { Registry } from './registry.ts';
import { stateName } from './state-name.ts';
import { type Owner, onAccountOf } from './stray.ts';

const DEFAULT_READY_MS = 60_000;
const DEFAULT_SHUTDOWN_MS = 5_000;

/** What `slot.machine` starts with, for this child. */
export function slotInput(child: ChildSpec) {
  return { readyMs: child.readyMs ?? DEFAULT_READY_MS, shutdownMs: child.shutdownMs ?? DEFAULT_SHUTDOWN_MS };
}

/** `slot.machine` bound to one child: it makes the child's logic anew for each life and tells its supervisor how it goes. */
export function slotLogic(child: ChildSpec, path: string, registry: Registry) {
  // The life that runs, or the last one: what it leaves behind when it ends.
  let life: { readonly self: AnyActorRef; readonly incarnation: number } | undefined;
  const bear = (self: AnyActorRef, { incarnation, exit, error }: Birth): Start => {
    // The child's parent is its slot.
    const tellSlot = (event: SlotEvent): void => {
      // A late word may come when the slot itself is gone.
      if (self._parent?.getSnapshot().status === 'active') self._parent.send(event);
    };
    const lastWord = life && exit ? { incarnation: life.incarnation, exit, error, state: stateOf(life.self) } : undefined;
    life = { self, incarnation };
    let said = false;
    const ready = (): void => {
      if (!said) tellSlot({ type: 'READY', incarnation });
      said = true;
    };
    const { logic, input } = child.start({
      path,
      incarnation,
      lastWord,
      ready,
      handled: (event, durationMs) => registry.noteHandled(path, event, durationMs),
    });
    return { logic: registry.recorded(path, incarnation, logic), input };
  };
  const own = (self: AnyActorRef, incarnation: number): Owner => ({
    path,
    take: (error) => {
      const slot = self._parent;
      const alive = life?.self === self && slot?.getSnapshot().matches('alive') === true;
      if (alive) slot.send({ type: 'STRAY', incarnation, error } satisfies SlotEvent);
      return alive;
    },
  });
  return slotMachine.provide({
    actors: { child: perLife(bear, own) },
    actions: {
      reap: () => life && reap(life.self),
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

/** What a life is told at its start of the one before. */
interface Birth {
  readonly incarnation: number;
  readonly exit: ExitReason | null;
  readonly error: unknown;
}

function stateOf(actor: AnyActorRef): string | undefined {
  const snapshot = actor.getSnapshot() as Snapshot<unknown>;
  return 'value' in snapshot ? stateName(snapshot.value) : undefined;
}

/**
 * Follows a slot and its child into the registry.
 * @param isCurrent false when another slot has this path by now: the last word of the one before may come later than that
 */
export function watchSlot(slot: AnyActorRef, path: string, registry: Registry, isCurrent: () => boolean): void {
  let child: AnyActorRef | undefined;
  slot.subscribe({
    next: (snapshot: {
      value: unknown;
      context: { incarnation: number; delayMs: number; exit: never; error: unknown };
      children: Record<string, AnyActorRef>;
    }) => {
      if (!isCurrent()) return;
      const [outer, inner] = stateName(snapshot.value).split('.');
      registry.setState(path, inner ?? outer ?? '');
      if (outer === 'waiting' || outer === 'quarantined') registry.setBackoff(path, snapshot.context.delayMs);
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
 * Actor logic that is made anew each time it is started, so that each life can be told which one it is; all it does is done on its own account.
 * XState binds an invoked actor's logic once, with the machine.
 */
function perLife(
  bear: (self: AnyActorRef, birth: Birth) => Start,
  own: (self: AnyActorRef, incarnation: number) => Owner,
): AnyActorLogic {
  const lives = new WeakMap<AnyActorRef, { readonly logic: AnyActorLogic; readonly owner: Owner }>();
  const of = (scope: AnyActorScope) => {
    const life = lives.get(scope.self);
    if (!life) throw new Error('this life has not begun');
    return life;
  };
  return {
    getInitialSnapshot: (scope: AnyActorScope, birth: Birth) => {
      watchLineage(scope.system);
      const owner = own(scope.self, birth.incarnation);
      return onAccountOf(owner, () => {
        const { logic, input } = bear(scope.self, birth);
        lives.set(scope.self, { logic, owner });
        return logic.getInitialSnapshot(scope, input);
      });
    },
    start: (snapshot: Snapshot<unknown>, scope: AnyActorScope) => {
      const { logic, owner } = of(scope);
      onAccountOf(owner, () => logic.start?.(snapshot, scope));
    },
    transition: (snapshot: Snapshot<unknown>, event: never, scope: AnyActorScope) => {
      const { logic, owner } = of(scope);
      return onAccountOf(owner, () => logic.transition(snapshot, event, scope));
    },
    getPersistedSnapshot: (snapshot: Snapshot<unknown>) => snapshot,
  } as unknown as AnyActorLogic;
}
