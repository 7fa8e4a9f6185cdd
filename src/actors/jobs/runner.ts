import { type Clock, pause, type Random } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { JobMachineEvent } from '../../machines/job.machine.ts';
import { stepJob } from '../../machines/job-step.ts';
import type { Cache, Claim, Job, Store, StoreTransaction, TelegramCalls } from '../../ports.ts';
import type { Action, ActionOutcome } from './action.ts';
import { RunStopped, verdictOf } from './verdict.ts';

/** How long to wait before trying again to write down how a run ended, in ms. */
const SETTLE_PAUSE_MS = 1_000;

export interface RunnerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly cache: Cache;
  readonly actions: ReadonlyMap<string, Action>;
}

/**
 * Runs a claimed job to the end of this claim: completed, failed, waiting for another try, or handed back. It never rejects.
 * @param signal aborted when the worker stops: what is in hand is finished, then the job is handed back
 * @param onRan told when the work is over, and only its end has still to be written
 * @returns the row as this run left it, or undefined when that is not known: the claim was over, or the end could not be written down
 */
export async function runJob(
  job: Job,
  claim: Claim,
  calls: TelegramCalls,
  signal: AbortSignal,
  deps: RunnerDeps,
  onRan: () => void,
): Promise<Job | undefined> {
  const { clock, log } = deps;
  const fields = { job: job.id, action: job.action, account: job.accountId };
  const startedAt = clock.monotonic();
  log.debug({ ...fields, claim: claim.number }, 'job started');
  let ending: { readonly event: JobMachineEvent; readonly outcome?: ActionOutcome } | undefined;
  try {
    const outcome = await runAction(job, claim, calls, signal, deps);
    ending = { event: { type: 'COMPLETE', now: clock.now(), claim, result: outcome.result }, outcome };
  } catch (thrown) {
    ending = endingOf(thrown, job, claim, deps);
  }
  if (!ending) {
    log.info(fields, 'job left: its claim is over');
    return undefined;
  }
  onRan();
  const settled = await settle(job, claim, ending, signal, deps);
  if (!settled) return undefined;
  // A failure in its place means that the outcome was left out.
  if (settled.status === 'completed' || settled.status === 'cancelled') await makeVisible(ending.outcome, fields, log);
  const tookMs = Math.round(clock.monotonic() - startedAt);
  const error = settled.error ? { cause: settled.error.code, why: settled.error.message } : {};
  log.info(
    { ...fields, status: settled.status, attempts: settled.attempts, tookMs, ...error },
    settled.endedAt === null ? 'job waits' : 'job settled',
  );
  return settled;
}

/** The job has ended whatever comes of this: a failure makes readers see it later, no more. */
async function makeVisible(outcome: ActionOutcome | undefined, fields: { readonly job: string }, log: Log): Promise<void> {
  try {
    await outcome?.after?.();
  } catch (thrown) {
    log.warn({ ...fields, cause: toVigiliaError(thrown).message }, 'the outcome of a job is stored, but shows later');
  }
}

function runAction(job: Job, claim: Claim, calls: TelegramCalls, signal: AbortSignal, deps: RunnerDeps): Promise<ActionOutcome> {
  const action = deps.actions.get(job.action);
  if (!action) return Promise.reject(new VigiliaError('UNKNOWN_ACTION', `there is no action ${job.action}`));
  const { store, cache, clock } = deps;
  return action.run({
    job,
    calls,
    store,
    cache,
    clock,
    signal,
    commit: async (progress, checkpoint, effect) => {
      // The time at which the row is had, and not the one at which it was asked for: a cancellation may have come between.
      const event = () => ({ type: 'PROGRESS', now: clock.now(), claim, progress, checkpoint }) as const;
      const stepped = await store.stepJob(job.id, (row) => stepJob(row, [event()]), effect);
      if (stepped?.status === 'cancelled') throw new VigiliaError('JOB_CANCELLED', 'the job was cancelled');
    },
  });
}

function endingOf(thrown: unknown, job: Job, claim: Claim, deps: RunnerDeps): { readonly event: JobMachineEvent } | undefined {
  const now = deps.clock.now();
  if (thrown instanceof RunStopped) return { event: { type: 'RELEASE', now, claim, retryAt: now } };
  const error = toVigiliaError(thrown);
  if (error.fault === 'bug') deps.log.error({ job: job.id, err: thrown }, 'a defect in a job');
  const event = verdictOf(error, job.attempts, claim, now, deps.random);
  return event && { event };
}

/**
 * Writes down how the run ended. While the database is away it tries again, for nobody else knows; when the worker stops before that,
 * the next one finds the claim lost.
 */
async function settle(
  job: Job,
  claim: Claim,
  ending: { readonly event: JobMachineEvent; readonly outcome?: ActionOutcome },
  signal: AbortSignal,
  { store, clock, random, log }: RunnerDeps,
): Promise<Job | undefined> {
  let { event } = ending;
  let outcome: ActionOutcome | undefined = ending.outcome;
  const step = (row: Job) => stepJob(row, [{ ...event, now: clock.now() }]);
  for (;;) {
    try {
      const effect = outcome?.effect;
      return await store.stepJob(job.id, step, effect && ((tx: StoreTransaction) => effect(tx)));
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code === 'JOB_NOT_CLAIMED') {
        log.info({ job: job.id }, 'job left: its claim is over');
        return undefined;
      }
      if (error.code === 'STORE_UNAVAILABLE') {
        if (!(await pause(clock, SETTLE_PAUSE_MS, signal))) return undefined;
        continue;
      }
      log.error({ job: job.id, err: thrown }, 'the end of a job could not be stored');
      // The last effect is at fault: without it, as a failure, the end can be stored.
      if (!outcome) return undefined;
      const failure = verdictOf(error, job.attempts, claim, clock.now(), random);
      if (!failure) return undefined;
      event = failure;
      outcome = undefined;
    }
  }
}
