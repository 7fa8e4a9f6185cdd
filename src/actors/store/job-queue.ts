import { type DueJob, JOB_STATUSES, type JobCounts } from '../../ports.ts';
import { pruneActs } from './act-rows.ts';
import { pruneUnseen } from './message-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, type SqlValue } from './sql-values.ts';
import { pruneStream } from './stream-rows.ts';

const DAY_MS = 86_400_000;
const KEEP_COMPLETED_MS = 7 * DAY_MS;
const KEEP_ENDED_MS = 30 * DAY_MS;
const KEEP_EVENTS_MS = 7 * DAY_MS;

const PICK = 'SELECT due_id AS id, due_account AS account_id FROM pick_due($1::text[], $2::timestamptz, $3::int8, $4::int8)';

const NEXT = `
  SELECT ${epochMs('at')} FROM (SELECT least(
    (SELECT min(due_at) FROM jobs WHERE urgent_at IS NOT NULL AND due_at > $2::timestamptz AND account_id = ANY ($1::text[])),
    (SELECT min(wake_after) FROM jobs WHERE wake_after > $2::timestamptz AND account_id = ANY ($1::text[]))
  ) AS at) AS next`;

/** What `Store.pickDue` says. */
export async function pickDue(
  session: SqlSession,
  accountIds: readonly string[],
  nowMs: number,
  limit: number,
  perAccount?: number,
): Promise<DueJob[]> {
  if (accountIds.length === 0 || limit <= 0) return [];
  const rows = await session.query(PICK, [accountIds, instant(nowMs), limit, perAccount ?? null]);
  return rows.map((row) => ({ id: row.id as string, accountId: row.account_id as string }));
}

/** What `Store.nextDue` says. */
export async function nextDue(session: SqlSession, accountIds: readonly string[], nowMs: number): Promise<number | undefined> {
  const [row] = await session.query(NEXT, [accountIds, instant(nowMs)]);
  return (row?.at as number | null) ?? undefined;
}

/** What `Store.findLost` says. @returns longest untouched first */
export async function findLost(session: SqlSession, accountIds: readonly string[]): Promise<string[]> {
  const rows = await session.query(
    `SELECT jobs.id FROM jobs JOIN accounts ON accounts.id = jobs.account_id
     WHERE jobs.status = 'processing' AND jobs.account_id = ANY ($1::text[]) AND jobs.claim_token < accounts.fencing_token
     ORDER BY jobs.updated_at, jobs.id`,
    [accountIds],
  );
  return rows.map((row) => row.id as string);
}

/** What `Store.findOwn` says. */
export async function findOwn(session: SqlSession, accountId: string, token: number): Promise<string[]> {
  const rows = await session.query(
    `SELECT id FROM jobs WHERE status = 'processing' AND account_id = $1 AND claim_token = $2::int8 ORDER BY updated_at, id`,
    [accountId, token],
  );
  return rows.map((row) => row.id as string);
}

/** What `Store.findUnended` says. */
export async function findUnended(session: SqlSession, accountId: string, limit: number): Promise<string[]> {
  const rows = await session.query(
    `SELECT id FROM jobs WHERE account_id = $1 AND status IN ('queued', 'processing', 'delayed', 'parked')
     ORDER BY created_at, id LIMIT $2::int8`,
    [accountId, limit],
  );
  return rows.map((row) => row.id as string);
}

/** What `Store.findParked` says. @returns oldest first */
export async function findParked(session: SqlSession, accountId: string): Promise<string[]> {
  const rows = await session.query(`SELECT id FROM jobs WHERE status = 'parked' AND account_id = $1 ORDER BY created_at, id`, [
    accountId,
  ]);
  return rows.map((row) => row.id as string);
}

/** What `Store.countJobs` says. */
export async function countJobs(session: SqlSession): Promise<JobCounts> {
  const rows = await session.query('SELECT status, count(*) AS jobs FROM jobs GROUP BY status');
  const counts = new Map(rows.map((row) => [row.status, row.jobs as number]));
  return Object.fromEntries(JOB_STATUSES.map((status) => [status, counts.get(status) ?? 0])) as unknown as JobCounts;
}

const PRUNE_KEYS = `
  WITH old AS (SELECT slot FROM request_keys WHERE used_at < $1::timestamptz LIMIT $2::int8),
  gone AS (DELETE FROM request_keys USING old WHERE request_keys.slot = old.slot RETURNING 1)
  SELECT count(*) AS rows FROM gone`;

// What another program was not told of yet is kept as long as what failed.
const OLD_JOB = `ended_at < CASE
    WHEN status = 'completed' AND NOT EXISTS (SELECT FROM foreign_jobs WHERE job_id = jobs.id AND answered_at IS NULL)
    THEN $1::timestamptz ELSE $2::timestamptz END`;

// A job's lines go before it: one that took ten thousand steps would drag as many along in a single delete.
const PRUNE_HISTORY = `
  WITH old AS (SELECT id FROM jobs WHERE ${OLD_JOB} AND ended_at < $1::timestamptz),
  lines AS (SELECT job_events.job_id, job_events.id FROM old JOIN job_events ON job_events.job_id = old.id LIMIT $3::int8),
  gone AS (DELETE FROM job_events USING lines WHERE (job_events.job_id, job_events.id) = (lines.job_id, lines.id) RETURNING 1)
  SELECT count(*) AS rows FROM gone`;

const PRUNE_JOBS = `
  WITH old AS (
    SELECT id FROM jobs WHERE ${OLD_JOB} AND ended_at < $1::timestamptz
      AND NOT EXISTS (SELECT FROM job_events WHERE job_events.job_id = jobs.id)
    ORDER BY ended_at LIMIT $3::int8 FOR UPDATE SKIP LOCKED
  ), gone AS (DELETE FROM jobs USING old WHERE jobs.id = old.id RETURNING 1)
  SELECT count(*) AS rows FROM gone`;

/** What `Store.prune` says; each statement is a transaction of its own. */
export async function prune(session: SqlSession, nowMs: number, maxRows: number): Promise<number> {
  const old = [instant(nowMs - KEEP_COMPLETED_MS), instant(nowMs - KEEP_ENDED_MS)];
  const lines = await deleted(session, PRUNE_HISTORY, [...old, maxRows]);
  const jobs = lines < maxRows ? await deleted(session, PRUNE_JOBS, [...old, maxRows - lines]) : 0;
  const ended = lines + jobs;
  const told = ended < maxRows ? ended + (await pruneStream(session, nowMs - KEEP_EVENTS_MS, maxRows - ended)) : ended;
  const seen = told < maxRows ? told + (await pruneUnseen(session, nowMs - DAY_MS, maxRows - told)) : told;
  const used = seen < maxRows ? seen + (await deleted(session, PRUNE_KEYS, [instant(nowMs - DAY_MS), maxRows - seen])) : seen;
  return used < maxRows ? used + (await pruneActs(session, nowMs, maxRows - used)) : used;
}

async function deleted(session: SqlSession, statement: string, values: readonly SqlValue[]): Promise<number> {
  const [row] = await session.query(statement, values);
  return row?.rows as number;
}
