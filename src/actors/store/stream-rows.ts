import type { EventPage, JsonObject, StreamState } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant } from './sql-values.ts';

const LEASE = `$2::int8 * interval '1 millisecond'`;

/** What `Store.takeSequencer` says. */
export async function takeSequencer(session: SqlSession, owner: string, leaseMs: number): Promise<number | undefined> {
  const [row] = await session.query(
    `UPDATE stream SET owner = $1, fencing_token = fencing_token + 1, expires_at = clock_timestamp() + ${LEASE}
     WHERE owner IS NULL OR owner = $1 OR expires_at <= clock_timestamp() RETURNING fencing_token`,
    [owner, leaseMs],
  );
  return row?.fencing_token as number | undefined;
}

/** What `Store.renewSequencer` says. */
export async function renewSequencer(session: SqlSession, owner: string, token: number, leaseMs: number): Promise<boolean> {
  const rows = await session.query(
    `UPDATE stream SET expires_at = clock_timestamp() + ${LEASE} WHERE owner = $1 AND fencing_token = $3::int8 RETURNING head`,
    [owner, leaseMs, token],
  );
  return rows.length > 0;
}

/** What `Store.releaseSequencer` says. */
export async function releaseSequencer(session: SqlSession, owner: string, token: number): Promise<void> {
  await session.query('UPDATE stream SET owner = NULL, expires_at = NULL WHERE owner = $1 AND fencing_token = $2::int8', [
    owner,
    token,
  ]);
}

/** What `Store.placeEvents` says. */
export async function placeEvents(
  session: SqlSession,
  owner: string,
  token: number,
  most: number,
  leaseMs: number,
): Promise<number | undefined> {
  const [row] = await session.query(`SELECT place_outbox($1, $3::int8, $4::int8, ${LEASE}) AS placed`, [
    owner,
    leaseMs,
    token,
    most,
  ]);
  return (row?.placed as number | null) ?? undefined;
}

// One statement, so that the events and the stream's ends are of one moment. The row of `stream` is there where no event is.
const READ = `
  SELECT stream.head, stream.pruned, event.*
  FROM stream LEFT JOIN LATERAL (
    SELECT position, topic, payload, ${epochMs('created_at')} FROM outbox WHERE position > $1::int8 ORDER BY position LIMIT $2::int8
  ) AS event ON true
  ORDER BY event.position`;

/** What `Store.readEvents` says. */
export async function readEvents(session: SqlSession, after: number, limit: number): Promise<EventPage> {
  const rows = await session.query(READ, [after, limit]);
  const events = rows.flatMap(({ position, topic, payload, created_at }) =>
    position === null
      ? []
      : [{ position: position as number, topic: topic as string, payload: payload as JsonObject, at: created_at as number }],
  );
  const [{ head, pruned } = { head: 0, pruned: 0 }] = rows as { head: number; pruned: number }[];
  return { events, head, oldest: pruned + 1 };
}

const STATE = `
  SELECT head, pruned, waiting, ${epochMs('created_at')}
  FROM stream, (SELECT count(*) AS waiting, min(created_at) AS created_at FROM outbox WHERE position IS NULL) AS unplaced`;

/** What `Store.streamState` says. */
export async function streamState(session: SqlSession): Promise<StreamState> {
  const [row] = await session.query(STATE);
  return {
    head: row?.head as number,
    oldest: (row?.pruned as number) + 1,
    waiting: row?.waiting as number,
    waitingSince: row?.created_at as number | null,
  };
}

// Positions, not times, say what goes: a row that was placed late would leave a hole behind it.
const PRUNE = `
  WITH first AS (
    SELECT id, position, created_at < $1::timestamptz AS old FROM outbox
    WHERE position > (SELECT pruned FROM stream) ORDER BY position LIMIT $2::int8
  ), cut AS (
    SELECT coalesce(min(position) FILTER (WHERE NOT old), max(position) + 1) AS at FROM first
  ), gone AS (
    DELETE FROM outbox USING first, cut WHERE outbox.id = first.id AND first.position < cut.at RETURNING outbox.position
  ), told AS (
    UPDATE stream SET pruned = greatest(pruned, (SELECT max(position) FROM gone)) WHERE EXISTS (SELECT FROM gone)
  )
  SELECT count(*) AS rows FROM gone`;

/** Deletes the oldest events of the stream that are older than this, and notes up to where. @returns how many */
export async function pruneStream(session: SqlSession, beforeMs: number, maxRows: number): Promise<number> {
  const [row] = await session.query(PRUNE, [instant(beforeMs), maxRows]);
  return row?.rows as number;
}
