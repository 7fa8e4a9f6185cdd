import { VigiliaError } from '../errors.ts';
import type { RestartType } from '../machines/restart.ts';
import { SENDABLE_EVENTS } from '../machines/sendable-events.ts';
import type { ActName, ActOffer, ActRequest } from '../ports.ts';

/** What decides about what people may do with an actor. */
export interface Actable {
  readonly path: string;
  /** Its machine's name, where it is one. */
  readonly kind: string;
  /** The state of its slot. */
  readonly slot: string;
  readonly restart: RestartType;
  /** What its supervisor does before it takes a command, as a state's name; undefined while it takes one at once. */
  readonly supervisor: string | undefined;
  /** Why it may not be stopped. */
  readonly staysUp: string | undefined;
  /** Whether its machine has a transition for an event that carries nothing, as it is now. */
  readonly can: (event: string) => boolean;
}

/** States of a slot whose child has a life, or waits for one. */
const STOPPABLE: ReadonlySet<string> = new Set(['waiting', 'starting', 'up', 'failing', 'quarantined']);

/** @returns what a person may do with an actor as it is now, in the order in which it is offered */
export function offersFor(actor: Actable): readonly ActOffer[] {
  const acts = (['restart', 'stop', 'resume'] as const).filter((act) => whyNot(actor, act) === undefined);
  return [...acts.map((act) => ({ act })), ...eventsFor(actor).map((event) => ({ act: 'send' as const, event }))];
}

/** @throws SUPERVISION_REFUSED, EVENT_NOT_TAKEN where a person may not do this with it as it is now */
export function checkAct(actor: Actable, { act, event = '' }: Pick<ActRequest, 'act' | 'event'>): void {
  if (act === 'send') {
    const known = eventsFor(actor);
    if (known.includes(event)) return;
    const what = known.length > 0 ? `it takes ${known.join(', ')} now` : 'it takes none of those that one may send now';
    throw new VigiliaError('EVENT_NOT_TAKEN', `${actor.path} does not take ${event} from a person as it is: ${what}.`, {
      field: 'event',
    });
  }
  const why = whyNot(actor, act);
  if (why !== undefined) throw new VigiliaError('SUPERVISION_REFUSED', `${actor.path}: ${why}.`);
}

/** @returns undefined where one may */
function whyNot({ path, slot, restart, staysUp, supervisor }: Actable, act: Exclude<ActName, 'send'>): string | undefined {
  if (!path.includes('/')) return 'it is the whole program: stop or restart that, and not its root';
  // It would be done after that, perhaps in days, and an act is never done late.
  if (supervisor !== undefined) return whyBusy(path.slice(0, path.lastIndexOf('/')), supervisor);
  switch (act) {
    case 'resume':
      return slot === 'suspended' ? undefined : 'nobody has stopped it, so there is nothing to resume';
    case 'restart':
      if (restart === 'temporary') return 'it lives once, and is never started again';
      return slot === 'suspended' ? 'it was stopped: resume it' : undefined;
    default:
      if (slot === 'suspended') return 'it was stopped already';
      if (staysUp !== undefined) return staysUp;
      return STOPPABLE.has(slot) ? undefined : `it does not run (${slot || 'empty'})`;
  }
}

function whyBusy(above: string, state: string): string {
  const instead = above.includes('/') ? `, or restart or stop ${above} itself` : '';
  return `its supervisor ${above} is ${state}; ask again once it is running${instead}`;
}

function eventsFor({ kind, slot, can }: Actable): readonly string[] {
  return slot === 'up' ? (SENDABLE_EVENTS[kind] ?? []).filter(can) : [];
}
