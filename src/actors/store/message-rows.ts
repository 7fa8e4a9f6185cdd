import type {
  ChatId,
  Json,
  JsonObject,
  Message,
  MessageChange,
  MessageQuery,
  RangeChange,
  TextEntity,
  UpsertCount,
} from '../../ports.ts';
import { int4Array, int8Array, jsonArray, mtprotoDateArray, textArray } from './binary-arrays.ts';
import { CHANNEL_SCOPE, CHANNELS_HELD, HOLDING, holdChannels, IS_HELD } from './channel-lock.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochSeconds, instant, type SqlRow, type SqlValue } from './sql-values.ts';

/** Rows a statement writes at most: more gain nothing, and hold PGlite's one session longer. */
const ROWS_A_STATEMENT = 1000;

/** What {@link messageOf} reads. */
export const COLUMNS = `chat_id, id, ${epochSeconds('date')}, ${epochSeconds('edit_date')}, pts, kind, text, entities, from_id, reply_to_id, views, media, raw`;

// The rows as written, and which of them were new: a row of this statement's own insert has no xmax; one that it updated carries its own
// transaction there.
const WRITTEN = `written AS (
    INSERT INTO messages (scope, chat_id, id, date, edit_date, pts, kind, text, entities, from_id, reply_to_id, views, media, raw)
    SELECT $1::int4, fresh.*
    FROM unnest($2::int8[], $3::int4[], $4::timestamptz[], $5::timestamptz[], $6::int8[], $7::text[], $8::text[], $9::json[],
      $10::int8[], $11::int4[], $12::int4[], $13::text[], $14::json[]) AS fresh (chat_id, id)
    WHERE ${CHANNELS_HELD} AND ($1::int4 <> ${CHANNEL_SCOPE}
      OR NOT EXISTS (SELECT FROM unseen_deletions AS unseen WHERE unseen.chat_id = fresh.chat_id AND unseen.id = fresh.id))
    ON CONFLICT (scope, chat_id, id, date) DO UPDATE SET
      edit_date = excluded.edit_date, pts = excluded.pts, kind = excluded.kind, text = excluded.text, entities = excluded.entities,
      from_id = excluded.from_id, reply_to_id = excluded.reply_to_id, views = excluded.views, media = excluded.media, raw = excluded.raw
    WHERE messages.deleted_at IS NULL
      AND (coalesce(excluded.edit_date, '-infinity'), excluded.pts) > (coalesce(messages.edit_date, '-infinity'), messages.pts)
    RETURNING chat_id, id, xmax = 0 AS inserted
  )`;
const COUNTS = 'count(*) FILTER (WHERE inserted) AS inserted, count(*) FILTER (WHERE NOT inserted) AS updated';

// One statement: the rows, which of them were new or newer, and the revision of the channels that changed by it.
const UPSERT = `
  WITH ${holdChannels('chat_id = ANY (ARRAY(SELECT DISTINCT unnest($2::int8[])))')}, ${WRITTEN}, revised AS (
    UPDATE channels SET revision = revision + 1
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id IN (SELECT chat_id FROM written)
  )
  SELECT chat_id, id, inserted FROM written`;

// What a deletion marks, of a channel that is held.
const deletion = (chat: string, where: string, at: string): string => `${holdChannels(`chat_id = ${chat}::int8`)}, gone AS (
    UPDATE messages SET deleted_at = ${at}::timestamptz FROM ${HOLDING}
    WHERE ${IS_HELD} AND scope = $1::int4 AND chat_id = ${chat}::int8 AND ${where} AND deleted_at IS NULL RETURNING id
  )`;

const DELETE = `
  WITH ${deletion('$2', 'id = ANY ($3::int4[])', '$4')}, unseen AS (
    INSERT INTO unseen_deletions (chat_id, id, told_at)
    SELECT $2::int8, told.id, $4::timestamptz FROM unnest($3::int4[]) AS told (id)
    WHERE $1::int4 = ${CHANNEL_SCOPE}
      AND NOT EXISTS (SELECT FROM messages WHERE scope = $1::int4 AND chat_id = $2::int8 AND messages.id = told.id)
    ON CONFLICT DO NOTHING
  ), revised AS (
    UPDATE channels SET revision = revision + 1
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id = $2::int8 AND EXISTS (SELECT FROM gone)
  )
  SELECT DISTINCT id FROM gone ORDER BY id`;

// One statement for both sides of a range. What it deletes is looked for in the table as it was before: where nothing is stored yet, which is
// the long first reading of a channel, that costs one look into the index.
const REPLACE = `
  WITH ${deletion('$15', 'id BETWEEN $16::int4 AND $17::int4 AND id <> ALL ($3::int4[])', '$18')}, ${WRITTEN}, counted AS (
    SELECT ${COUNTS}, (SELECT count(*) FROM gone) AS deleted FROM written
  ), revised AS (
    UPDATE channels SET revision = revision + 1 FROM counted
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id = $15::int8 AND inserted + updated + deleted > 0
    RETURNING revision
  )
  SELECT counted.*, (SELECT revision FROM revised) AS revision FROM counted`;

/**
 * Of several versions of a message the newest, in the order of the table's key: a statement may not touch a row twice, and statements
 * that lock rows in one order never wait for each other in a circle.
 */
function newestVersions(messages: readonly Message[]): readonly Message[] {
  // A page of history: newest first, each message once.
  if (isStrictlyFalling(messages)) return messages.toReversed();
  const newest = new Map<string, Message>();
  for (const message of messages) {
    const key = `${message.chatId} ${message.id} ${message.date}`;
    const held = newest.get(key);
    if (held === undefined || isNewer(message, held)) newest.set(key, message);
  }
  return [...newest.values()].sort((a, b) => a.chatId - b.chatId || a.id - b.id || a.date - b.date);
}

function isStrictlyFalling(messages: readonly Message[]): boolean {
  return messages.every((message, at) => {
    const before = messages[at - 1];
    return before === undefined || (message.chatId === before.chatId && message.id < before.id);
  });
}

/** @returns whether `version` is a newer version of the message than `held`: edited later, or the same edit seen at a later pts */
function isNewer(version: Message, held: Message): boolean {
  const edited = version.editDate ?? Number.NEGATIVE_INFINITY;
  const heldEdited = held.editDate ?? Number.NEGATIVE_INFINITY;
  return edited > heldEdited || (edited === heldEdited && version.pts > held.pts);
}

/** Any number of messages, a thousand a statement. What `StoreTransaction.upsertMessages` says. */
export async function upsertMessages(
  session: SqlSession,
  scope: number,
  messages: readonly Message[],
): Promise<UpsertCount & { readonly changed: readonly MessageChange[] }> {
  const rows = newestVersions(messages);
  const changed: MessageChange[] = [];
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    for (const row of await session.query(UPSERT, [scope, ...columnsOf(rows.slice(at, at + ROWS_A_STATEMENT))])) {
      changed.push({ chatId: row.chat_id as number, id: row.id as number, inserted: row.inserted as boolean });
    }
  }
  const inserted = changed.filter((row) => row.inserted).length;
  return { inserted, updated: changed.length - inserted, unchanged: messages.length - changed.length, changed };
}

/** Parameters $2 to $14. */
function columnsOf(rows: readonly Message[]): SqlValue[] {
  return [
    int8Array(rows.map((row) => row.chatId)),
    int4Array(rows.map((row) => row.id)),
    mtprotoDateArray(rows.map((row) => row.date)),
    mtprotoDateArray(rows.map((row) => row.editDate)),
    int8Array(rows.map((row) => row.pts)),
    textArray(rows.map((row) => row.kind)),
    textArray(rows.map((row) => row.text)),
    jsonArray(rows.map((row) => row.entities as unknown as Json)),
    int8Array(rows.map((row) => row.fromId)),
    int4Array(rows.map((row) => row.replyToId)),
    int4Array(rows.map((row) => row.views)),
    textArray(rows.map((row) => row.media)),
    jsonArray(rows.map((row) => row.raw)),
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

/**
 * Marks as deleted what is stored although its deletion was told before: it was being written at that very moment, by a transaction that did
 * not see the other.
 */
export async function deleteUnseen(session: SqlSession, chatId: ChatId): Promise<void> {
  await session.query(
    `UPDATE messages SET deleted_at = unseen.told_at FROM unseen_deletions AS unseen
     WHERE scope = ${CHANNEL_SCOPE} AND messages.chat_id = $1::int8 AND unseen.chat_id = $1::int8 AND messages.id = unseen.id
       AND deleted_at IS NULL`,
    [chatId],
  );
}

const PRUNE_UNSEEN = `
  WITH old AS (
    SELECT chat_id, id FROM unseen_deletions WHERE told_at < $1::timestamptz ORDER BY told_at LIMIT $2::int8
  ), gone AS (
    DELETE FROM unseen_deletions AS unseen USING old WHERE unseen.chat_id = old.chat_id AND unseen.id = old.id RETURNING unseen.id
  )
  SELECT count(*) AS rows FROM gone`;

/** Forgets deletions of messages that were never stored, told before this. @returns how many */
export async function pruneUnseen(session: SqlSession, beforeMs: number, maxRows: number): Promise<number> {
  const [row] = await session.query(PRUNE_UNSEEN, [instant(beforeMs), maxRows]);
  return row?.rows as number;
}

/** What `StoreTransaction.replaceRange` says. */
export async function replaceRange(
  session: SqlSession,
  scope: number,
  chatId: ChatId,
  range: { readonly from: number; readonly to: number },
  messages: readonly Message[],
  deletedAtMs: number,
): Promise<RangeChange> {
  const rows = newestVersions(messages);
  const [change] = await session.query(REPLACE, [scope, ...columnsOf(rows), chatId, range.from, range.to, instant(deletedAtMs)]);
  const { inserted, updated, deleted, revision } = change as { [K in keyof RangeChange]: RangeChange[K] };
  return { inserted, updated, unchanged: messages.length - inserted - updated, deleted, revision };
}

/** @returns the pattern of LIKE for a text with this in it */
export function anywhere(part: string): string {
  return `%${part.replace(/[\\%_]/g, '\\$&')}%`;
}

/** What `Store.readMessages` says. */
export async function readMessages(session: SqlSession, query: MessageQuery): Promise<Message[]> {
  const values: SqlValue[] = [query.scope ?? CHANNEL_SCOPE, query.chatId];
  const conditions = ['scope = $1::int4', 'chat_id = $2::int8', 'deleted_at IS NULL'];
  function where(condition: (parameter: string) => string, value: SqlValue): void {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  }
  if (query.before !== undefined) where((id) => `id < ${id}::int8`, query.before);
  if (query.after !== undefined) where((id) => `id > ${id}::int8`, query.after);
  if (query.search !== undefined) where((part) => `text ILIKE ${part}`, anywhere(query.search));
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

/** @returns the message of a row with {@link COLUMNS} */
export function messageOf(row: SqlRow): Message {
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
