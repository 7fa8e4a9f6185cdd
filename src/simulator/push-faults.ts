import type { Clock, Timer } from '../clock.ts';
import { seededRandom } from './seeded.ts';

/** What becomes of one push to one session: it goes as it should, is lost, comes twice, or comes after the one that follows it. */
export type PushFate = 'pass' | 'drop' | 'duplicate' | 'hold';

/** How often each fault happens, from 0 to 1; what remains passes. */
export interface FaultRates {
  readonly drop: number;
  readonly duplicate: number;
  readonly hold: number;
  readonly seed: number;
}

/** How long a push is held back where none follows it. */
const HELD_MS = 200;

/** Spoils pushes as networks and Telegram do: by a script, and after it by chance. */
export class PushFaults<Target> {
  /** How many pushes got each fate. */
  readonly counts: Record<PushFate, number> = { pass: 0, drop: 0, duplicate: 0, hold: 0 };
  readonly #clock: Clock;
  readonly #send: (target: Target, body: Buffer) => void;
  readonly #held = new Map<Target, { readonly bodies: Buffer[]; readonly timer: Timer }>();
  #script: PushFate[] = [];
  #rates: FaultRates | undefined;
  #random = seededRandom(1);

  constructor(clock: Clock, send: (target: Target, body: Buffer) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** What becomes of the next pushes, in order. */
  script(fates: readonly PushFate[]): void {
    this.#script.push(...fates);
  }

  /** What becomes of the others. */
  rates(rates: FaultRates): void {
    this.#rates = rates;
    this.#random = seededRandom(rates.seed);
  }

  push(target: Target, body: Buffer): void {
    const fate = this.#script.shift() ?? this.#chance();
    this.counts[fate]++;
    if (fate === 'hold') {
      const held = this.#held.get(target) ?? { bodies: [], timer: this.#clock.setTimeout(() => this.#release(target), HELD_MS) };
      held.bodies.push(body);
      this.#held.set(target, held);
      return;
    }
    if (fate !== 'drop') this.#send(target, body);
    if (fate === 'duplicate') this.#send(target, body);
    this.#release(target);
  }

  #chance(): PushFate {
    if (this.#rates === undefined) return 'pass';
    const { drop, duplicate, hold } = this.#rates;
    const chance = this.#random();
    if (chance < drop) return 'drop';
    if (chance < drop + duplicate) return 'duplicate';
    return chance < drop + duplicate + hold ? 'hold' : 'pass';
  }

  /** What was held back goes out, the newest first. */
  #release(target: Target): void {
    const held = this.#held.get(target);
    if (held === undefined) return;
    this.#clock.clearTimeout(held.timer);
    this.#held.delete(target);
    for (const body of held.bodies.reverse()) this.#send(target, body);
  }
}
