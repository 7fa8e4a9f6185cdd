import type { ErrorCode } from '../../errors.ts';
import type { Act, ActOutcome, ActQuery, JsonObject } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, json, type SqlRow, type SqlValue } from './sql-values.ts';

/** How long acts are kept, in ms. */
const KEEP_MS = 400 * 86_400_000;

const COLUMNS = `acts.id::text AS id, ${epochMs('asked_at')}, caller, caller_by, address, request_id, process, actor, act, event, reason, detail,
  outcome, code, why, ${epochMs('finished_at')}`;

// Where whoever asked died before he could say that it is over, time has said so.
const SHOWN = `SELECT id, asked_at, caller, caller_by, address, request_id, process, actor, act, event, reason, detail, code, why,
    CASE WHEN outcome = 'wanted' AND expires_at <= clock_timestamp() THEN 'expired' ELSE outcome END AS outcome,
    CASE WHEN outcome = 'wanted' AND expires_at <= clock_timestamp() THEN expires_at ELSE finished_at END AS finished_at
  FROM acts`;

// One that a process took which is no more among them, or was never heard of again, nobody will end. Only where processes say that they are there.
const LISTED = `SELECT id, asked_at, caller, caller_by, address, request_id, process, actor, act, event, reason, detail, code, why, finished_at,
    CASE WHEN outcome = 'under-way' AND EXISTS (SELECT FROM processes)
      AND NOT EXISTS (SELECT FROM processes WHERE processes.id = shown.process) THEN 'unknown' ELSE outcome END AS outcome
  FROM (${SHOWN}) AS shown`;

// What has ended is evidence, and nobody's to change.
const SAVE = `
  INSERT INTO acts (id, asked_at, caller, caller_by, address, request_id, process, actor, act, event, reason, detail, outcome, code, why, finished_at)
  SELECT * FROM unnest(
    $1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::json[], $13::text[], $14::text[], $15::text[], $16::timestamptz[]
  )
  ON CONFLICT (id) DO UPDATE
    SET detail = excluded.detail, outcome = excluded.outcome, code = excluded.code, why = excluded.why, finished_at = excluded.finished_at
    WHERE acts.finished_at IS NULL
  RETURNING ${COLUMNS}`;

/** What `StoreTransaction.saveActs` says. */
export async function saveActs(session: SqlSession, acts: readonly Act[]): Promise<Act[]> {
  if (acts.length === 0) return [];
  const rows = await session.query(SAVE, [
    acts.map(({ id }) => id),
    acts.map(({ at }) => instant(at)),
    acts.map(({ asker }) => asker.caller),
    acts.map(({ asker }) => asker.by),
    acts.map(({ asker }) => asker.address),
    acts.map(({ asker }) => asker.requestId),
    acts.map(({ process }) => process),
    acts.map(({ actor }) => actor),
    acts.map(({ act }) => act),
    acts.map(({ event }) => event),
    acts.map(({ reason }) => reason),
    acts.map(({ detail }) => json(detail)),
    acts.map(({ outcome }) => outcome),
    acts.map(({ code }) => code),
    acts.map(({ why }) => why),
    acts.map(({ finishedAt }) => instant(finishedAt)),
  ]);
  return rows.map(actOf).filter(({ finishedAt }) => finishedAt !== null);
}

/** What `ActBook.askAct` says. */
export async function askAct(session: SqlSession, act: Act, forMs: number): Promise<void> {
  const { id, at, asker, process, actor, event, reason } = act;
  await session.query(
    `INSERT INTO acts (id, asked_at, caller, caller_by, address, request_id, process, actor, act, event, reason, outcome, expires_at)
     VALUES ($1::uuid, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'wanted', clock_timestamp() + $12::int8 * interval '1 millisecond')`,
    [id, instant(at), asker.caller, asker.by, asker.address, asker.requestId, process, actor, act.act, event, reason, forMs],
  );
}

/** What `ActBook.takeActs` says. */
export async function takeActs(session: SqlSession, process: string): Promise<Act[]> {
  const rows = await session.query(
    `WITH wanted AS (
       SELECT id AS wanted_id FROM acts WHERE process = $1 AND finished_at IS NULL AND outcome = 'wanted' AND expires_at > clock_timestamp()
       FOR UPDATE SKIP LOCKED
     )
     UPDATE acts SET outcome = 'under-way' FROM wanted WHERE acts.id = wanted.wanted_id RETURNING ${COLUMNS}`,
    [process],
  );
  return rows.map(actOf).sort((a, b) => a.at - b.at);
}

/** What `StoreTransaction.expireAct` says. */
export async function expireAct(session: SqlSession, id: string, nowMs: number): Promise<Act | undefined> {
  const [row] = await session.query(
    `UPDATE acts SET outcome = 'expired', code = 'ACT_EXPIRED', finished_at = $2::timestamptz
     WHERE id = $1::uuid AND outcome = 'wanted' RETURNING ${COLUMNS}`,
    [id, instant(nowMs)],
  );
  return row && actOf(row);
}

/** What `StoreTransaction.giveUpActs` says. */
export async function giveUpActs(session: SqlSession, process: string, inHand: readonly string[], nowMs: number): Promise<Act[]> {
  const rows = await session.query(
    `UPDATE acts SET outcome = 'unknown', finished_at = $3::timestamptz
     WHERE process = $1 AND finished_at IS NULL AND outcome = 'under-way' AND id::text <> ALL ($2::text[]) RETURNING ${COLUMNS}`,
    [process, inHand, instant(nowMs)],
  );
  return rows.map(actOf);
}

/** What `StoreTransaction.expireForsakenActs` says. */
export async function expireForsakenActs(session: SqlSession): Promise<Act[]> {
  const rows = await session.query(
    `UPDATE acts SET outcome = 'expired', code = 'ACT_EXPIRED', finished_at = expires_at
     WHERE finished_at IS NULL AND outcome = 'wanted' AND expires_at < clock_timestamp() - interval '1 minute' RETURNING ${COLUMNS}`,
    [],
  );
  return rows.map(actOf);
}

/** What `ActBook.findAct` says. */
export async function findAct(session: SqlSession, id: string): Promise<Act | undefined> {
  const [row] = await session.query(`SELECT ${COLUMNS} FROM (${SHOWN} WHERE id = $1::uuid) AS acts`, [id]);
  return row && actOf(row);
}

/** What `ActBook.listActs` says. */
export async function listActs(session: SqlSession, { actor, process, after, limit }: ActQuery): Promise<Act[]> {
  const values: SqlValue[] = [limit];
  const given = (value: SqlValue): string => `$${values.push(value)}`;
  const wants = ['true'];
  if (actor !== undefined) {
    const path = given(actor);
    wants.push(`(actor = ${path} OR starts_with(actor, ${path} || '/'))`);
  }
  if (process !== undefined) wants.push(`process = ${given(process)}`);
  if (after) wants.push(`(asked_at, id) < (${given(instant(after.at))}::timestamptz, ${given(after.id)}::uuid)`);
  const page = `${LISTED} WHERE ${wants.join(' AND ')} ORDER BY asked_at DESC, id DESC LIMIT $1::int8`;
  const rows = await session.query(`SELECT ${COLUMNS} FROM (${page}) AS acts ORDER BY acts.asked_at DESC, acts.id DESC`, values);
  return rows.map(actOf);
}

/** Deletes the oldest acts that were kept long enough. @returns how many */
export async function pruneActs(session: SqlSession, nowMs: number, maxRows: number): Promise<number> {
  const [row] = await session.query(
    `WITH old AS (SELECT id FROM acts WHERE asked_at < $1::timestamptz ORDER BY asked_at LIMIT $2::int8),
     gone AS (DELETE FROM acts USING old WHERE acts.id = old.id RETURNING 1)
     SELECT count(*) AS rows FROM gone`,
    [instant(nowMs - KEEP_MS), maxRows],
  );
  return row?.rows as number;
}

function actOf(row: SqlRow): Act {
  return {
    id: row.id as string,
    at: row.asked_at as number,
    asker: {
      caller: row.caller as string,
      by: row.caller_by as Act['asker']['by'],
      address: row.address as string | null,
      requestId: row.request_id as string | null,
    },
    process: row.process as string,
    actor: row.actor as string | null,
    act: row.act as Act['act'],
    event: row.event as string | null,
    reason: row.reason as string | null,
    detail: row.detail as JsonObject | null,
    outcome: row.outcome as ActOutcome,
    code: row.code as ErrorCode | null,
    why: row.why as string | null,
    finishedAt: row.finished_at as number | null,
  };
}
