import { aborted, type Clock, pause, WOKEN } from '../clock.ts';
import type { ActorTransition } from '../ports.ts';
import { EVENT_VERSION, frameOf } from './events/told-event.ts';
import type { TransitionTap } from './transition-tap.ts';

/** How many transitions of one actor are told in a second. */
export const MOST_A_SECOND = 20;
/** How many wait for who listens. */
const MOST_WAITING = 1_000;
/** The shortest time between two batches, in ms: more often nobody can look. */
const PACE_MS = 100;
/** How often it is told what was left out, in ms. */
const REPORT_MS = 1_000;
/** How often rations of seconds past are forgotten, in ms. */
const PRUNE_MS = 60_000;
/** Of so many actors it is told by name how much was left out. */
const ACTORS_NAMED = 50;

/** What was told, as a block of an event stream: made once, however many listen. */
const FRAMES = new WeakMap<ActorTransition, string>();

/** What an actor was told of in one second. */
interface Ration {
  readonly second: number;
  told: number;
}

/**
 * One listener's share of what actors do. It is bounded in each direction: so many of an actor in a second, so many that wait, so many batches;
 * what is left out is counted, and the counts are told.
 */
export class TransitionSubscription {
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #leave: () => void;
  readonly #rations = new Map<string, Ration>();
  readonly #leftOut = new Map<string, number>();
  #waiting: string[] = [];
  #batchAt = Number.NEGATIVE_INFINITY;
  #reportAt = Number.NEGATIVE_INFINITY;
  #prunedAt = Number.NEGATIVE_INFINITY;
  #ring: () => void = () => {};

  /** @param actor whose transitions, and of those below it; undefined: of all */
  constructor(tap: TransitionTap, clock: Clock, actor: string | undefined) {
    this.#clock = clock;
    this.#leave = tap.listen((path, read) => {
      if (actor !== undefined && path !== actor && !path.startsWith(`${actor}/`)) return;
      const told = this.#waiting.length < MOST_WAITING && this.#isGranted(path) ? read() : undefined;
      if (told !== undefined) this.#waiting.push(framed(path, told));
      // When the first one is told of that is left out, those after it are too.
      const isNews = told !== undefined || this.#leftOut.size === 0;
      if (told === undefined) this.#leftOut.set(path, (this.#leftOut.get(path) ?? 0) + 1);
      if (isNews) this.#ring();
    });
  }

  /** @returns what comes next as blocks of an event stream, once there is something; undefined when it was closed */
  async next(): Promise<{ readonly text: string; readonly position: undefined } | undefined> {
    while (!this.#over.signal.aborted) {
      const now = this.#clock.monotonic();
      const readyInMs = this.#readyInMs(now);
      if (readyInMs === 0) return { text: this.#batch(now), position: undefined };
      // What is ready but for the pace is not made ready sooner by more of it.
      if (this.#waiting.length > 0) await pause(this.#clock, readyInMs ?? 0, this.#over.signal);
      else await this.#rung(readyInMs);
    }
    return undefined;
  }

  /** Ends it: a batch that is waited for does not come any more, and nothing is heard. */
  close(): void {
    this.#leave();
    this.#waiting = [];
    this.#over.abort();
    this.#ring();
  }

  #isGranted(path: string): boolean {
    const now = this.#clock.monotonic();
    const second = Math.floor(now / 1000);
    if (now - this.#prunedAt >= PRUNE_MS) this.#prune(now);
    let ration = this.#rations.get(path);
    if (ration?.second !== second) {
      ration = { second, told: 0 };
      this.#rations.set(path, ration);
    }
    ration.told += 1;
    return ration.told <= MOST_A_SECOND;
  }

  /** Rations of seconds past say nothing. */
  #prune(now: number): void {
    this.#prunedAt = now;
    const second = Math.floor(now / 1000);
    for (const [path, ration] of this.#rations) if (ration.second !== second) this.#rations.delete(path);
  }

  /** @returns undefined while there is nothing to tell */
  #readyInMs(now: number): number | undefined {
    const pacedMs = Math.max(0, this.#batchAt + PACE_MS - now);
    if (this.#waiting.length > 0) return pacedMs;
    return this.#leftOut.size > 0 ? Math.max(pacedMs, this.#reportAt + REPORT_MS - now) : undefined;
  }

  async #rung(readyInMs: number | undefined): Promise<void> {
    const ring = new AbortController();
    this.#ring = () => ring.abort(WOKEN);
    if (readyInMs === undefined) await aborted(ring.signal);
    else await pause(this.#clock, readyInMs, ring.signal);
    this.#ring = () => {};
  }

  #batch(now: number): string {
    this.#batchAt = now;
    let text = this.#waiting.join('');
    this.#waiting = [];
    if (this.#leftOut.size > 0 && now - this.#reportAt >= REPORT_MS) text += this.#report(now);
    return text;
  }

  #report(now: number): string {
    this.#reportAt = now;
    const all = [...this.#leftOut].sort(([, a], [, b]) => b - a);
    const omitted = all.reduce((sum, [, count]) => sum + count, 0);
    const actors = all.slice(0, ACTORS_NAMED).map(([path, count]) => ({ path, omitted: count }));
    this.#leftOut.clear();
    return frameOf(null, 'omitted', { version: EVENT_VERSION, topic: 'omitted', omitted, actors });
  }
}

function framed(path: string, transition: ActorTransition): string {
  const before = FRAMES.get(transition);
  if (before !== undefined) return before;
  const data = { version: EVENT_VERSION, topic: 'transition', path, ...transition };
  const frame = frameOf(null, 'transition', data as unknown as Parameters<typeof frameOf>[2]);
  FRAMES.set(transition, frame);
  return frame;
}
