import type { Json, ProcessBeat, ProcessFigures, ProcessRow, ProcessViewRow } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, json } from './sql-values.ts';

/** Views of one process that are written at most: the tree, and those that were asked for last. */
const MOST_VIEWS = 32;

/** Wishes of one process that are kept at most, besides its tree: more than people can look at within the minute after which they are forgotten. */
const MOST_WISHES = 128;

/** How long ago, in ms, by the database's clock as it is. */
const msSince = (column: string): string => `floor(extract(epoch FROM clock_timestamp() - ${column}) * 1000)::int8`;

/** A duration of ms as a parameter. */
const lasting = (parameter: string): string => `${parameter}::int8 * interval '1 millisecond'`;

/** What `ProcessDesk.beatProcess` says: one statement. */
export async function beatProcess(session: SqlSession, beat: ProcessBeat, isFirst: boolean): Promise<string[]> {
  const { id, role, host, pid, version, upMs, figures } = beat;
  const rows = await session.query(
    `WITH gone AS (DELETE FROM processes WHERE seen_at < now() - interval '1 day' AND id <> $1),
     unwatched AS (
       DELETE FROM process_views WHERE process_id = $1 AND ($8::bool OR wanted_until < now() - interval '1 minute')
     ),
     beat AS (
       INSERT INTO processes (id, role, host, pid, version, started_at, seen_at, figures)
       VALUES ($1, $2, $3, $4::int8, $5, now() - ${lasting('$6')}, now(), $7::jsonb)
       ON CONFLICT (id) DO UPDATE SET role = excluded.role, host = excluded.host, pid = excluded.pid, version = excluded.version,
         started_at = CASE WHEN $8::bool THEN excluded.started_at ELSE processes.started_at END,
         seen_at = excluded.seen_at, figures = excluded.figures
     )
     SELECT path FROM process_views WHERE process_id = $1 AND NOT $8::bool AND wanted_until > now()
     ORDER BY path <> '', wanted_until DESC LIMIT ${MOST_VIEWS}`,
    [id, role, host, pid, version, Math.round(upMs), json(figures as unknown as Json), isFirst],
  );
  return rows.map((row) => row.path as string);
}

/** What `ProcessDesk.wantedViews` says. */
export async function wantedViews(session: SqlSession, processId: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT path FROM process_views WHERE process_id = $1 AND wanted_until > now()
     ORDER BY path <> '', wanted_until DESC LIMIT ${MOST_VIEWS}`,
    [processId],
  );
  return rows.map((row) => row.path as string);
}

/** What `ProcessDesk.writeViews` says: one statement. */
export async function writeViews(
  session: SqlSession,
  processId: string,
  views: readonly { readonly path: string; readonly text: string | null }[],
): Promise<void> {
  await session.query(
    `UPDATE process_views SET view = told.view, written_at = clock_timestamp()
     FROM unnest($2::text[], $3::text[]) AS told (path, view) WHERE process_id = $1 AND process_views.path = told.path`,
    [processId, views.map(({ path }) => path), views.map(({ text }) => text)],
  );
}

/** What `ProcessDesk.leaveProcesses` says. */
export async function leaveProcesses(session: SqlSession, processId: string, pid: number): Promise<void> {
  await session.query('DELETE FROM processes WHERE id = $1 AND pid = $2::int8', [processId, pid]);
}

/** What `ProcessDesk.processes` says. What a process shows is a sign of its life as well. */
export async function readProcesses(session: SqlSession): Promise<ProcessRow[]> {
  const rows = await session.query(
    `SELECT id, role, host, pid, version, ${epochMs('started_at')}, ${msSince('greatest(seen_at, shown_at)')} AS seen_age_ms, figures,
       coalesce(held.accounts, '[]'::json) AS accounts
     FROM processes LEFT JOIN (
       SELECT owner, json_agg(account_id ORDER BY account_id) AS accounts FROM leases WHERE expires_at > now() GROUP BY owner
     ) AS held ON held.owner = id
     LEFT JOIN (SELECT process_id, max(written_at) AS shown_at FROM process_views GROUP BY process_id) AS shown ON process_id = id
     ORDER BY processes.started_at, id`,
  );
  return rows.map((row) => ({
    id: row.id as string,
    role: row.role as string,
    host: row.host as string,
    pid: row.pid as number,
    version: row.version as string,
    startedAt: row.started_at as number,
    seenAgeMs: Math.max(0, row.seen_age_ms as number),
    figures: row.figures as ProcessFigures,
    accounts: row.accounts as string[],
  }));
}

/**
 * What `ProcessDesk.lookAt` says: one statement, which writes only where the wish has less than half of its time left, so that somebody who looks
 * every second does not write every second. Of a process that was not heard of for a minute nothing new is wished for, nor beyond so many wishes.
 * The process's row is locked against its end, so that nothing is wished of one that leaves at that moment.
 */
export async function lookAt(
  session: SqlSession,
  processId: string,
  path: string,
  known: number,
  forMs: number,
): Promise<ProcessViewRow | undefined> {
  const [row] = await session.query(
    `WITH wish AS (
       INSERT INTO process_views (process_id, path, wanted_until)
       SELECT id, $2, now() + ${lasting('$4')} FROM processes
       WHERE id = $1 AND seen_at > now() - interval '1 minute' AND NOT EXISTS (
         SELECT FROM process_views WHERE process_id = $1 AND path = $2 AND wanted_until > now() + ${lasting('$4')} / 2
       ) AND (
         $2 = '' OR EXISTS (SELECT FROM process_views WHERE process_id = $1 AND path = $2)
         OR (SELECT count(*) FROM process_views WHERE process_id = $1) < ${MOST_WISHES}
       )
       FOR KEY SHARE
       ON CONFLICT (process_id, path) DO UPDATE SET wanted_until = excluded.wanted_until
     ),
     told AS (
       SELECT process_id, view, written_at, floor(extract(epoch FROM written_at) * 1000000)::int8 AS telling
       FROM process_views WHERE process_id = $1 AND path = $2
     )
     SELECT ${msSince('greatest(seen_at, written_at)')} AS seen_age_ms, coalesce(telling, 0) AS telling, CASE WHEN telling <> $3::int8 THEN view END AS view,
       written_at IS NOT NULL AND view IS NULL AS absent, ${msSince('written_at')} AS age_ms
     FROM processes LEFT JOIN told ON process_id = id WHERE id = $1`,
    [processId, path, known, forMs],
  );
  if (row === undefined) return undefined;
  return {
    version: row.telling as number,
    text: row.view as string | null,
    absent: row.absent as boolean,
    ageMs: row.age_ms === null ? null : Math.max(0, row.age_ms as number),
    seenAgeMs: Math.max(0, row.seen_age_ms as number),
  };
}
