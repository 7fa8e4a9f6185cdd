import type { ActorSystem, ActorSystemInfo, AnyActorRef, InspectionEvent, Snapshot } from 'xstate';
import { abandon } from './actor.ts';

/** Members of a brood at which those who are long gone are let go of for the first time. */
const FIRST_CLEARING = 16;

interface Brood {
  readonly members: Set<AnyActorRef>;
  /** The next size at which those who are long gone are let go of: so each is looked at twice on the average, however many come and go. */
  clearAt: number;
}

const broods = new WeakMap<AnyActorRef, Brood>();
const watched = new WeakSet<object>();

/**
 * Notes from now on who is begun by whom in a system. XState stops the children of an actor that is stopped or ends well; it leaves those of one
 * that threw running, and does not know them any more.
 */
export function watchLineage(system: ActorSystem<ActorSystemInfo>): void {
  if (watched.has(system)) return;
  watched.add(system);
  system.inspect({ next: noteBirth });
}

/** Ends what actors that are no more have left running, however deep below this one; what XState will end itself is left to it. */
export function reap(actor: AnyActorRef): void {
  const gone = !isActive(actor);
  if (gone) abandon(actor.getSnapshot() as Snapshot<unknown>);
  for (const child of broods.get(actor)?.members ?? []) {
    reap(child);
    // What XState calls when a parent stops a child; for want of a parent that could.
    if (gone && isActive(child)) (child as unknown as { _stop(): void })._stop();
  }
}

function noteBirth({ type, actorRef }: InspectionEvent): void {
  if (type !== '@xstate.actor') return;
  const child = actorRef as AnyActorRef;
  const parent = child._parent;
  if (!parent) return;
  const brood = broods.get(parent) ?? { members: new Set(), clearAt: FIRST_CLEARING };
  broods.set(parent, brood);
  if (brood.members.size >= brood.clearAt) {
    for (const member of brood.members) if (!hasLife(member)) brood.members.delete(member);
    brood.clearAt = Math.max(FIRST_CLEARING, 2 * brood.members.size);
  }
  brood.members.add(child);
}

function hasLife(actor: AnyActorRef): boolean {
  if (isActive(actor)) return true;
  for (const child of broods.get(actor)?.members ?? []) if (hasLife(child)) return true;
  return false;
}

function isActive(actor: AnyActorRef): boolean {
  // One that is being begun has no snapshot yet.
  return (actor.getSnapshot() as { status: string } | undefined)?.status === 'active';
}
