import type { Static } from 'typebox';
import type { AccountHealth, Job, JsonObject } from '../ports.ts';
import { Type } from './typebox.ts';
import { isoTime, nullable } from './view.ts';

/** A job as HTTP tells it. */
export const JobSchema = Type.Object({
  jobId: Type.String(),
  action: Type.String(),
  params: Type.Unsafe<JsonObject>(Type.Object({})),
  accountId: Type.String(),
  status: Type.Enum(['queued', 'processing', 'completed', 'failed', 'delayed', 'cancelled']),
  progress: nullable(Type.Object({ done: Type.Integer(), total: nullable(Type.Integer()) })),
  attempts: Type.Integer({ description: 'Runs that ended: in success, or in a failure that counts.' }),
  reason: nullable(Type.String({ description: 'Why it waits.' })),
  result: nullable(Type.Unsafe<JsonObject>(Type.Object({}))),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
  nextAttemptAt: nullable(
    Type.String({ format: 'date-time', description: 'When a delayed job runs again; null when that depends on something else.' }),
  ),
});
export type JobView = Static<typeof JobSchema>;

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
  const { status } = job;
  return {
    jobId: job.id,
    action: job.action,
    params: job.params,
    accountId: job.accountId,
    status: status === 'parked' ? 'delayed' : status,
    progress: job.progress,
    attempts: job.attempts,
    reason: job.reason ?? (status === 'queued' ? whyItWaits(job.accountId, accounts) : null),
    result: job.result,
    error: job.error === null ? null : { code: job.error.code, message: job.error.message },
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    nextAttemptAt: status === 'delayed' && job.dueAt !== null ? isoTime(job.dueAt) : null,
  };
}

/** @returns null when nothing but its turn keeps the job waiting, or when it is not known how its account is */
function whyItWaits(accountId: string, accounts: readonly AccountHealth[]): string | null {
  const account = accounts.find(({ id }) => id === accountId);
  if (!account || account.state === 'authenticated' || account.state === 'unknown') return null;
  return `account ${accountId} is ${account.state}${account.reason === undefined ? '' : `: ${account.reason}`}`;
}
