import type { AnyActorLogic, AnyActorScope, AnyStateNode, InspectedMicrostepEvent, InspectionEvent, Snapshot } from 'xstate';
import type { Clock } from '../clock.ts';
import type { ActorRecord, HandledEvent } from './actor-record.ts';
import { takenEdges } from './taken-edges.ts';

/** One life of an actor that is recorded. */
interface RecordedLife {
  readonly record: ActorRecord;
  readonly incarnation: number;
  /** The event that its machine handles at this moment: the one that was sent to it, or one that it raised since. */
  current: HandledEvent | undefined;
  /** True until the machine's first step with what was sent to it: further ones are with events that it raised itself. */
  awaitsStep: boolean;
  /** When it began with what was sent to it: monotonic time in ms. */
  startedAt: number;
  /** The machine as it was before the step that it takes now; undefined before the first of a life. */
  before: Snapshot<unknown> | undefined;
}

/**
 * Writes down what actors do with their events, at the two places where XState lets one look: around the logic, which tells when an event
 * begins and ends, and at the inspection of the system, which tells the edges that a machine took. It must never hurt what it
 * looks at: an inspection callback that throws would kill the actor, so nothing here lets an error of its own out.
 */
export class Recorder {
  readonly #clock: Clock;
  /** By the actor's ref. */
  readonly #lives = new WeakMap<object, RecordedLife>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the same logic, for one life, with its events written into the record; what a handler throws goes on as it came */
  recorded<L extends AnyActorLogic>(logic: L, record: ActorRecord, incarnation: number): L {
    const getInitialSnapshot = (scope: AnyActorScope, input: unknown) => {
      const life: RecordedLife = { record, incarnation, current: undefined, awaitsStep: false, startedAt: 0, before: undefined };
      this.#lives.set(scope.self, life);
      return this.#handle(life, 'xstate.init', () => logic.getInitialSnapshot(scope, input));
    };
    const transition = (snapshot: Snapshot<unknown>, event: object, scope: AnyActorScope) => {
      const life = this.#lives.get(scope.self);
      const run = (): Snapshot<unknown> => logic.transition(snapshot, event, scope);
      if (!life) return run();
      life.before = snapshot;
      return this.#handle(life, typeOf(event), run);
    };
    // Everything else is the logic's own. Defined, not assigned: the logic may be frozen.
    return Object.create(logic, { getInitialSnapshot: { value: getInitialSnapshot }, transition: { value: transition } });
  }

  /** For the `inspect` option of the root's `createActor`. */
  readonly inspect = (inspection: InspectionEvent): void => {
    try {
      if (inspection.type === '@xstate.microstep') this.#noteStep(inspection);
    } catch {
      // What cannot be read is not recorded; the actor goes on.
    }
  };

  #handle(life: RecordedLife, type: string, run: () => Snapshot<unknown>): Snapshot<unknown> {
    life.startedAt = this.#clock.monotonic();
    const entry = life.record.open(type, life.incarnation, false, life.startedAt);
    life.current = entry;
    life.awaitsStep = type !== 'xstate.init' && type !== 'xstate.stop';
    let failed = true;
    try {
      const next = run();
      failed = next.status === 'error';
      return next;
    } finally {
      life.current = undefined;
      life.before = undefined;
      life.record.close(entry, this.#clock.monotonic() - life.startedAt, failed);
    }
  }

  #noteStep(inspection: InspectedMicrostepEvent): void {
    const life = this.#lives.get(inspection.actorRef);
    let entry = life?.current;
    // A machine that is killed takes a step without a transition, and rejects nothing.
    if (!life || !entry || entry.event === 'xstate.stop') return;
    const enabled = inspection._transitions;
    const before = nodesOf(life.before);
    life.before = inspection.snapshot;
    // An eventless step belongs to the event before it.
    if (enabled[0]?.eventType !== '') {
      if (!life.awaitsStep) entry = life.record.open(typeOf(inspection.event), life.incarnation, true, life.startedAt);
      life.awaitsStep = false;
      life.current = entry;
    }
    const { value } = inspection.snapshot as { readonly value?: unknown };
    if (enabled.length === 0) life.record.reject(entry, value);
    else life.record.step(entry, enabled.length === 1 || !before ? enabled : takenEdges(enabled, before), value);
  }
}

function nodesOf(snapshot: Snapshot<unknown> | undefined): readonly AnyStateNode[] | undefined {
  return (snapshot as { readonly _nodes?: readonly AnyStateNode[] } | undefined)?._nodes;
}

function typeOf(event: object): string {
  try {
    return String((event as { readonly type?: unknown }).type);
  } catch {
    return '(unreadable)';
  }
}
