import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { JobSubmission, Store, SubmissionOutcome } from '../../ports.ts';

/** Statements under way at once. */
const LANES = 3;
/** Jobs in one statement. */
const MOST_IN_BATCH = 200;
/** Jobs that wait for their turn. */
const MOST_WAITING = 5_000;
/** Statements that take longer than this, in ms, say that the database does not answer: then nobody is kept waiting behind them. */
const STUCK_MS = 2_000;
/** What to tell clients to wait, in ms. */
const RETRY_MS = 1_000;

interface Waiting {
  readonly submission: JobSubmission;
  readonly expiresAt: number;
  readonly resolve: (outcome: SubmissionOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores jobs in batches: what comes together, and what waits while others are written, goes in one statement. A job that comes alone is written
 * at once. Nobody waits without an end: past its time a job is not stored any more, and behind statements that get no answer, or too many others,
 * it is refused at once.
 */
export class JobBatches {
  readonly #store: Pick<Store, 'insertJobs'>;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** When each statement under way began, by the monotonic clock. */
  readonly #lanes = new Set<{ readonly since: number }>();
  #scheduled = false;

  constructor(store: Pick<Store, 'insertJobs'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * @param expiresAt by the monotonic clock: what was not begun by then is not stored
   * @throws STORE_UNAVAILABLE, STORE_REFUSED where the database refuses this very job
   */
  insert(submission: JobSubmission, expiresAt = Infinity): Promise<SubmissionOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#isStuck()) return reject(unavailable('it does not answer'));
      if (this.#waiting.length >= MOST_WAITING) this.#dropExpired();
      if (this.#waiting.length >= MOST_WAITING) return reject(unavailable(`${MOST_WAITING} jobs wait to be stored`));
      this.#waiting.push({ submission, expiresAt, resolve, reject });
      this.#schedule();
    });
  }

  /** All that this turn of the event loop brings goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#lanes.size >= LANES) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    this.#dropExpired();
    while (this.#lanes.size < LANES && this.#waiting.length > 0) {
      const lane = { since: this.#clock.monotonic() };
      this.#lanes.add(lane);
      void this.#write(this.#waiting.splice(0, MOST_IN_BATCH)).finally(() => {
        this.#lanes.delete(lane);
        this.#begin();
      });
    }
  }

  /** Never rejects. */
  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#store.insertJobs(batch.map(({ submission }) => submission));
      for (const [at, { resolve }] of batch.entries()) resolve(outcomes[at] as SubmissionOutcome);
    } catch (thrown) {
      const isRefusal = thrown instanceof VigiliaError && thrown.code === 'STORE_REFUSED';
      if (!isRefusal || batch.length === 1) {
        for (const { reject } of batch) reject(thrown);
        return;
      }
      // One row is at fault: the others shall not pay for it.
      const half = Math.ceil(batch.length / 2);
      await this.#write(batch.slice(0, half));
      await this.#write(batch.slice(half));
    }
  }

  #isStuck(): boolean {
    if (this.#lanes.size < LANES) return false;
    const now = this.#clock.monotonic();
    return [...this.#lanes].every(({ since }) => now - since >= STUCK_MS);
  }

  #dropExpired(): void {
    const now = this.#clock.monotonic();
    const [late, rest] = [
      this.#waiting.filter((one) => one.expiresAt <= now),
      this.#waiting.filter((one) => one.expiresAt > now),
    ];
    this.#waiting = rest;
    for (const { reject } of late) reject(unavailable('it did not take the job in time'));
  }
}

function unavailable(why: string): VigiliaError {
  return new VigiliaError('STORE_UNAVAILABLE', `the database cannot be used: ${why}`, { retryAfterMs: RETRY_MS });
}
