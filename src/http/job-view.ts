import type { Static } from 'typebox';
import { type AccountHealth, JOB_STATUSES, type Job, type JsonObject, type StoredJobEvent } from '../ports.ts';
import { sentence } from './sentence.ts';
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
  jobId: Type.String({ description: 'Sorts by when it was asked for; begins with a word for its action.' }),
  action: Type.String({ description: 'What it does: sync-messages, get-channels.' }),
  params: Type.Unsafe<JsonObject>(Type.Object({}, { description: 'What was asked for, with what was left out filled in.' })),
  accountId: Type.String({ description: 'The account that does it.' }),
  status: Type.Enum(SHOWN_STATUSES, { description: 'completed, failed and cancelled are its ends.' }),
  priority: Type.Integer({ description: '1 goes first, 10 last.' }),
  progress: nullable(
    Type.Object(
      {
        done: Type.Integer({ description: 'How many are stored.' }),
        total: nullable(Type.Integer({ description: 'Null while it is not known.' })),
      },
      { description: 'How many messages are stored, of how many; null before the first.' },
    ),
  ),
  attempts: Type.Integer({ description: 'Runs that ended: in success, or in a failure that counts.' }),
  reason: nullable(Type.String({ description: 'Why it waits.' })),
  cancelRequested: Type.Boolean({ description: 'True while it runs and is to be cancelled: it ends with its next commit.' }),
  error: nullable(
    Type.Object(
      { code: Type.String({ description: 'One of the codes of errors.' }), message: Type.String({ description: 'For people.' }) },
      { description: 'Why it failed, or was cancelled; of one that is tried again, what went wrong last.' },
    ),
  ),
  createdAt: Type.String({ format: 'date-time', description: 'When it was asked for.' }),
  updatedAt: Type.String({ format: 'date-time', description: 'When anything of it changed last.' }),
  endedAt: nullable(Type.String({ format: 'date-time', description: 'When it completed, failed or was cancelled.' })),
  nextAttemptAt: nullable(
    Type.String({ format: 'date-time', description: 'When a delayed job runs again; null when that depends on something else.' }),
  ),
};

/** A job in a list: its result is asked for with the job. */
export const ListedJobSchema = Type.Object(LISTED);
export type ListedJobView = Static<typeof ListedJobSchema>;

/** A job as HTTP tells it. */
export const JobSchema = Type.Object({
  ...LISTED,
  result: nullable(
    Type.Unsafe<JsonObject>(
      Type.Object(
        {},
        {
          description:
            'What came of it, once it is completed. Of sync-messages: `count`, `channelId`, `complete`, the newest 100 `messages`, and under `more` where all are. Of get-channels: `count`, the first 100 `channels`, and `more`.',
        },
      ),
    ),
  ),
});
export type JobView = Static<typeof JobSchema>;

/** One step of a job, as its history has it. */
export const JobEventSchema = Type.Object({
  id: Type.Integer({ description: 'Grows from line to line: after=… goes on from here.' }),
  at: Type.String({ format: 'date-time', description: 'When it happened.' }),
  event: Type.String({ description: 'An event of the job machine: SUBMIT, CLAIM, PROGRESS, FAIL …' }),
  from: Type.Enum(JOB_STATUSES, { description: 'The status before; parked is shown as delayed elsewhere.' }),
  to: Type.Enum(JOB_STATUSES, { description: 'The status after.' }),
  detail: Type.Unsafe<JsonObject>(Type.Object({}, { description: 'What there is to say besides: an error, how far it came …' })),
});

/** What a request that became a job is answered. */
export const AcceptedSchema = Type.Object({
  jobId: Type.String({ description: 'By which to ask for it.' }),
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
    error: job.error === null ? null : { code: job.error.code, message: sentence(job.error.message) },
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    endedAt: isoTimeOrNull(job.endedAt),
    nextAttemptAt: status === 'delayed' && job.dueAt !== null ? isoTime(job.dueAt) : null,
  };
}

/** @returns a line of a job's history as HTTP tells it */
export function jobEventView({ id, at, event, from, to, detail }: StoredJobEvent): Static<typeof JobEventSchema> {
  return { id, at: isoTime(at), event, from, to, detail };
}

/** @returns null when nothing but its turn keeps the job waiting, or when it is not known how its account is */
function whyItWaits(accountId: string, accounts: readonly AccountHealth[]): string | null {
  const account = accounts.find(({ id }) => id === accountId);
  if (!account || account.state === 'authenticated' || account.state === 'unknown') return null;
  return `account ${accountId} is ${account.state}${account.reason === undefined ? '' : `: ${account.reason}`}`;
}
