import type { ActorDetail, ActorNode } from './shapes.ts';

/** What is told of an actor of another process: how old it is, and when that was by the other's clock. */
export interface Told {
  readonly at?: number;
  readonly seenAgoMs?: number;
  readonly stale?: boolean;
}

/**
 * Moves the times in what another process says from its clock to ours: when it said so is known by both.
 * @param readAt when it came here, ms since the Unix epoch
 * @returns the same where it is of the process that answers
 */
export function inOurTime<T extends ActorNode & Told>(told: T, readAt: number): T {
  if (told.at === undefined || told.seenAgoMs === undefined) return told;
  const shift = readAt - told.seenAgoMs - told.at;
  return shift === 0 ? told : moved(told, shift);
}

function moved<T extends ActorNode>(node: T, shift: number): T {
  const detail = node as Partial<ActorDetail>;
  return {
    ...node,
    since: node.since + shift,
    ...(node.nextStartAt === undefined ? {} : { nextStartAt: node.nextStartAt + shift }),
    ...(node.lastExit === undefined ? {} : { lastExit: { ...node.lastExit, at: node.lastExit.at + shift } }),
    ...(detail.transitions === undefined
      ? {}
      : { transitions: detail.transitions.map((one) => ({ ...one, at: one.at + shift })) }),
    children: node.children.map((child) => moved(child, shift)),
  };
}
