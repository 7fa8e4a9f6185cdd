import type { Clock, Timer } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { JobSubmission, Store, SubmissionOutcome } from '../../ports.ts';
import { Batches } from '../batches.ts';

/** Statements under way at once, and jobs in one. A disk writes one down in less time than this, as a rule. */
const LIMITS = { lanes: 3, most: 200, patienceMs: 5 };
/** Jobs that wait for their turn. */
const MOST_WAITING = 5_000;
/** Statements that take longer than this, in ms, say that the database does not answer: then nobody is kept waiting behind them. */
const STUCK_MS = 2_000;
/** What to tell clients to wait where others are before them, and where the database does not answer, in ms. */
const CROWDED_RETRY_MS = 1_000;
const SILENT_RETRY_MS = 5_000;

interface Waiting {
  readonly submission: JobSubmission;
  readonly expiresAt: number;
  readonly resolve: (outcome: SubmissionOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores jobs in batches. Nobody waits without an end: past its time a job is not stored any more, and whoever handed in one that is being stored by
 * then hears no more of it; behind statements that get no answer, or too many others, one is refused at once.
 */
export class JobBatches {
  readonly #store: Pick<Store, 'insertJobs'>;
  readonly #clock: Clock;
  readonly #batches: Batches<Waiting>;
  readonly #onOutcomes: (outcomes: readonly SubmissionOutcome[]) => void;
  /** Those whose time ends, until they have heard. */
  readonly #open = new Set<Waiting>();
  /** One for all of them: a timer each would cost more than all else that is done here for a job. */
  #timer: { readonly timer: Timer; readonly at: number } | undefined;

  /** @param onOutcomes told of every batch that was stored, also of what comes too late for those who waited */
  constructor(store: Pick<Store, 'insertJobs'>, clock: Clock, onOutcomes: (outcomes: readonly SubmissionOutcome[]) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onOutcomes = onOutcomes;
    this.#batches = new Batches(clock, LIMITS, (batch) => this.#write(batch));
  }

  /**
   * @param expiresAt by the monotonic clock: what was not begun by then is not stored, and whoever waits for it hears at this time at the latest
   * @throws STORE_UNAVAILABLE, also of one that may be stored all the same; STORE_REFUSED where the database refuses this very job
   */
  insert(submission: JobSubmission, expiresAt = Infinity): Promise<SubmissionOutcome> {
    return new Promise((resolve, reject) => {
      const batches = this.#batches;
      if (batches.isStuckFor(STUCK_MS)) return reject(unanswered());
      if (batches.waiting >= MOST_WAITING) this.#inTime(batches.takeOut((waiting) => this.#isLate(waiting)));
      if (batches.waiting >= MOST_WAITING) return reject(unavailable(`${MOST_WAITING} jobs wait to be stored`, CROWDED_RETRY_MS));
      const waiting = { submission, expiresAt, resolve, reject };
      batches.add(waiting);
      if (expiresAt === Infinity) return;
      this.#open.add(waiting);
      this.#expectEnd(expiresAt);
    });
  }

  /** Never rejects. */
  async #write(all: readonly Waiting[]): Promise<void> {
    const batch = this.#inTime(all);
    if (batch.length === 0) return;
    try {
      const outcomes = await this.#store.insertJobs(batch.map(({ submission }) => submission));
      this.#onOutcomes(outcomes);
      for (const [at, waiting] of batch.entries()) {
        waiting.resolve(outcomes[at] as SubmissionOutcome);
        this.#close(waiting);
      }
    } catch (thrown) {
      const isRefusal = thrown instanceof VigiliaError && thrown.code === 'STORE_REFUSED';
      if (!isRefusal || batch.length === 1) {
        for (const waiting of batch) this.#refuse(waiting, thrown);
        return;
      }
      // One row is at fault: the others shall not pay for it.
      const half = Math.ceil(batch.length / 2);
      await this.#write(batch.slice(0, half));
      await this.#write(batch.slice(half));
    }
  }

  /** @returns those of them that may still be stored; the others have heard */
  #inTime(all: readonly Waiting[]): Waiting[] {
    return all.filter((waiting) => {
      if (!this.#isLate(waiting)) return true;
      this.#refuse(waiting, unanswered());
      return false;
    });
  }

  #refuse(waiting: Waiting, why: unknown): void {
    waiting.reject(why);
    this.#close(waiting);
  }

  #close(waiting: Waiting): void {
    if (!this.#open.delete(waiting) || this.#open.size > 0) return;
    this.#clock.clearTimeout(this.#timer?.timer);
    this.#timer = undefined;
  }

  /** Looks at them at this time, or before. */
  #expectEnd(at: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at) return;
      this.#clock.clearTimeout(this.#timer.timer);
    }
    this.#timer = { timer: this.#clock.setTimeout(() => this.#endLate(), at - this.#clock.monotonic()), at };
  }

  #endLate(): void {
    this.#timer = undefined;
    let next = Infinity;
    for (const waiting of this.#open) {
      if (this.#isLate(waiting)) this.#refuse(waiting, unanswered());
      else next = Math.min(next, waiting.expiresAt);
    }
    if (this.#open.size > 0) this.#expectEnd(next);
  }

  #isLate({ expiresAt }: Waiting): boolean {
    return expiresAt <= this.#clock.monotonic();
  }
}

/** What is told to whom the database keeps waiting for too long. */
export function unanswered(): VigiliaError {
  return unavailable('it did not answer in time', SILENT_RETRY_MS);
}

function unavailable(why: string, retryAfterMs: number): VigiliaError {
  return new VigiliaError('STORE_UNAVAILABLE', `the database cannot be used: ${why}`, { retryAfterMs });
}
