import type { Job, JobChange, JobEvent, JsonObject, NewJob, StoredJobEvent } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, json, type SqlRow } from './sql-values.ts';

const PRIORITY_STEP_MS = 60_000;

const SMALL_COLUMNS = `id, action, params, account_id, status, priority, attempts, claims, lost_in_a_row, claim_token, claim_number,
  ${epochMs('due_at')}, progress, error, reason, cancel_requested, machine_version, version,
  ${epochMs('created_at')}, ${epochMs('updated_at')}, ${epochMs('ended_at')}`;

/** All of a job's columns, as {@link jobOf} reads them. */
export const JOB_COLUMNS = `${SMALL_COLUMNS}, checkpoint, result`;

/** The same without what may be large. */
export const LISTED_COLUMNS = `${SMALL_COLUMNS}, NULL::jsonb AS checkpoint, NULL::jsonb AS result`;

const INSERT = `
  WITH fresh AS (
    INSERT INTO jobs (id, action, params, account_id, status, priority, due_at, urgent_at, machine_version, created_at, updated_at)
    VALUES ($1, $2, $3::jsonb, $4, 'queued', $5::int2, $6::timestamptz, $7::timestamptz, $8::int4, $6::timestamptz, $6::timestamptz)
    ON CONFLICT (id) DO NOTHING
    RETURNING *
  ), stored AS (
    SELECT * FROM fresh UNION ALL SELECT * FROM jobs WHERE id = $1
  )
  SELECT ${JOB_COLUMNS} FROM stored`;

const STEP = 'SELECT id FROM step_jobs($1::timestamptz, $2::json) AS id';

const READ = `SELECT ${JOB_COLUMNS} FROM jobs WHERE id = ANY ($1::text[])`;
const READ_WITH_FENCING = `
  SELECT ${JOB_COLUMNS}, coalesce((SELECT accounts.fencing_token FROM accounts WHERE accounts.id = jobs.account_id), 0) AS fencing_token
  FROM jobs WHERE id = ANY ($1::text[])`;

const LOCK = `SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1 FOR UPDATE`;

// The token is read after the job is held, and neither changes until the transaction ends.
const LOCK_WITH_FENCING = `
  WITH job AS (${LOCK}),
  account AS (SELECT fencing_token FROM accounts WHERE id = (SELECT account_id FROM job) FOR SHARE)
  SELECT job.*, coalesce((SELECT fencing_token FROM account), 0) AS fencing_token FROM job`;

/** What `Store.insertJob` says. */
export async function insertJob(session: SqlSession, job: NewJob): Promise<Job> {
  const [row] = await session.query(INSERT, [
    job.id,
    job.action,
    json(job.params),
    job.accountId,
    job.priority,
    instant(job.createdAt),
    instant(urgentAt(job.createdAt, job.priority)),
    job.machineVersion,
  ]);
  if (row !== undefined) return jobOf(row);
  // Somebody else's insert of the same id committed while ours ran: its row was not there when our statement began, but is now.
  return (await findJob(session, job.id)) as Job;
}

/** What `Store.findJob` says. */
export async function findJob(session: SqlSession, id: string): Promise<Job | undefined> {
  const [row] = await session.query(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1`, [id]);
  return row === undefined ? undefined : jobOf(row);
}

/** A job's row as it was read. */
export interface SeenJob {
  readonly job: Job;
  /** That of its account: 0 before anybody took it; undefined where nobody asked for it. */
  readonly fencingToken: number | undefined;
}

/** Reads jobs' rows as they are now. @returns those that there are, by id */
export async function readJobs(
  session: SqlSession,
  ids: readonly string[],
  readFencing: boolean,
): Promise<ReadonlyMap<string, SeenJob>> {
  const rows = await session.query(readFencing ? READ_WITH_FENCING : READ, [ids]);
  return new Map(rows.map((row) => [row.id as string, seenJobOf(row)]));
}

/**
 * Locks a job's row until the transaction ends.
 * @param readFencing locks the fencing token of its account too, and reads it
 */
export async function lockJob(session: SqlSession, id: string, readFencing: boolean): Promise<SeenJob | undefined> {
  const [row] = await session.query(readFencing ? LOCK_WITH_FENCING : LOCK, [id]);
  return row && seenJobOf(row);
}

/** One step of a job, as it was decided. */
export interface JobStep extends SeenJob {
  readonly change: JobChange;
}

/**
 * Writes a step each of different jobs: their rows, their events, and what the world is told, in one statement. A step is written where the row, and
 * the fencing token where it was asked for, are as they were when it was decided, and nobody holds the row.
 * @returns the rows of those that were written, after their steps, by id
 */
export async function writeSteps(
  session: SqlSession,
  steps: readonly JobStep[],
  nowMs: number,
): Promise<ReadonlyMap<string, Job>> {
  const decided = steps.map((step) => {
    const after = afterStep(step, nowMs);
    return { after, given: stepJson(after, step, nowMs) };
  });
  const rows = await session.query(STEP, [instant(nowMs), json(decided.map(({ given }) => given))]);
  const written = new Set(rows.map(({ id }) => id));
  return new Map(decided.filter(({ after }) => written.has(after.id)).map(({ after }) => [after.id, after]));
}

/** A job's row as a step leaves it, exactly as it would be read: not asked for, since it is known but for what the database makes of it. */
function afterStep({ job, change }: JobStep, nowMs: number): Job {
  const after = { ...job, ...change.set };
  return {
    ...after,
    dueAt: wholeMs(after.dueAt),
    endedAt: wholeMs(after.endedAt),
    updatedAt: Math.floor(nowMs),
    version: job.version + 1,
    progress: asStored(after.progress, job.progress),
    checkpoint: asStored(after.checkpoint, job.checkpoint),
    result: asStored(after.result, job.result),
    error: asStored(after.error, job.error),
  };
}

/** A value as JSON keeps it, e.g. without what is undefined; what a row held before is so already. */
function asStored<T>(value: T, before: T): T {
  return value === before ? value : (JSON.parse(JSON.stringify(value ?? null)) as T);
}

/** A step as the function reads it: times in whole ms since the Unix epoch. */
function stepJson(after: Job, { job, fencingToken, change }: JobStep, nowMs: number): JsonObject {
  const { status, priority, attempts, claims, claim, dueAt, progress, checkpoint, result, error, reason } = after;
  const isWaiting = status === 'queued' || status === 'delayed';
  return {
    id: job.id,
    version: job.version,
    token: fencingToken ?? null,
    account_id: job.accountId,
    lines: change.events.map(({ event, from, to, detail }) => ({ event, from, to, detail })),
    news: change.outbox.map(({ topic, payload }) => ({ topic, payload })),
    status,
    priority,
    attempts,
    claims,
    lost_in_a_row: after.lostInARow,
    claim_token: claim?.token ?? null,
    claim_number: claim?.number ?? null,
    due: dueAt,
    urgent: isWaiting ? Math.floor(urgentAt(dueAt ?? nowMs, priority)) : null,
    progress: progress === null ? null : { ...progress },
    checkpoint,
    result,
    error: error === null ? null : { ...error },
    reason,
    cancel_requested: after.cancelRequested,
    machine_version: after.machineVersion,
    ended: after.endedAt,
  };
}

// The first line is not stored, but for jobs of long ago: where one stands before all others, it is that one's number that counts.
const HISTORY = `
  SELECT id, ${epochMs('at')}, event, from_status, to_status, detail FROM (
    SELECT 1::int8 AS id, created_at AS at, 'SUBMIT' AS event, 'queued' AS from_status, 'queued' AS to_status, '{}'::jsonb AS detail
    FROM jobs WHERE jobs.id = $1 AND $2::int8 < 1
      AND (SELECT event FROM job_events WHERE job_id = $1 ORDER BY id LIMIT 1) IS DISTINCT FROM 'SUBMIT'
    UNION ALL
    (SELECT id, at, event, from_status, to_status, detail FROM job_events WHERE job_id = $1 AND id > $2::int8 ORDER BY id LIMIT $3::int8)
  ) AS history ORDER BY id LIMIT $3::int8`;

/** What `Store.jobEvents` says. @returns in the order in which they happened */
export async function jobEvents(
  session: SqlSession,
  id: string,
  page?: { readonly after: number; readonly limit: number },
): Promise<StoredJobEvent[]> {
  const rows = await session.query(HISTORY, [id, page?.after ?? 0, page?.limit ?? null]);
  return rows.map((row) => ({
    id: row.id as number,
    at: row.at as number,
    event: row.event as string,
    from: row.from_status as JobEvent['from'],
    to: row.to_status as JobEvent['to'],
    detail: row.detail as JsonObject,
  }));
}

/** The time by which waiting jobs are sorted: each step of priority is worth a minute of waiting. */
export function urgentAt(dueAt: number, priority: number): number {
  return dueAt + priority * PRIORITY_STEP_MS;
}

/** What is waited for is often a difference of monotonic times, which are not whole. */
function wholeMs(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms);
}

function seenJobOf(row: SqlRow): SeenJob {
  return { job: jobOf(row), fencingToken: row.fencing_token as number | undefined };
}

/** @param row all of {@link JOB_COLUMNS} */
export function jobOf(row: SqlRow): Job {
  const token = row.claim_token as number | null;
  return {
    id: row.id as string,
    action: row.action as string,
    params: row.params as JsonObject,
    accountId: row.account_id as string,
    status: row.status as Job['status'],
    priority: row.priority as number,
    attempts: row.attempts as number,
    claims: row.claims as number,
    lostInARow: row.lost_in_a_row as number,
    claim: token === null ? null : { token, number: row.claim_number as number },
    dueAt: row.due_at as number | null,
    progress: row.progress as Job['progress'],
    checkpoint: row.checkpoint as JsonObject | null,
    result: row.result as JsonObject | null,
    error: row.error as Job['error'],
    reason: row.reason as string | null,
    cancelRequested: row.cancel_requested as boolean,
    machineVersion: row.machine_version as number,
    version: row.version as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    endedAt: row.ended_at as number | null,
  };
}
