import type { Job, JobFilter, JobQuery } from '../../ports.ts';
import { jobOf, LISTED_COLUMNS } from './job-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { instant, type SqlValue } from './sql-values.ts';

const TIMES = { createdAt: 'created_at', endedAt: 'ended_at' } as const;

/** What `Store.listJobs` says. */
export async function listJobs(session: SqlSession, query: JobQuery): Promise<Job[]> {
  const where = conditionsOf(query);
  const time = TIMES[query.by];
  if (query.by === 'endedAt') where.add(() => 'ended_at IS NOT NULL');
  const { after } = query;
  const [beyond, order] = query.oldestFirst ? ['>', 'ASC'] : ['<', 'DESC'];
  if (after !== undefined)
    where.add((at, id) => `(${time}, id) ${beyond} (${at}::timestamptz, ${id})`, instant(after.at), after.id);
  where.values.push(query.limit);
  const rows = await session.query(
    `SELECT ${LISTED_COLUMNS} FROM jobs WHERE ${where.text()} ORDER BY jobs.${time} ${order}, jobs.id ${order} LIMIT $${where.values.length}::int8`,
    where.values,
  );
  return rows.map(jobOf);
}

/** What `Store.countJobsLike` says. */
export async function countJobsLike(session: SqlSession, filter: JobFilter, most: number): Promise<number> {
  const where = conditionsOf(filter);
  where.values.push(most);
  const [row] = await session.query(
    `SELECT count(*) AS jobs FROM (SELECT FROM jobs WHERE ${where.text()} LIMIT $${where.values.length}::int8) AS fitting`,
    where.values,
  );
  return row?.jobs as number;
}

/** What `Store.deleteFailed` says. */
export async function deleteFailed(session: SqlSession, filter: JobFilter, limit: number): Promise<number> {
  const where = conditionsOf({ ...filter, statuses: ['failed'] });
  where.values.push(limit);
  const [row] = await session.query(
    `WITH dead AS (
      SELECT id FROM jobs WHERE ${where.text()}
        AND NOT EXISTS (SELECT FROM foreign_jobs WHERE job_id = jobs.id AND answered_at IS NULL) ORDER BY ended_at, id LIMIT $${where.values.length}::int8 FOR UPDATE SKIP LOCKED
    ), gone AS (DELETE FROM jobs USING dead WHERE jobs.id = dead.id RETURNING 1)
    SELECT count(*) AS rows FROM gone`,
    where.values,
  );
  return row?.rows as number;
}

/** Conditions and their parameters, `$1` … in the order of their values. */
class Conditions {
  readonly values: SqlValue[] = [];
  readonly #all: string[] = [];

  /** @param condition is given the names of the parameters */
  add(condition: (...names: string[]) => string, ...values: SqlValue[]): void {
    const from = this.values.length;
    this.values.push(...values);
    this.#all.push(condition(...values.map((_, at) => `$${from + at + 1}`)));
  }

  text(): string {
    return this.#all.length === 0 ? 'true' : this.#all.join(' AND ');
  }
}

function conditionsOf(filter: JobFilter): Conditions {
  const where = new Conditions();
  const { id, statuses, action, accountId, channels, code, text, created, ended, servable } = filter;
  if (id !== undefined) where.add((value) => `id = ${value}`, id);
  // Of a single one the partial index can be used.
  if (statuses?.length === 1) where.add((status) => `status = ${status}`, statuses[0] as string);
  else if (statuses !== undefined) where.add((all) => `status = ANY (${all}::text[])`, statuses);
  if (action !== undefined) where.add((name) => `action = ${name}`, action);
  if (accountId !== undefined) where.add((value) => `account_id = ${value}`, accountId);
  if (channels !== undefined) {
    where.add(
      (names) => `lower(params->>'channelId') = ANY (${names}::text[])`,
      channels.map((name) => name.toLowerCase()),
    );
  }
  if (code !== undefined) where.add((value) => `error->>'code' = ${value}`, code);
  if (text !== undefined) {
    const part = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    where.add((like) => `concat_ws(' ', error->>'code', error->>'message', reason, params::text) ILIKE ${like}`, part);
  }
  for (const [column, range] of [
    ['created_at', created],
    ['ended_at', ended],
  ] as const) {
    if (range?.from !== undefined) where.add((at) => `${column} >= ${at}::timestamptz`, instant(range.from));
    if (range?.to !== undefined) where.add((at) => `${column} < ${at}::timestamptz`, instant(range.to));
  }
  if (servable) {
    where.add(() => 'NOT EXISTS (SELECT FROM accounts WHERE accounts.id = jobs.account_id AND removed_at IS NOT NULL)');
  }
  return where;
}
