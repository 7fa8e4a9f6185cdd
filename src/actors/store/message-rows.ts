import type { ChatId, JsonObject, Message, MessageQuery, TextEntity, UpsertCount } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochSeconds, instant, json, mtprotoDate, type SqlRow, type SqlValue } from './sql-values.ts';

/** Rows a statement writes at most: more gain nothing, and hold PGlite's one session longer. */
const ROWS_A_STATEMENT = 1000;

/** The scope that all accounts share: channels and supergroups. */
const CHANNEL_SCOPE = 0;

const COLUMNS = `chat_id, id, ${epochSeconds('date')}, ${epochSeconds('edit_date')}, pts, kind, text, entities, from_id, reply_to_id, views, media, raw`;

// One statement: the rows, which of them were new, and the revision of the channels that changed by it.
// A row of this statement's own insert has no xmax; one that it updated carries its own transaction there.
const UPSERT = `
  WITH written AS (
    INSERT INTO messages (scope, chat_id, id, date, edit_date, pts, kind, text, entities, from_id, reply_to_id, views, media, raw)
    SELECT $1::int4, fresh.*
    FROM unnest($2::int8[], $3::int4[], $4::timestamptz[], $5::timestamptz[], $6::int8[], $7::text[], $8::text[], $9::jsonb[],
      $10::int8[], $11::int4[], $12::int4[], $13::text[], $14::jsonb[]) AS fresh
    ON CONFLICT (scope, chat_id, id, date) DO UPDATE SET
      edit_date = excluded.edit_date, pts = excluded.pts, kind = excluded.kind, text = excluded.text, entities = excluded.entities,
      from_id = excluded.from_id, reply_to_id = excluded.reply_to_id, views = excluded.views, media = excluded.media, raw = excluded.raw
    WHERE messages.deleted_at IS NULL
      AND (coalesce(excluded.edit_date, '-infinity'), excluded.pts) > (coalesce(messages.edit_date, '-infinity'), messages.pts)
    RETURNING chat_id, xmax = 0 AS inserted
  ), revised AS (
    UPDATE channels SET revision = revision + 1
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id IN (SELECT chat_id FROM written)
  )
  SELECT count(*) FILTER (WHERE inserted) AS inserted, count(*) FILTER (WHERE NOT inserted) AS updated FROM written`;

// Rows are locked in the order of their key, as upserts lock them, so that the two cannot block each other for ever.
const deletion = (which: string): string => `
  WITH present AS (
    SELECT ctid AS place FROM messages
    WHERE scope = $1::int4 AND chat_id = $2::int8 AND ${which} AND deleted_at IS NULL
    ORDER BY id, date FOR UPDATE
  ), gone AS (
    UPDATE messages SET deleted_at = $4::timestamptz FROM present WHERE messages.ctid = present.place RETURNING id
  ), revised AS (
    UPDATE channels SET revision = revision + 1
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id = $2::int8 AND EXISTS (SELECT FROM gone)
  )
  SELECT DISTINCT id FROM gone ORDER BY id`;

const DELETE = deletion('id = ANY ($3::int4[])');
const DELETE_ABSENT = deletion('id BETWEEN $5::int4 AND $6::int4 AND id <> ALL ($3::int4[])');

/**
 * Of several versions of a message the newest, in the order of the table's key: a statement may not touch a row twice, and statements
 * that lock rows in one order never wait for each other in a circle.
 */
function newestVersions(messages: readonly Message[]): Message[] {
  const newest = new Map<string, Message>();
  for (const message of messages) {
    const key = `${message.chatId} ${message.id} ${message.date}`;
    const held = newest.get(key);
    if (held === undefined || isNewer(message, held)) newest.set(key, message);
  }
  return [...newest.values()].sort((a, b) => a.chatId - b.chatId || a.id - b.id || a.date - b.date);
}

/** @returns whether `version` is a newer version of the message than `held`: edited later, or the same edit seen at a later pts */
function isNewer(version: Message, held: Message): boolean {
  const edited = version.editDate ?? Number.NEGATIVE_INFINITY;
  const heldEdited = held.editDate ?? Number.NEGATIVE_INFINITY;
  return edited > heldEdited || (edited === heldEdited && version.pts > held.pts);
}

/** Any number of messages, a thousand a statement. What `StoreTransaction.upsertMessages` says. */
export async function upsertMessages(session: SqlSession, scope: number, messages: readonly Message[]): Promise<UpsertCount> {
  const rows = newestVersions(messages);
  let inserted = 0;
  let updated = 0;
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    const [count] = await session.query(UPSERT, [scope, ...columnsOf(rows.slice(at, at + ROWS_A_STATEMENT))]);
    inserted += count?.inserted as number;
    updated += count?.updated as number;
  }
  return { inserted, updated, unchanged: messages.length - inserted - updated };
}

function columnsOf(rows: readonly Message[]): SqlValue[] {
  return [
    rows.map((row) => row.chatId),
    rows.map((row) => row.id),
    rows.map((row) => mtprotoDate(row.date)),
    rows.map((row) => mtprotoDate(row.editDate)),
    rows.map((row) => row.pts),
    rows.map((row) => row.kind),
    rows.map((row) => row.text),
    rows.map((row) => json(row.entities as unknown as JsonObject[])),
    rows.map((row) => row.fromId),
    rows.map((row) => row.replyToId),
    rows.map((row) => row.views),
    rows.map((row) => row.media),
    rows.map((row) => json(row.raw)),
  ];
}

/** What `StoreTransaction.deleteMessages` says. @returns ascending ids */
export async function deleteMessages(
  session: SqlSession,
  scope: number,
  chatId: ChatId,
  ids: readonly number[],
  deletedAtMs: number,
): Promise<number[]> {
  if (ids.length === 0) return [];
  const gone = await session.query(DELETE, [scope, chatId, ids, instant(deletedAtMs)]);
  return gone.map((row) => row.id as number);
}

/** What `StoreTransaction.deleteAbsent` says. */
export async function deleteAbsent(
  session: SqlSession,
  scope: number,
  chatId: ChatId,
  range: { readonly from: number; readonly to: number },
  presentIds: readonly number[],
  deletedAtMs: number,
): Promise<number[]> {
  if (range.from > range.to) return [];
  const gone = await session.query(DELETE_ABSENT, [scope, chatId, presentIds, instant(deletedAtMs), range.from, range.to]);
  return gone.map((row) => row.id as number);
}

/** What `Store.readMessages` says. */
export async function readMessages(session: SqlSession, query: MessageQuery): Promise<Message[]> {
  const values: SqlValue[] = [CHANNEL_SCOPE, query.chatId];
  const conditions = ['scope = $1::int4', 'chat_id = $2::int8', 'deleted_at IS NULL'];
  function where(condition: (parameter: string) => string, value: SqlValue): void {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  }
  if (query.before !== undefined) where((id) => `id < ${id}::int8`, query.before);
  if (query.after !== undefined) where((id) => `id > ${id}::int8`, query.after);
  if (query.search !== undefined) where((part) => `text ILIKE ${part}`, `%${query.search.replace(/[\\%_]/g, '\\$&')}%`);
  values.push(query.limit);
  const nearest = query.after === undefined ? 'DESC' : 'ASC';
  const rows = await session.query(
    `SELECT ${COLUMNS} FROM messages WHERE ${conditions.join(' AND ')} ORDER BY messages.id ${nearest} LIMIT $${values.length}::int8`,
    values,
  );
  if (query.after !== undefined) rows.reverse();
  return rows.map(messageOf);
}

/** @returns how many messages of a channel are stored and not deleted */
export async function countMessages(session: SqlSession, chatId: ChatId): Promise<number> {
  const [row] = await session.query(
    'SELECT count(*) AS messages FROM messages WHERE scope = $1::int4 AND chat_id = $2::int8 AND deleted_at IS NULL',
    [CHANNEL_SCOPE, chatId],
  );
  return row?.messages as number;
}

function messageOf(row: SqlRow): Message {
  return {
    chatId: row.chat_id as number,
    id: row.id as number,
    date: row.date as number,
    editDate: row.edit_date as number | null,
    pts: row.pts as number,
    kind: row.kind as Message['kind'],
    text: row.text as string,
    entities: row.entities as TextEntity[],
    fromId: row.from_id as number | null,
    replyToId: row.reply_to_id as number | null,
    views: row.views as number | null,
    media: row.media as string | null,
    raw: row.raw as JsonObject,
  };
}
