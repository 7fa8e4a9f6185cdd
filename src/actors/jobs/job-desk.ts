import type { Clock } from '../../clock.ts';
import { errorRecord, VigiliaError } from '../../errors.ts';
import { stepJob } from '../../machines/job-step.ts';
import type { DeadLetterCount, Job, JobChange, JobDesk, JobFilter, Store } from '../../ports.ts';

/** Dead letters handled between two looks at the time. */
const PART = 50;
/** How long handling many goes on, in ms; what is left then is for another request. */
const LONGEST_MS = 5_000;
/** How far what is left is counted. */
const MOST_COUNTED = 10_000;

export interface JobDeskDeps {
  readonly clock: Clock;
  readonly store: Pick<Store, 'stepJob' | 'findJob' | 'listJobs' | 'countJobsLike' | 'deleteFailed'>;
  /** @throws UNKNOWN_ACCOUNT when there is no such account */
  readonly checkAccount: (accountId: string) => Promise<void>;
  /** Tells the dispatcher that jobs became due. */
  readonly nudge: () => void;
}

/** What people do with jobs: each act is a step of `job.machine` on the row, with a line in its history. */
export function createJobDesk({ clock, store, checkAccount, nudge }: JobDeskDeps): JobDesk {
  const wasCancelled = errorRecord(new VigiliaError('JOB_CANCELLED', 'it was cancelled on request'));

  const cancelStep = (job: Job): JobChange | undefined => {
    // Asked for again, it is noted already.
    if (job.cancelRequested && job.endedAt === null) return undefined;
    const change = stepJob(job, [{ type: 'CANCEL', now: clock.now(), error: wasCancelled }]);
    if (change === undefined)
      throw new VigiliaError('JOB_ENDED', `Job ${job.id} has ended: it is ${job.status}.`, { field: 'id' });
    return change;
  };
  const retryStep = (job: Job): JobChange | undefined => stepJob(job, [{ type: 'RETRY', now: clock.now() }]);

  /** @param part does so many at most, and tells of them as they are done @throws what fails before anything was done */
  async function inParts(most: number, part: (limit: number, tell: (more: number) => void) => Promise<void>): Promise<number> {
    const until = clock.monotonic() + LONGEST_MS;
    let done = 0;
    for (let before = 0; ; before = done) {
      const limit = Math.min(PART, most - done);
      try {
        if (limit > 0) await part(limit, (more) => (done += more));
      } catch (thrown) {
        // What was done is done, and is to be told; whoever asks for the rest hears what is in the way.
        if (done === 0) throw thrown;
        return done;
      }
      if (done - before < limit || limit === 0 || clock.monotonic() >= until) return done;
    }
  }

  return {
    cancel: async (id) => (await store.stepJob(id, cancelStep)) ?? refuseAbsent(id),

    retry: async (id) => {
      const before = (await store.findJob(id)) ?? refuseAbsent(id);
      await checkAccount(before.accountId);
      const after = await store.stepJob(id, (job) => {
        const change = retryStep(job);
        if (change !== undefined) return change;
        throw new VigiliaError(
          'JOB_NOT_RETRIABLE',
          `Job ${id} is ${job.status}: only a failed or cancelled job can be retried.`,
          {
            field: 'id',
          },
        );
      });
      nudge();
      return after ?? refuseAbsent(id);
    },

    replay: async (filter, most) => {
      // Those that fail again while this goes on are another request's.
      const fitting = deadBefore(filter, clock.now(), true);
      const done = await inParts(most, async (limit, tell) => {
        const page = await store.listJobs({ ...fitting, by: 'endedAt', oldestFirst: true, limit });
        try {
          for (const { id } of page) {
            await store.stepJob(id, retryStep);
            tell(1);
          }
        } finally {
          nudge();
        }
      });
      return counted(done, fitting);
    },

    purge: async (filter, most) => {
      const fitting = deadBefore(filter, clock.now(), false);
      const done = await inParts(most, async (limit, tell) => tell(await store.deleteFailed(fitting, limit)));
      return counted(done, fitting);
    },
  };

  async function counted(done: number, filter: JobFilter): Promise<DeadLetterCount> {
    // A count that fails says nothing against what was done.
    return { done, left: await store.countJobsLike(filter, MOST_COUNTED).catch(() => null) };
  }
}

/** @param servable only those whose account can do them */
function deadBefore(filter: JobFilter, now: number, servable: boolean): JobFilter {
  const to = Math.min(filter.ended?.to ?? Infinity, now + 1);
  return { ...filter, statuses: ['failed'], ended: { ...filter.ended, to }, ...(servable && { servable: true }) };
}

function refuseAbsent(id: string): never {
  throw new VigiliaError('NOT_FOUND', `There is no job ${id}.`, { field: 'id' });
}
