import { ptsVerdict } from './pts.ts';

/** What waits for something before it. */
interface Held<T> {
  readonly end: number;
  readonly count: number;
  readonly item: T;
  /** When the wait for what is before it is over, in ms. */
  until: number;
}

/**
 * One of Telegram's counters with what follows on it: lets items out in their order and each once, and holds those back that came too early.
 * Time is passed in, in ms of any clock that only grows.
 */
export class UpdateSequence<T> {
  readonly #release: (item: T, value: number) => void;
  readonly #waitMs: number;
  readonly #mostHeld: number;
  #value: number | undefined;
  /** By where they end. */
  readonly #held: Held<T>[] = [];
  /** Where the furthest ends that had to give way. */
  #gaveWay = 0;
  #frozen = false;

  /**
   * @param value where it stands; undefined where nobody knows yet, and everything is held back
   * @param options.waitMs how long something waits for what is before it
   * @param options.mostHeld how much is held back; beyond it the newest give way
   * @param release told of each item that is let out, with the counter after it
   */
  constructor(
    value: number | undefined,
    options: { readonly waitMs: number; readonly mostHeld: number },
    release: (item: T, value: number) => void,
  ) {
    this.#value = value;
    this.#waitMs = options.waitMs;
    this.#mostHeld = options.mostHeld;
    this.#release = release;
  }

  get value(): number | undefined {
    return this.#value;
  }

  /** True when something came that was not let out. */
  get holds(): boolean {
    return this.#held.length > 0 || this.overflowed;
  }

  /** True when something came before which something is missing. */
  get blocked(): boolean {
    const [first] = this.#held;
    return this.overflowed || (first !== undefined && ptsVerdict(this.#value, first.end, first.count) === 'gap');
  }

  /** True when something had to give way that is not known otherwise by now. */
  get overflowed(): boolean {
    return this.#gaveWay > (this.#value ?? 0);
  }

  /** Where the last ends of all that came; undefined when there is none beyond the counter. */
  get furthest(): number | undefined {
    const furthest = Math.max(this.#gaveWay, this.#held.at(-1)?.end ?? 0);
    return furthest > (this.#value ?? 0) ? furthest : undefined;
  }

  /** When the first of what is held back has waited long enough; undefined when nothing waits. */
  get deadline(): number | undefined {
    if (this.#value === undefined || this.#frozen) return undefined;
    return this.#held.reduce<number | undefined>(
      (first, { until }) => (first === undefined || until < first ? until : first),
      undefined,
    );
  }

  /**
   * Takes an item in.
   * @param end the counter after it
   * @param count by how much it moves the counter
   */
  offer(end: number, count: number, item: T, nowMs: number): void {
    const verdict = this.#value === undefined ? 'gap' : ptsVerdict(this.#value, end, count);
    if (verdict === 'duplicate') return;
    if (verdict === 'gap' || this.#frozen) {
      this.#hold({ end, count, item, until: nowMs + this.#waitMs });
      return;
    }
    this.#let(item, end);
    this.#drain();
  }

  /** Holds everything back from now on: somebody asks what is missing, and the answer brings what came up to then. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Somebody knows where the counter stands, and what was before. It never goes back. */
  moveTo(value: number, nowMs: number): void {
    this.#value = Math.max(value, this.#value ?? 0);
    for (const held of this.#held) held.until = nowMs + this.#waitMs;
    this.#drain();
  }

  /** What was known is of another count: it begins here, further back too, with nothing held back. */
  restart(value: number): void {
    this.#value = value;
    this.#held.length = 0;
    this.#gaveWay = 0;
  }

  /** Lets out what follows; what does not waits anew. */
  thaw(nowMs: number): void {
    this.#frozen = false;
    for (const held of this.#held) held.until = nowMs + this.#waitMs;
    this.#drain();
  }

  /** Lets everything out, over all holes. @returns by how much the counter moved over holes */
  skip(): number {
    let missing = 0;
    for (const { end, count, item } of this.#held.splice(0)) {
      const value = this.#value ?? 0;
      if (end < value || (end === value && count > 0)) continue;
      missing += Math.max(0, end - count - value);
      this.#let(item, end);
    }
    const value = this.#value ?? 0;
    missing += Math.max(0, this.#gaveWay - value);
    this.#value = Math.max(value, this.#gaveWay);
    return missing;
  }

  #let(item: T, end: number): void {
    this.#value = end;
    this.#release(item, end);
  }

  #hold(held: Held<T>): void {
    let place = this.#held.length;
    while (place > 0 && isAfter(this.#held[place - 1] as Held<T>, held)) place--;
    const before = this.#held[place - 1];
    if (before?.end === held.end && before.count === held.count) return;
    this.#held.splice(place, 0, held);
    if (this.#held.length > this.#mostHeld) this.#gaveWay = Math.max(this.#gaveWay, this.#held.pop()?.end ?? 0);
  }

  /** While it is frozen, only what is known by now goes. */
  #drain(): void {
    let passed = 0;
    for (const { end, count, item } of this.#held) {
      const verdict = ptsVerdict(this.#value, end, count);
      if (verdict === 'gap' || (verdict === 'apply' && this.#frozen)) break;
      passed++;
      if (verdict === 'apply') this.#let(item, end);
    }
    this.#held.splice(0, passed);
  }
}

/** Of two that end at one place, the one that began earlier comes first. */
function isAfter(one: Held<unknown>, other: Held<unknown>): boolean {
  return one.end > other.end || (one.end === other.end && one.count < other.count);
}
