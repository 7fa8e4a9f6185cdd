import type { ForeignRequest, NewJob, OwedAnswer, SequencerHold, UnpublishedEvents } from '../../ports.ts';
import { JOB_COLUMNS, jobOf, urgentAt } from './job-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { instant, json } from './sql-values.ts';
import { readEvents } from './stream-rows.ts';

const INSERT = `
  WITH fresh AS (
    INSERT INTO jobs (id, action, params, account_id, status, priority, due_at, urgent_at, machine_version, created_at, updated_at)
    SELECT $1, $2, $3::jsonb, $4, 'queued', $5::int2, $6::timestamptz, $7::timestamptz, $8::int4, $6::timestamptz, $6::timestamptz
    WHERE NOT EXISTS (SELECT FROM accounts WHERE id = $4 AND removed_at IS NOT NULL)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
  ), asked AS (
    INSERT INTO foreign_jobs (job_id, digest, correlation_id) SELECT id, $9, $10 FROM fresh
  )
  SELECT FROM fresh`;

/** What `ForeignDesk.insertForeignJob` says. */
export async function insertForeignJob(
  session: SqlSession,
  job: NewJob,
  { digest, correlationId }: ForeignRequest,
): Promise<'stored' | 'known' | 'taken' | 'account-removed'> {
  const created = instant(job.createdAt);
  const urgent = instant(urgentAt(job.createdAt, job.priority));
  const own = [job.id, job.action, json(job.params), job.accountId, job.priority, created, urgent, job.machineVersion];
  const fresh = await session.query(INSERT, [...own, digest, correlationId]);
  if (fresh.length > 0) return 'stored';
  // A statement of its own sees what was committed while the one before waited for it.
  const [known] = await session.query('SELECT digest FROM jobs LEFT JOIN foreign_jobs ON job_id = id WHERE id = $1', [job.id]);
  if (known === undefined) return 'account-removed';
  return known.digest === digest ? 'known' : 'taken';
}

/** Whether the sequencer's lease is held under a token, or was given back under it and not taken since. */
const HELD = `fencing_token = $2::int8 AND (owner = $1 OR owner IS NULL)`;

// The ids first: the columns of `foreign_jobs` are named as some of a job.
const OWED = `
  WITH owed AS (
    SELECT job_id, correlation_id, foreign_jobs.ended_at AS owed_at FROM foreign_jobs JOIN jobs ON jobs.id = job_id
    WHERE foreign_jobs.ended_at IS NOT NULL AND answered_at IS NULL AND jobs.ended_at IS NOT NULL
      AND EXISTS (SELECT FROM stream WHERE ${HELD})
    ORDER BY foreign_jobs.ended_at, job_id LIMIT $3::int8
  )
  SELECT ${JOB_COLUMNS}, correlation_id FROM owed JOIN jobs ON id = job_id ORDER BY owed_at, job_id`;

/** What `ForeignDesk.owedAnswers` says. */
export async function owedAnswers(session: SqlSession, { owner, token }: SequencerHold, limit: number): Promise<OwedAnswer[]> {
  const rows = await session.query(OWED, [owner, token, limit]);
  return rows.map((row) => ({ job: jobOf(row), correlationId: row.correlation_id as string | null }));
}

/** What `ForeignDesk.noteAnswered` says. */
export async function noteAnswered(session: SqlSession, jobIds: readonly string[], nowMs: number): Promise<void> {
  if (jobIds.length === 0) return;
  await session.query('UPDATE foreign_jobs SET answered_at = $2::timestamptz WHERE job_id = ANY ($1::text[])', [
    jobIds,
    instant(nowMs),
  ]);
}

/** What `ForeignDesk.readUnpublished` says. */
export async function readUnpublished(
  session: SqlSession,
  { owner, token }: SequencerHold,
  limit: number,
): Promise<UnpublishedEvents | undefined> {
  const ask = `SELECT position FROM stream LEFT JOIN publishing ON true WHERE ${HELD}`;
  const [held] = await session.query(ask, [owner, token]);
  if (held === undefined) return undefined;
  const position = (held.position as number | null) ?? (await begin(session));
  return { position, ...(await readEvents(session, position, limit)) };
}

/** Whoever listens from the first day on has nothing to hear of the days before. */
async function begin(session: SqlSession): Promise<number> {
  await session.query('INSERT INTO publishing (position) SELECT head FROM stream ON CONFLICT DO NOTHING');
  const [row] = await session.query('SELECT position FROM publishing');
  return row?.position as number;
}

/** What `ForeignDesk.notePublished` says. */
export async function notePublished(session: SqlSession, position: number): Promise<void> {
  await session.query('UPDATE publishing SET position = greatest(position, $1::int8)', [position]);
}
