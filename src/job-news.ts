import type { ShownStatus } from './event-topics.ts';
import type { Job, JobStatus, OutboxEntry } from './ports.ts';

/** A parked job shows as delayed, here as over HTTP; its reason says why. */
const SHOWN: Readonly<Record<JobStatus, ShownStatus>> = {
  queued: 'queued',
  processing: 'processing',
  delayed: 'delayed',
  parked: 'delayed',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** What of a job its news tell. */
type Told = Pick<Job, 'id' | 'action' | 'accountId' | 'status' | 'attempts' | 'progress' | 'reason' | 'error' | 'dueAt'>;

/**
 * What the world is told of a job, as `docs/events.md` has it.
 * @param what `status` when that has changed, else `progress`
 */
export function jobNews(job: Told, what: 'status' | 'progress'): OutboxEntry {
  const { status, progress, error, dueAt } = job;
  return {
    topic: `job.${what === 'status' ? SHOWN[status] : what}`,
    payload: {
      jobId: job.id,
      action: job.action,
      accountId: job.accountId,
      status: SHOWN[status],
      attempts: job.attempts,
      progress: progress === null ? null : { ...progress },
      reason: job.reason,
      error: error === null ? null : { ...error },
      nextAttemptAt: status === 'delayed' && dueAt !== null ? new Date(dueAt).toISOString() : null,
    },
  };
}
