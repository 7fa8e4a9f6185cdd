import type { AnyTransitionDefinition } from 'xstate';
import type { ActorEdge } from '../ports.ts';

/** Edges that have been named: a machine's definitions live as long as the machine, and so do their names. */
const named = new WeakMap<AnyTransitionDefinition, ActorEdge>();

/** @returns a transition of a machine by its names: nothing of the machine, its context or an event stays reachable through it */
export function edgeOf(transition: AnyTransitionDefinition): ActorEdge {
  const known = named.get(transition);
  if (known) return known;
  const { source, target, guard, actions, eventType } = transition;
  const siblings = eventType === '' ? (source.always ?? []) : (source.transitions.get(eventType) ?? []);
  const edge: ActorEdge = {
    from: placeOf(source),
    to: (target ?? []).map(placeOf),
    on: eventType === '' ? 'always' : eventType,
    branch: siblings.indexOf(transition),
    ...(guard === undefined ? {} : { guard: guardName(guard) }),
    ...(actions.length === 0 ? {} : { actions: actions.map(nameOf) }),
  };
  named.set(transition, edge);
  return edge;
}

/** `authenticated.service.live`; the machine itself by its id, as `#connection`. */
function placeOf({ path, id }: { readonly path: readonly string[]; readonly id: string }): string {
  return path.length === 0 ? `#${id}` : path.join('.');
}

/** XState's `and`, `or` and `not` are functions that know what they join. */
function guardName(guard: unknown): string {
  const joined = (guard as { guards?: readonly unknown[] }).guards;
  if (typeof guard !== 'function' || !joined) return nameOf(guard);
  const names = joined.map(guardName);
  return names.length === 1 ? `${guard.name} ${names[0]}` : names.join(` ${guard.name} `);
}

/** Names only: what a guard or an action is parametrized with is not looked at. */
function nameOf(implementation: unknown): string {
  if (typeof implementation === 'string') return implementation;
  const type = (implementation as { type?: unknown }).type;
  return typeof type === 'string' ? type : '(inline)';
}
