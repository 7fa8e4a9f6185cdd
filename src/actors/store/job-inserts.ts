import type { JobSubmission, RequestKey, SubmissionOutcome } from '../../ports.ts';
import { urgentAt } from './job-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, json } from './sql-values.ts';

const DAY_MS = 86_400_000;

const INSERT = 'SELECT insert_jobs($1::json) AS id';

/** What `Store.insertJobs` says. */
export async function insertJobs(session: SqlSession, submissions: readonly JobSubmission[]): Promise<SubmissionOutcome[]> {
  if (submissions.length === 0) return [];
  const given = submissions.map(({ job, key }) => ({
    id: job.id,
    action: job.action,
    params: job.params,
    account_id: job.accountId,
    priority: job.priority,
    machine_version: job.machineVersion,
    created: job.createdAt,
    urgent: urgentAt(job.createdAt, job.priority),
    slot: key?.slot ?? null,
    digest: key?.digest ?? null,
  }));
  const rows = await session.query(INSERT, [json(given)]);
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
