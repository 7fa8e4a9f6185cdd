import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';

/**
 * Of the transitions that the regions of a parallel state have for one event, those that are taken: where two would leave the same state, it is the
 * first. XState's inspection tells all that were enabled.
 * @param active the states in which the machine was
 * @see https://www.w3.org/TR/scxml/#removeConflictingTransitions
 */
export function takenEdges(
  enabled: readonly AnyTransitionDefinition[],
  active: readonly AnyStateNode[],
): readonly AnyTransitionDefinition[] {
  const taken: AnyTransitionDefinition[] = [];
  const left = new Set<AnyStateNode>();
  for (const one of enabled) {
    const leaves = exitSet(one, active);
    if (leaves.some((state) => left.has(state))) continue;
    for (const state of leaves) left.add(state);
    taken.push(one);
  }
  return taken;
}

/** @returns the active states that a transition leaves */
function exitSet({ target = [], source, reenter }: AnyTransitionDefinition, active: readonly AnyStateNode[]): AnyStateNode[] {
  const [first, ...others] = target;
  if (!first) return [];
  const inside = target.every((state) => state === source || isWithin(state, source));
  if (inside && !reenter) return active.filter((state) => isWithin(state, source));
  const all = [...others, source];
  const domain = ancestorsOf(first).find((ancestor) => all.every((state) => isWithin(state, ancestor)));
  // Without a common ancestor it is a transition of the machine itself, which leaves everything.
  return domain ? active.filter((state) => isWithin(state, domain)) : [...active];
}

function isWithin(state: AnyStateNode, ancestor: AnyStateNode): boolean {
  return ancestorsOf(state).includes(ancestor);
}

/** @returns the states around a state, innermost first */
function ancestorsOf(state: AnyStateNode): AnyStateNode[] {
  return state.parent ? [state.parent, ...ancestorsOf(state.parent)] : [];
}
