import { type Clock, pause } from '../../clock.ts';
import { toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { Nudge } from '../jobs/dispatcher.actor.ts';
import { nextPollMs, pollPolicyOf } from './poll-policy.ts';
import type { SequencerRight } from './sequencer-right.ts';

/** Rows that get their position in one transaction. */
const BATCH = 1_000;
/** How long the right is held without a renewal, in ms: a holder that was killed is followed by another after it. */
const LEASE_MS = 5_000;
/** The same for a database that only one process can open: nobody is there to follow, and each renewal is a write. */
const LEASE_OF_ONE_MS = 60_000;
/** How often those who do not hold it ask for it, in ms. */
const ASK_MS = 1_000;

export interface SequencerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  /** Who this is in the lease: the same over all lives of an installation, so that it takes back at once what it had. */
  readonly owner: string;
  /** Told when the stream has grown. */
  readonly onPlaced: () => void;
  /** Told when the right is had, and when it is had no longer. @default nobody wants to know */
  readonly right?: SequencerRight;
}

/**
 * Gives what was committed to the outbox its place in the stream of events. Of all processes on a database one does it at a time, by a lease:
 * the others wait for theirs. Nothing is in memory: a holder that is killed leaves rows without a place, which the next one finds.
 * It is started before those who write, so that it ends after them and places their last words too.
 */
export function sequencerSpec(nudge: Nudge, deps: SequencerDeps): ChildSpec {
  const shown = { holds: false, token: null as number | null, placed: 0 };
  return {
    id: 'sequencer',
    kind: 'task',
    view: () => ({ ...shown }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        const sequencing = new Sequencing(nudge, deps, signal, life.handled, shown);
        await sequencing.run();
      }),
    }),
  };
}

interface Shown {
  holds: boolean;
  token: number | null;
  placed: number;
}

/** One life of the sequencer. */
class Sequencing {
  readonly #nudge: Nudge;
  readonly #deps: SequencerDeps;
  readonly #signal: AbortSignal;
  readonly #handled: Life['handled'];
  readonly #shown: Shown;
  readonly #leaseMs: number;
  #token: number | undefined;
  #renewAt = 0;
  #storeIsDown = false;

  constructor(nudge: Nudge, deps: SequencerDeps, signal: AbortSignal, handled: Life['handled'], shown: Shown) {
    this.#nudge = nudge;
    this.#deps = deps;
    this.#signal = signal;
    this.#handled = handled;
    this.#shown = shown;
    this.#leaseMs = deps.store.kind === 'pglite' ? LEASE_OF_ONE_MS : LEASE_MS;
  }

  async run(): Promise<void> {
    const { clock, store } = this.#deps;
    const policy = pollPolicyOf(store.kind);
    let foundAt = clock.monotonic();
    try {
      while (!this.#signal.aborted) {
        const placed = await this.#look();
        if (placed === undefined) await pause(clock, ASK_MS, this.#signal);
        else {
          const now = clock.monotonic();
          if (placed > 0) foundAt = now;
          if (placed < BATCH) await this.#nudge.sleep(clock, nextPollMs(policy, now - foundAt), this.#signal);
        }
      }
      if (this.#token !== undefined) while ((await this.#look()) === BATCH);
    } finally {
      this.#note(undefined);
    }
  }

  /** @returns how many were placed; undefined where that is not for us now */
  async #look(): Promise<number | undefined> {
    const { clock, store, owner, onPlaced, log } = this.#deps;
    try {
      const startedAt = clock.monotonic();
      const token = await this.#hold(startedAt);
      if (token === undefined) return undefined;
      const placed = await store.placeEvents(owner, token, BATCH, this.#leaseMs);
      this.#storeIsDown = false;
      if (placed === undefined) {
        this.#lose();
        return undefined;
      }
      if (placed > 0) {
        // Placing has renewed the lease.
        this.#renewAt = startedAt + this.#leaseMs / 3;
        this.#shown.placed += placed;
        this.#handled('placed', clock.monotonic() - startedAt);
        onPlaced();
      }
      if (this.#signal.aborted && placed < BATCH) await store.releaseSequencer(owner, token);
      return placed;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_UNAVAILABLE') throw error;
      if (!this.#storeIsDown) log.warn({ cause: error.message }, 'the sequencer waits for the database');
      this.#storeIsDown = true;
      return undefined;
    }
  }

  /** @returns the token under which the right is held at this moment */
  async #hold(now: number): Promise<number | undefined> {
    const { store, owner, log } = this.#deps;
    if (this.#token !== undefined && now < this.#renewAt) return this.#token;
    if (this.#token !== undefined && !(await store.renewSequencer(owner, this.#token, this.#leaseMs))) {
      this.#lose();
      return undefined;
    }
    if (this.#token === undefined) {
      if (this.#signal.aborted) return undefined;
      this.#note(await store.takeSequencer(owner, this.#leaseMs));
      if (this.#token !== undefined) log.debug({ token: this.#token }, 'this process gives events their places');
    }
    this.#renewAt = now + this.#leaseMs / 3;
    return this.#token;
  }

  #lose(): void {
    this.#deps.log.info({ token: this.#token }, 'another process gives events their places');
    this.#note(undefined);
  }

  #note(token: number | undefined): void {
    this.#token = token;
    this.#deps.right?.note(token);
    this.#shown.holds = token !== undefined;
    this.#shown.token = token ?? null;
  }
}
