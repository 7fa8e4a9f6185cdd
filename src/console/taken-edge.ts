import type { EdgeName } from './shapes.ts';

/** A step of a machine as a history has it: by its event, and where it led from and to. */
export interface Step {
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Which edge of a machine a step took. A history names no edge, and needs none as long as no two of them share event, beginning and end.
 * @param edges of the machine @returns undefined where the machine has no such edge: a job's first event, or one of an older machine
 */
export function edgeOfStep<E extends EdgeName>(edges: readonly E[], { event, from, to }: Step): E | undefined {
  return edges.find(
    (edge) => edge.from === from && edge.on === event && (edge.to.length === 0 ? from === to : edge.to.includes(to)),
  );
}
