import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { AccountAtStep, Job, JobChange } from '../../ports.ts';
import { Batches } from '../batches.ts';
import { type JobStep, readJobs, type SeenJob, writeSteps } from './job-rows.ts';
import type { Transactions } from './transactions.ts';

/** Statements under way at once, and steps in one. One that takes this long waits for a lock or for an ill disk: then nobody waits behind it. */
const LIMITS = { lanes: 3, most: 64, patienceMs: 20 };
/** Rows that are remembered: the jobs that this process runs. */
const MOST_KNOWN = 1_000;

/** Says what changes: what `Store.stepJob` is given. */
export type JobDecision = (job: Job, account: AccountAtStep) => JobChange | undefined;

/** A step in a transaction of its own, which waits for whoever holds the row. */
type StepAlone = (id: string, decide: JobDecision, readFencing: boolean) => Promise<Job | undefined>;

interface Waiting {
  readonly id: string;
  readonly decide: JobDecision;
  readonly readFencing: boolean;
  readonly resolve: (job: Job | undefined | Promise<Job | undefined>) => void;
  readonly reject: (error: unknown) => void;
}

interface LookedAt extends SeenJob {
  /** What is said of it may not be true of the row as it is. */
  readonly isRemembered: boolean;
}

/**
 * Steps of different jobs that come together are one statement: its wait for the disk, its planning and its way there and back are most of what a
 * step costs. They are decided on rows that nobody holds, and written where the rows are still those; whatever does not work out that way (the row
 * has changed, or is somebody else's at the moment, or the database refuses one of them) is done again alone, so that each fares as if it were.
 */
export class JobSteps {
  readonly #database: Transactions;
  readonly #clock: Clock;
  readonly #alone: StepAlone;
  readonly #batches: Batches<Waiting>;
  /** Running jobs as this process has left them: nearly always nobody else has touched them by their next step. The oldest first. */
  readonly #known = new Map<string, Job>();

  constructor(database: Transactions, clock: Clock, alone: StepAlone) {
    this.#database = database;
    this.#clock = clock;
    this.#alone = alone;
    this.#batches = new Batches(clock, LIMITS, (batch) => this.#write(batch));
  }

  /** What `Store.stepJob` says, of a step without an effect. */
  step(id: string, decide: JobDecision, readFencing: boolean): Promise<Job | undefined> {
    return new Promise((resolve, reject) => {
      this.#database.refuseInside();
      this.#batches.add({ id, decide, readFencing, resolve, reject });
    });
  }

  /** @param job as a step has left it */
  remember(job: Job): void {
    this.#known.delete(job.id);
    if (job.status !== 'processing') return;
    this.#known.set(job.id, job);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Never rejects. */
  async #write(batch: readonly Waiting[]): Promise<void> {
    // Two steps of one job are two: the second one is decided on what the first one has left.
    const first = new Map<string, Waiting>();
    for (const waiting of batch) if (!first.has(waiting.id)) first.set(waiting.id, waiting);
    let told: ReadonlyMap<Waiting, () => void> = new Map();
    try {
      told = await this.#together([...first.values()]);
    } catch (thrown) {
      // Whatever else it is, one of them is at fault: each alone will tell which.
      if (thrown instanceof VigiliaError && thrown.code === 'STORE_UNAVAILABLE') {
        for (const { reject } of batch) reject(thrown);
        return;
      }
    }
    for (const waiting of batch) {
      const tell = told.get(waiting);
      if (tell !== undefined) tell();
      else waiting.resolve(this.#alone(waiting.id, waiting.decide, waiting.readFencing));
    }
  }

  /** @returns for those that need nothing more, what tells them so */
  async #together(batch: readonly Waiting[]): Promise<ReadonlyMap<Waiting, () => void>> {
    const told = new Map<Waiting, () => void>();
    const seen = await this.#look(batch);
    const steps: JobStep[] = [];
    const stepping: Waiting[] = [];
    for (const waiting of batch) {
      const { id, decide, resolve, reject } = waiting;
      const row = seen.get(id);
      if (row === undefined) continue;
      try {
        const change = decide(row.job, { fencingToken: row.fencingToken });
        if (change !== undefined) {
          steps.push({ job: row.job, fencingToken: row.fencingToken, change });
          stepping.push(waiting);
        } else if (!row.isRemembered) told.set(waiting, () => resolve(row.job));
      } catch (thrown) {
        if (!row.isRemembered) told.set(waiting, () => reject(thrown));
      }
    }
    if (steps.length === 0) return told;
    const after = await writeSteps(this.#database, steps, this.#clock.now());
    for (const waiting of stepping) {
      const job = after.get(waiting.id);
      if (job === undefined) continue;
      this.remember(job);
      told.set(waiting, () => waiting.resolve(job));
    }
    return told;
  }

  /** @returns the rows to decide on: as they are known, or else as they are now */
  async #look(batch: readonly Waiting[]): Promise<ReadonlyMap<string, LookedAt>> {
    const seen = new Map<string, LookedAt>();
    const unknown = batch.filter(({ id, readFencing }) => {
      const job = readFencing ? undefined : this.#known.get(id);
      if (job !== undefined) seen.set(id, { job, fencingToken: undefined, isRemembered: true });
      return job === undefined;
    });
    if (unknown.length === 0) return seen;
    const wantFencing = new Set(unknown.filter(({ readFencing }) => readFencing).map(({ id }) => id));
    const ids = unknown.map(({ id }) => id);
    for (const [id, row] of await readJobs(this.#database, ids, wantFencing.size > 0)) {
      seen.set(id, { job: row.job, fencingToken: wantFencing.has(id) ? row.fencingToken : undefined, isRemembered: false });
    }
    return seen;
  }
}
