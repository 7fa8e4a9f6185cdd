import type { AnyTransitionDefinition } from 'xstate';
import { edgeOf } from '../charts/edge-names.ts';
import type { Clock } from '../clock.ts';
import type { ActorEdge, ActorEvents, ActorTransition } from '../ports.ts';
import { EventRate } from './event-rate.ts';
import { Ring } from './ring.ts';
import { stateName } from './state-name.ts';
import { TransitionTap } from './transition-tap.ts';

/** How many events of an actor are remembered. */
const EVENTS_KEPT = 64;
/** How many edges of one event: a machine that goes in a circle shall not fill the memory. */
const EDGES_KEPT = 16;
/** Longest name of an event that is kept whole, in characters. */
const NAME_KEPT = 120;

/** An event as it is remembered. What it carried is not among this, and no object that leads to it. */
export interface HandledEvent {
  readonly number: number;
  readonly at: number;
  readonly incarnation: number;
  readonly event: string;
  readonly raised: boolean;
  rejected: boolean;
  failed: boolean;
  readonly edges: ActorEdge[];
  edgesOmitted: number;
  /** The machine's state value after it: names only, written out when somebody looks. */
  value: unknown;
  durationMs: number | undefined;
}

/** What one actor did with its events, under all its lives: the newest of them, and figures of all. */
export class ActorRecord {
  readonly #clock: Clock;
  readonly #path: string;
  readonly #tap: TransitionTap;
  readonly #handled = new Ring<HandledEvent>(EVENTS_KEPT);
  readonly #rate = new EventRate();
  /** What was raised while the present event is handled: told after it. Nothing is kept while nobody listens. */
  #raised: HandledEvent[] = [];
  #openedCount = 0;
  #handledCount = 0;
  #rejectedCount = 0;
  #longest: ActorEvents['longest'];

  /** @param path whose record it is @param tap hears of each event once it is handled */
  constructor(clock: Clock, path = '', tap = new TransitionTap(clock)) {
    this.#clock = clock;
    this.#path = path;
    this.#tap = tap;
  }

  /**
   * An event is about to be handled, or was raised by the machine itself.
   * @param type the event's type; of a very long one the beginning is kept
   * @param startedAt monotonic time in ms
   */
  open(type: string, incarnation: number, raised: boolean, startedAt: number): HandledEvent {
    const event = type.length > NAME_KEPT ? `${type.slice(0, NAME_KEPT)}…` : type;
    this.#openedCount += 1;
    const entry: HandledEvent = {
      number: this.#openedCount,
      at: this.#clock.now(),
      incarnation,
      event,
      raised,
      rejected: false,
      failed: false,
      edges: [],
      edgesOmitted: 0,
      value: undefined,
      durationMs: undefined,
    };
    this.#handled.push(entry);
    if (raised && this.#tap.isWanted) this.#raised.push(entry);
    // Beginning and end of a life are no events that somebody sent.
    if (event !== 'xstate.init' && event !== 'xstate.stop') {
      this.#handledCount += 1;
      this.#rate.count(startedAt);
    }
    return entry;
  }

  /** The machine took a step with this event. */
  step(entry: HandledEvent, transitions: readonly AnyTransitionDefinition[], value: unknown): void {
    for (const transition of transitions) {
      if (entry.edges.length < EDGES_KEPT) entry.edges.push(edgeOf(transition));
      else entry.edgesOmitted += 1;
    }
    entry.value = value;
  }

  /** The machine had no transition for it. */
  reject(entry: HandledEvent, value: unknown): void {
    entry.rejected = true;
    entry.value = value;
    this.#rejectedCount += 1;
  }

  /** It is handled. */
  close(entry: HandledEvent, durationMs: number, failed: boolean): void {
    entry.durationMs = durationMs;
    entry.failed = failed;
    if (!this.#longest || durationMs > this.#longest.durationMs) this.#longest = { event: entry.event, durationMs, at: entry.at };
    if (this.#tap.isWanted) this.#tell(entry);
    else if (this.#raised.length > 0) this.#raised = [];
  }

  events(): ActorEvents {
    return {
      handled: this.#handledCount,
      rejected: this.#rejectedCount,
      perSecond: rounded(this.#rate.perSecond(this.#clock.monotonic())),
      ...(this.#longest ? { longest: { ...this.#longest, durationMs: rounded(this.#longest.durationMs) } } : {}),
    };
  }

  /** @returns newest first */
  transitions(): ActorTransition[] {
    return this.#handled.newestFirst().map(shown);
  }

  #tell(entry: HandledEvent): void {
    const raised = this.#raised;
    this.#raised = [];
    for (const one of [entry, ...raised]) this.#tap.tell(this.#path, () => shown(one));
  }
}

function shown({ edges, edgesOmitted, value, durationMs, ...entry }: HandledEvent): ActorTransition {
  return {
    ...entry,
    edges: [...edges],
    ...(edgesOmitted === 0 ? {} : { edgesOmitted }),
    ...(value === undefined ? {} : { state: stateName(value) }),
    ...(durationMs === undefined ? {} : { durationMs: rounded(durationMs) }),
  };
}

/** Finer than this says more about the machine than about the program. */
function rounded(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}
