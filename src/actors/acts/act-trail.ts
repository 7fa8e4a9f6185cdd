import type { Act, OutboxEntry } from '../../ports.ts';
import { Nudge } from '../jobs/dispatcher.actor.ts';

/** What waits for the database at most; beyond it the oldest gives way. The log has it all the same. */
const MOST_WAITING = 1_000;

interface Entry {
  readonly act: Act;
  readonly settle: (written: boolean) => void;
}

/**
 * What people did and the database has not heard of yet, in order. It outlives the lives of whoever writes it. An act is noted when it begins and
 * again when it has ended: of one that waits in both shapes, the later one is written.
 */
export class ActTrail {
  readonly nudge = new Nudge();
  /** By id, in the order in which they began. */
  readonly #waiting = new Map<string, Entry>();
  /** Of acts that have begun here, and whose end is not written: what the database may have as under way. */
  readonly #inHand = new Set<string>();
  readonly #onLost: (act: Act) => void;
  /** The last time that the database was asked for anything here, it could not be. */
  #isAway = false;

  /** @param onLost told of an act that will not be written */
  constructor(onLost: (act: Act) => void) {
    this.#onLost = onLost;
  }

  /** @returns resolves with true once it is written, with false when that was tried in vain: it is tried again, and again */
  note(act: Act): Promise<boolean> {
    this.begin(act.id);
    const before = this.#waiting.get(act.id);
    return new Promise((settle) => {
      // Whoever waits for the earlier shape is answered with the later one.
      const both = (written: boolean): void => {
        before?.settle(written);
        settle(written);
      };
      this.#waiting.set(act.id, { act, settle: both });
      if (this.#isAway) both(false);
      if (this.#waiting.size > MOST_WAITING) this.#dropOldest();
      this.nudge.ring();
    });
  }

  /** An act that the database has as under way is this process's to end. */
  begin(id: string): void {
    this.#inHand.add(id);
  }

  /** @returns the ids of all that have begun here, and whose end the database has not heard of */
  get inHand(): readonly string[] {
    return [...this.#inHand];
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** @returns all that waits, those first that began first */
  get waiting(): readonly Act[] {
    return [...this.#waiting.values()].map(({ act }) => act);
  }

  /** These were written, or can never be. */
  done(acts: readonly Act[], written: boolean): void {
    if (written) this.resume();
    for (const act of acts) {
      const entry = this.#waiting.get(act.id);
      // What came of it since is still to be written.
      if (entry?.act !== act) continue;
      this.#waiting.delete(act.id);
      // Of one whose beginning could not be written, the end still may be.
      if (act.finishedAt !== null) this.#inHand.delete(act.id);
      entry.settle(written);
      if (!written) this.#onLost(act);
    }
  }

  /** The database is there: who notes something is told once it is written. */
  resume(): void {
    this.#isAway = false;
  }

  /** The database is away: until it is there again, nobody waits for it. */
  postpone(): void {
    this.#isAway = true;
    for (const { settle } of this.#waiting.values()) settle(false);
  }

  #dropOldest(): void {
    const [oldest] = this.#waiting.values();
    if (oldest) this.done([oldest.act], false);
  }
}

/** What the world is told of an act that has ended. Nothing of it says why it was asked for, or from where. */
export function newsOf({ id, process, actor, act, event, outcome, code, asker }: Act): OutboxEntry[] {
  if (outcome === 'wanted' || outcome === 'under-way') return [];
  return [{ topic: `act.${outcome}`, payload: { actId: id, process, actor, act, event, outcome, code, by: asker.caller } }];
}
