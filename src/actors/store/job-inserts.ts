import type { JobSubmission, RequestKey, SubmissionOutcome } from '../../ports.ts';
import { urgentAt } from './job-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, json } from './sql-values.ts';

const DAY_MS = 86_400_000;

// Keys are taken in one order everywhere, so that two batches with the same ones wait for each other and never in a circle. A key that another
// transaction has just taken is waited for; one whose day is over is taken over.
const INSERT = `
  WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::int2[], $6::timestamptz[], $7::timestamptz[], $8::int4[], $9::text[], $10::text[])
      WITH ORDINALITY AS job (id, action, params, account_id, priority, created_at, urgent_at, machine_version, slot, digest, place)
    WHERE NOT EXISTS (SELECT FROM accounts WHERE accounts.id = job.account_id AND removed_at IS NOT NULL)
  ), keyed AS (
    INSERT INTO request_keys AS known (slot, digest, job_id, used_at)
    SELECT DISTINCT ON (slot) slot, digest, id, created_at FROM given WHERE slot IS NOT NULL ORDER BY slot, place
    ON CONFLICT (slot) DO UPDATE SET digest = excluded.digest, job_id = excluded.job_id, used_at = excluded.used_at
      WHERE known.used_at <= excluded.used_at - interval '24 hours'
    RETURNING job_id
  ), fresh AS (
    INSERT INTO jobs (id, action, params, account_id, status, priority, due_at, urgent_at, machine_version, created_at, updated_at)
    SELECT id, action, params, account_id, 'queued', priority, created_at, urgent_at, machine_version, created_at, created_at FROM given
    WHERE slot IS NULL OR id IN (SELECT job_id FROM keyed) ORDER BY place
    RETURNING id, created_at
  ), submitted AS (
    INSERT INTO job_events (job_id, at, event, from_status, to_status, detail)
    SELECT id, created_at, 'SUBMIT', 'queued', 'queued', '{}'::jsonb FROM fresh
  )
  SELECT id FROM fresh`;

/** What `Store.insertJobs` says. */
export async function insertJobs(session: SqlSession, submissions: readonly JobSubmission[]): Promise<SubmissionOutcome[]> {
  if (submissions.length === 0) return [];
  const jobs = submissions.map(({ job }) => job);
  const rows = await session.query(INSERT, [
    jobs.map((job) => job.id),
    jobs.map((job) => job.action),
    jobs.map((job) => json(job.params)),
    jobs.map((job) => job.accountId),
    jobs.map((job) => job.priority),
    jobs.map((job) => instant(job.createdAt)),
    jobs.map((job) => instant(urgentAt(job.createdAt, job.priority))),
    jobs.map((job) => job.machineVersion),
    submissions.map(({ key }) => key?.slot ?? null),
    submissions.map(({ key }) => key?.digest ?? null),
  ]);
  const fresh = new Set(rows.map((row) => row.id));
  const others = submissions.flatMap(({ job, key }) => (key === undefined || fresh.has(job.id) ? [] : [key.slot]));
  // A statement of its own sees who took a key while the one before waited for it.
  const known = others.length > 0 ? await readKeys(session, others) : undefined;
  return submissions.map(({ job, key }) => {
    if (fresh.has(job.id)) return { kind: 'stored', jobId: job.id };
    const before = key && known?.get(key.slot);
    return before === undefined ? { kind: 'account-removed' } : outcomeOf(before, key);
  });
}

/** What `Store.findSubmission` says. */
export async function findSubmission(
  session: SqlSession,
  key: RequestKey,
  nowMs: number,
): Promise<SubmissionOutcome | undefined> {
  const before = (await readKeys(session, [key.slot])).get(key.slot);
  return before === undefined || before.usedAt <= nowMs - DAY_MS ? undefined : outcomeOf(before, key);
}

interface UsedKey {
  readonly digest: string;
  readonly jobId: string;
  readonly usedAt: number;
}

async function readKeys(session: SqlSession, slots: readonly string[]): Promise<ReadonlyMap<string, UsedKey>> {
  const rows = await session.query(
    `SELECT slot, digest, job_id, ${epochMs('used_at')} FROM request_keys WHERE slot = ANY ($1::text[])`,
    [slots],
  );
  return new Map(
    rows.map((row) => [
      row.slot as string,
      { digest: row.digest as string, jobId: row.job_id as string, usedAt: row.used_at as number },
    ]),
  );
}

function outcomeOf(before: UsedKey, key: RequestKey | undefined): SubmissionOutcome {
  return before.digest === key?.digest ? { kind: 'replayed', jobId: before.jobId } : { kind: 'key-reused' };
}
