import { pause, WOKEN } from '../../clock.ts';
import { errorRecord, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { JobMachineEvent } from '../../machines/job.machine.ts';
import { stepJob } from '../../machines/job-step.ts';
import type { Broker, Claim, Job } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { AccountLine } from '../telegram/account-line.ts';
import { type RunnerDeps, runJob } from './runner.ts';

/** Jobs of one account that run at once. */
export const SLOTS = 4;
/** Those and such as have run, and whose end is being written. */
const MOST_IN_HAND = 2 * SLOTS;
/** Wake-ups that are remembered; a job beyond them is woken again later. */
const MAX_WOKEN = 1_000;
/** How often rows and runs are compared, in ms: a claim whose COMMIT was not answered is in the row and nowhere else. */
const AUDIT_MS = 60_000;
/** How long to wait before asking again for a database that is away, in ms. */
const STORE_PAUSE_MS = 1_000;

/** What of an account's line a consumer needs: whether there is anybody to work with, and the calls. */
export type ServingLine = Pick<AccountLine, 'accountId' | 'serving' | 'onServing' | 'heeding'>;

export interface ConsumerDeps extends RunnerDeps {
  readonly broker: Broker;
  /**
   * Raises the account's fencing token for this life.
   * @returns the new one
   * @throws LEASE_LOST where the account is another worker's by now
   */
  readonly raiseToken: (accountId: string) => Promise<number>;
  /** Told when the account has another token than ours: somebody else has taken it. @default nobody wants to know */
  readonly onSuperseded?: () => void;
  /** Tells the dispatcher that jobs became due. */
  readonly nudge: () => void;
}

/**
 * Takes an account's wake-ups, claims the jobs behind them and runs them while the account is authenticated.
 * Each of its lives raises the fencing token first, so that what an earlier life had in hand is known to be lost. It can do so only while the
 * account's lease is held here; taking the lease raises the token too, which makes all that another owner had in hand lost.
 */
export function consumerSpec(line: ServingLine, deps: ConsumerDeps): ChildSpec {
  let consumer: Consumer | undefined;
  return {
    id: 'consumer',
    kind: 'task',
    shutdownMs: 15_000,
    view: () => consumer?.view() ?? {},
    queued: () => consumer?.view().woken ?? 0,
    start: (life) => ({
      logic: task(async (signal) => {
        consumer = new Consumer(line, deps, signal, life.handled);
        life.ready();
        await consumer.run();
      }),
    }),
  };
}

class Consumer {
  readonly #line: ServingLine;
  readonly #deps: ConsumerDeps;
  readonly #signal: AbortSignal;
  readonly #handled: Life['handled'];
  readonly #woken = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** Of these, what has run: while its end is written the next one takes its slot, so that the end of one and the claim of the next go together. */
  readonly #ending = new Set<string>();
  /** Ends the runs with this life, however it ends. */
  readonly #life = new AbortController();
  #token: number | undefined;
  #wake: () => void = () => {};
  /** Parked jobs have to be looked at: since the account came back, or this life began. */
  #unpark = true;
  /** Rows may be claimed by us that nobody runs. */
  #audit = false;
  /** Another worker has taken the account: this one takes no job any more. */
  #superseded = false;

  constructor(line: ServingLine, deps: ConsumerDeps, signal: AbortSignal, handled: Life['handled']) {
    this.#handled = handled;
    this.#line = line;
    this.#deps = deps;
    this.#signal = signal;
  }

  view() {
    return {
      slots: SLOTS,
      running: [...this.#running.keys()],
      ending: [...this.#ending],
      woken: this.#woken.size,
      token: this.#token ?? null,
      superseded: this.#superseded,
    };
  }

  async run(): Promise<void> {
    const stopListening = this.#line.onServing((serving) => {
      if (serving) this.#unpark = true;
      this.#wake();
    });
    const onAbort = (): void => {
      this.#life.abort();
      this.#wake();
    };
    this.#signal.addEventListener('abort', onAbort, { once: true });
    let stopConsuming: (() => Promise<void>) | undefined;
    try {
      this.#token = await this.#untilStored(() => this.#takeOver());
      if (this.#token === undefined) return;
      stopConsuming = await this.#deps.broker.consume(this.#line.accountId, (jobId) => {
        if (this.#woken.size < MAX_WOKEN && !this.#running.has(jobId)) this.#woken.add(jobId);
        this.#wake();
      });
      while (!this.#signal.aborted) {
        const awake = new AbortController();
        this.#wake = () => awake.abort(WOKEN);
        await this.#work(this.#token);
        if (await pause(this.#deps.clock, AUDIT_MS, awake.signal)) this.#audit = true;
      }
    } finally {
      this.#life.abort();
      stopListening();
      await stopConsuming?.();
      await Promise.all(this.#running.values());
    }
  }

  get #hasRoom(): boolean {
    return this.#running.size - this.#ending.size < SLOTS && this.#running.size < MOST_IN_HAND;
  }

  /** Takes the account, and hands back what earlier owners had in hand. */
  async #takeOver(): Promise<number> {
    const { store, clock, log, raiseToken } = this.#deps;
    const { accountId } = this.#line;
    const token = await raiseToken(accountId);
    const poison = errorRecord(
      new VigiliaError('JOB_POISON', 'five workers in a row were lost on this job without any progress'),
    );
    const lost = await store.findLost([accountId]);
    for (const id of lost) await store.stepJob(id, (job) => stepJob(job, [{ type: 'LOST', now: clock.now(), token, poison }]));
    if (lost.length > 0) log.warn({ account: accountId, jobs: lost.length }, 'jobs of a lost worker are queued again');
    if (lost.length > 0) this.#deps.nudge();
    return token;
  }

  async #work(token: number): Promise<void> {
    // Flags are cleared first: what happens during the look wants another one.
    if (this.#audit) {
      this.#audit = false;
      await this.#untilStored(() => this.#releaseForgotten(token));
    }
    if (!this.#line.serving || this.#superseded) return;
    if (this.#unpark) {
      this.#unpark = false;
      await this.#untilStored(() => this.#unparkAll());
    }
    for (const id of this.#woken) {
      if (!this.#hasRoom || !this.#line.serving || this.#signal.aborted) return;
      this.#woken.delete(id);
      const run = this.#claimAndRun(id, token).finally(() => {
        this.#running.delete(id);
        this.#ending.delete(id);
        this.#wake();
        // There is room for the next one.
        this.#deps.nudge();
      });
      this.#running.set(id, run);
    }
  }

  /** Hands back rows that carry our claim and that we do not run: the claim, or the end of the run, was stored but its answer was lost. */
  async #releaseForgotten(token: number): Promise<void> {
    const { store, clock, log, nudge } = this.#deps;
    const forgotten = (await store.findOwn(this.#line.accountId, token)).filter((id) => !this.#running.has(id));
    for (const id of forgotten) {
      const now = clock.now();
      await store.stepJob(id, (job) => {
        if (job.claim?.token !== token || this.#running.has(id)) return undefined;
        return stepJob(job, [{ type: 'RELEASE', now, claim: job.claim, retryAt: now }]);
      });
    }
    if (forgotten.length === 0) return;
    log.warn({ account: this.#line.accountId, jobs: forgotten.length }, 'jobs that nobody ran are queued again');
    nudge();
  }

  async #unparkAll(): Promise<void> {
    const { store, clock, nudge } = this.#deps;
    const parked = await store.findParked(this.#line.accountId);
    for (const id of parked) await store.stepJob(id, (job) => stepJob(job, [{ type: 'UNPARK', now: clock.now() }]));
    if (parked.length > 0) nudge();
  }

  async #claimAndRun(id: string, token: number): Promise<void> {
    const { store, clock, log } = this.#deps;
    let claim: Claim | null = null;
    let job: Job | undefined;
    try {
      job = await store.stepJob(
        id,
        (row, { fencingToken }) => {
          claim = null;
          if (fencingToken !== token) {
            this.#superseded = true;
            return undefined;
          }
          const change = stepJob(row, claimEvents(row, clock.now(), token));
          claim = change?.set.claim ?? null;
          return change;
        },
        undefined,
        { readFencing: true },
      );
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      // Perhaps it was claimed all the same, and only the answer was lost: then nobody else may take it, and we do not know of it.
      this.#audit = true;
      log.warn({ job: id, code: error.code, cause: error.message }, 'a job could not be claimed');
      return;
    }
    if (this.#superseded) {
      log.error({ account: this.#line.accountId }, 'another worker has taken the account; this one takes no jobs');
      this.#deps.onSuperseded?.();
    }
    if (!job || !claim) return;
    const startedAt = clock.monotonic();
    const onRan = (): void => {
      this.#ending.add(id);
      this.#wake();
    };
    const left = await runJob(job, claim, this.#line.heeding(this.#life.signal), this.#life.signal, this.#deps, onRan);
    this.#handled(`job ${job.action}`, clock.monotonic() - startedAt);
    if (!left) this.#audit = true;
    // The account may have come back before the job was parked (perhaps without an answer): then nobody else would look at it.
    if (!left || left.status === 'parked') this.#unpark = true;
  }

  /** @returns undefined when the consumer has to stop first */
  async #untilStored<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        const error = toVigiliaError(thrown);
        if (error.code !== 'STORE_UNAVAILABLE') throw error;
        if (!(await pause(this.#deps.clock, STORE_PAUSE_MS, this.#signal))) return undefined;
      }
    }
  }
}

function claimEvents(job: Job, now: number, token: number): JobMachineEvent[] {
  const claim = { type: 'CLAIM', now, token } as const;
  return job.status === 'delayed' ? [{ type: 'DUE', now }, claim] : [claim];
}
