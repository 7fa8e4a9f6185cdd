import { type DueJob, JOB_STATUSES, type JobCounts } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant } from './sql-values.ts';

const DAY_MS = 86_400_000;
const KEEP_COMPLETED_MS = 7 * DAY_MS;
const KEEP_ENDED_MS = 30 * DAY_MS;
const KEEP_OUTBOX_MS = 7 * DAY_MS;

/** Rows that one pruning statement deletes at most, so that it holds few locks, and none for long. */
const PRUNED_A_STATEMENT = 2000;

// What is locked is being stepped or picked by somebody else at this moment. `urgent_at` follows the due time by ten minutes at most
// (ten priorities), which keeps the far future out of the scan.
const PICK = `
  WITH due AS (
    SELECT id, account_id, urgent_at, due_at FROM jobs
    WHERE urgent_at <= $2::timestamptz + interval '10 minutes' AND (due_at IS NULL OR due_at <= $2::timestamptz)
      AND (wake_after IS NULL OR wake_after <= $2::timestamptz) AND account_id = ANY ($1::text[])
    ORDER BY urgent_at, due_at, id
    LIMIT $3::int8
    FOR UPDATE SKIP LOCKED
  ), woken AS (
    UPDATE jobs SET wakes = wakes + 1, wake_after = $2::timestamptz + least(60, power(2, least(wakes, 6))) * interval '1 second'
    FROM due WHERE jobs.id = due.id
  )
  SELECT id, account_id FROM due ORDER BY urgent_at, due_at, id`;

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
): Promise<DueJob[]> {
  if (accountIds.length === 0 || limit <= 0) return [];
  const rows = await session.query(PICK, [accountIds, instant(nowMs), limit]);
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

/** What `Store.prune` says; each statement is a transaction of its own. A job's events go with it and are not counted. */
export async function prune(session: SqlSession, nowMs: number): Promise<number> {
  const completed = await deleteInParts(
    session,
    'jobs',
    `status = 'completed' AND ended_at < $1::timestamptz`,
    nowMs - KEEP_COMPLETED_MS,
  );
  const others = await deleteInParts(
    session,
    'jobs',
    `status <> 'completed' AND ended_at < $1::timestamptz`,
    nowMs - KEEP_ENDED_MS,
  );
  const told = await deleteInParts(session, 'outbox', 'created_at < $1::timestamptz', nowMs - KEEP_OUTBOX_MS);
  return completed + others + told;
}

async function deleteInParts(
  session: SqlSession,
  table: 'jobs' | 'outbox',
  condition: string,
  beforeMs: number,
): Promise<number> {
  let deleted = 0;
  for (;;) {
    const [row] = await session.query(
      `WITH old AS (SELECT id FROM ${table} WHERE ${condition} ORDER BY id LIMIT ${PRUNED_A_STATEMENT} FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM ${table} USING old WHERE ${table}.id = old.id RETURNING 1)
       SELECT count(*) AS rows FROM gone`,
      [instant(beforeMs)],
    );
    const rows = row?.rows as number;
    deleted += rows;
    if (rows < PRUNED_A_STATEMENT) return deleted;
  }
}
