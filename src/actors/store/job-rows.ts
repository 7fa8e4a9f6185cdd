import type { Job, JobChange, JobEvent, JsonObject, NewJob, StoredJobEvent } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, json, type SqlRow, type SqlValue } from './sql-values.ts';

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
  ), submitted AS (
    INSERT INTO job_events (job_id, at, event, from_status, to_status, detail)
    SELECT id, created_at, 'SUBMIT', 'queued', 'queued', '{}'::jsonb FROM fresh
  ), stored AS (
    SELECT * FROM fresh UNION ALL SELECT * FROM jobs WHERE id = $1
  )
  SELECT ${JOB_COLUMNS} FROM stored`;

const TOLD = `
  WITH told AS (
    INSERT INTO job_events (job_id, at, event, from_status, to_status, detail)
    SELECT $1, $2::timestamptz, event, from_status, to_status, detail
    FROM unnest($3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY AS line (event, from_status, to_status, detail, place)
    ORDER BY place
  )`;

const NEWS = `, news AS (
    INSERT INTO outbox (topic, payload, created_at)
    SELECT topic, payload, $2::timestamptz FROM unnest($24::text[], $25::json[]) WITH ORDINALITY AS entry (topic, payload, place) ORDER BY place
  )`;

// From its end on, a job of another program is owed its answer: one only, should it be taken up again and end again.
const OWED = `, owed AS (
    UPDATE foreign_jobs SET ended_at = $23::timestamptz WHERE job_id = $1 AND ended_at IS NULL
  )`;

const STEP = `
  UPDATE jobs SET
    updated_at = $2::timestamptz, version = version + 1, wakes = 0, wake_after = NULL,
    status = $7, priority = $8::int2, attempts = $9::int4, claims = $10::int4, lost_in_a_row = $11::int4, claim_token = $12::int8,
    claim_number = $13::int4, due_at = $14::timestamptz, urgent_at = $15::timestamptz, progress = $16::jsonb, checkpoint = $17::jsonb,
    result = $18::jsonb, error = $19::jsonb, reason = $20, cancel_requested = $21::bool, machine_version = $22::int4,
    ended_at = $23::timestamptz
  WHERE id = $1
  RETURNING ${JOB_COLUMNS}`;

const UPDATE = TOLD + NEWS + STEP;
const END = TOLD + NEWS + OWED + STEP;

const LOCK = `SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1 FOR UPDATE`;

// The token is read after the job is held, and neither changes until the transaction ends.
const LOCK_WITH_FENCING = `
  WITH job AS (SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1 FOR UPDATE),
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

/**
 * Locks a job's row until the transaction ends.
 * @param readFencing locks the fencing token of its account too, and reads it: 0 before anybody took it
 */
export async function lockJob(
  session: SqlSession,
  id: string,
  readFencing = false,
): Promise<{ readonly job: Job; readonly fencingToken: number | undefined } | undefined> {
  const [row] = await session.query(readFencing ? LOCK_WITH_FENCING : LOCK, [id]);
  return row && { job: jobOf(row), fencingToken: row.fencing_token as number | undefined };
}

/** Writes one step of a locked job: its row, its events, and what the world is told, in one statement. @returns the row after the step */
export async function writeStep(session: SqlSession, job: Job, change: JobChange, nowMs: number): Promise<Job> {
  const next: Job = { ...job, ...change.set };
  const waiting = next.status === 'queued' || next.status === 'delayed';
  const values: SqlValue[] = [
    job.id,
    instant(nowMs),
    change.events.map((event) => event.event),
    change.events.map((event) => event.from),
    change.events.map((event) => event.to),
    change.events.map((event) => json(event.detail)),
    next.status,
    next.priority,
    next.attempts,
    next.claims,
    next.lostInARow,
    next.claim?.token ?? null,
    next.claim?.number ?? null,
    instant(next.dueAt),
    waiting ? instant(urgentAt(next.dueAt ?? nowMs, next.priority)) : null,
    json(next.progress === null ? null : { ...next.progress }),
    json(next.checkpoint),
    json(next.result),
    json(next.error === null ? null : { ...next.error }),
    next.reason,
    next.cancelRequested,
    next.machineVersion,
    instant(next.endedAt),
    change.outbox.map((entry) => entry.topic),
    change.outbox.map((entry) => json(entry.payload)),
  ];
  const ends = next.endedAt !== null && job.endedAt === null;
  const [row] = await session.query(ends ? END : UPDATE, values);
  return jobOf(row as SqlRow);
}

/** What `Store.jobEvents` says. @returns in the order in which they happened */
export async function jobEvents(
  session: SqlSession,
  id: string,
  page?: { readonly after: number; readonly limit: number },
): Promise<StoredJobEvent[]> {
  const rows = await session.query(
    `SELECT id, ${epochMs('at')}, event, from_status, to_status, detail FROM job_events
     WHERE job_id = $1 AND id > $2::int8 ORDER BY id LIMIT $3::int8`,
    [id, page?.after ?? 0, page?.limit ?? null],
  );
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
