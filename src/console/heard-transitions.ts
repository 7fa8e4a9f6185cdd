import type { ActorDetail, Transition } from './shapes.ts';

/**
 * An actor as it was asked for, with what was heard of it since.
 * @param heard newest first; what the actor has itself by now is left out
 */
export function merged(actor: ActorDetail, heard: readonly Transition[]): ActorDetail {
  const [known] = actor.transitions;
  // One that was forgotten and is there again counts anew.
  const since = heard.filter(({ number, at }) => known === undefined || (number > known.number && at >= known.at));
  const [newest] = since;
  if (newest === undefined) return actor;
  const moved = newest.state !== undefined && newest.state !== actor.state;
  return {
    ...actor,
    ...(moved && newest.state !== undefined && { state: newest.state, since: newest.at }),
    incarnation: newest.incarnation,
    transitions: [...since, ...actor.transitions].slice(0, Math.max(64, since.length)),
  };
}
