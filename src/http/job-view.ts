import type { Static } from 'typebox';
import { type AccountHealth, JOB_STATUSES, type Job, type JsonObject, type StoredJobEvent } from '../ports.ts';
import { Type } from './typebox.ts';
import { isoTime, isoTimeOrNull, nullable } from './view.ts';

/** How urgent a request is. */
export const PrioritySchema = Type.Integer({
  minimum: 1,
  maximum: 10,
  default: 5,
  description: '1 goes first, 10 last; a minute of waiting is worth a step.',
});

/** Statuses as they are shown: a job that is parked is delayed, and its reason says by what. */
export const SHOWN_STATUSES = ['queued', 'processing', 'completed', 'failed', 'delayed', 'cancelled'] as const;

const LISTED = {
  jobId: Type.String(),
  action: Type.String(),
  params: Type.Unsafe<JsonObject>(Type.Object({})),
  accountId: Type.String(),
  status: Type.Enum(SHOWN_STATUSES),
  priority: Type.Integer(),
  progress: nullable(Type.Object({ done: Type.Integer(), total: nullable(Type.Integer()) })),
  attempts: Type.Integer({ description: 'Runs that ended: in success, or in a failure that counts.' }),
  reason: nullable(Type.String({ description: 'Why it waits.' })),
  cancelRequested: Type.Boolean({ description: 'It ends with its next commit.' }),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
  endedAt: nullable(Type.String({ format: 'date-time' })),
  nextAttemptAt: nullable(
    Type.String({ format: 'date-time', description: 'When a delayed job runs again; null when that depends on something else.' }),
  ),
};

/** A job in a list: its result is asked for with the job. */
export const ListedJobSchema = Type.Object(LISTED);
export type ListedJobView = Static<typeof ListedJobSchema>;

/** A job as HTTP tells it. */
export const JobSchema = Type.Object({ ...LISTED, result: nullable(Type.Unsafe<JsonObject>(Type.Object({}))) });
export type JobView = Static<typeof JobSchema>;

/** One step of a job, as its history has it. */
export const JobEventSchema = Type.Object({
  at: Type.String({ format: 'date-time' }),
  event: Type.String({ description: 'An event of the job machine: SUBMIT, CLAIM, PROGRESS, FAIL …' }),
  from: Type.Enum(JOB_STATUSES),
  to: Type.Enum(JOB_STATUSES),
  detail: Type.Unsafe<JsonObject>(Type.Object({})),
});

/** What a request that became a job is answered. */
export const AcceptedSchema = Type.Object({
  jobId: Type.String(),
  status: Type.Literal('queued'),
  pollUrl: Type.String({ description: 'Where to ask for the job.' }),
});

/**
 * @param accounts how the accounts are, so that a job which waits for its own can say so
 * @returns the job as HTTP tells it; one that is parked counts as delayed, its reason says by what
 */
export function jobView(job: Job, accounts: readonly AccountHealth[]): JobView {
  return { ...listedJobView(job, accounts), result: job.result };
}

/** @returns the same without the result */
export function listedJobView(job: Job, accounts: readonly AccountHealth[]): ListedJobView {
  const { status } = job;
  return {
    jobId: job.id,
    action: job.action,
    params: job.params,
    accountId: job.accountId,
    status: status === 'parked' ? 'delayed' : status,
    priority: job.priority,
    progress: job.progress,
    attempts: job.attempts,
    reason: job.reason ?? (status === 'queued' ? whyItWaits(job.accountId, accounts) : null),
    cancelRequested: job.cancelRequested,
    error: job.error === null ? null : { code: job.error.code, message: job.error.message },
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    endedAt: isoTimeOrNull(job.endedAt),
    nextAttemptAt: status === 'delayed' && job.dueAt !== null ? isoTime(job.dueAt) : null,
  };
}

/** @returns a line of a job's history as HTTP tells it */
export function jobEventView({ at, event, from, to, detail }: StoredJobEvent): Static<typeof JobEventSchema> {
  return { at: isoTime(at), event, from, to, detail };
}

/** @returns null when nothing but its turn keeps the job waiting, or when it is not known how its account is */
function whyItWaits(accountId: string, accounts: readonly AccountHealth[]): string | null {
  const account = accounts.find(({ id }) => id === accountId);
  if (!account || account.state === 'authenticated' || account.state === 'unknown') return null;
  return `account ${accountId} is ${account.state}${account.reason === undefined ? '' : `: ${account.reason}`}`;
}
