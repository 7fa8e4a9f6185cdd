import { VigiliaError } from '../../errors.ts';
import type { ChatId, MessageKey, ViewCount } from '../../ports.ts';
import { int4Array, int8Array } from './binary-arrays.ts';
import { CHANNEL_SCOPE, HOLDING, holdChannels, IS_HELD } from './channel-lock.ts';
import type { SqlSession } from './sql-driver.ts';
import { instant } from './sql-values.ts';

/** Follows a statement that changed messages as `changed`: their channels' revisions grow with it. */
const REVISED = `revised AS (
    UPDATE channels SET revision = revision + 1
    WHERE $1::int4 = ${CHANNEL_SCOPE} AND chat_id IN (SELECT chat_id FROM changed)
  )`;

// The scope above 0 is said once more as it stands in the index's condition. An account's chats have one writer, which holds nothing.
const DELETE_PRIVATE = `
  UPDATE messages SET deleted_at = $3::timestamptz
  WHERE scope = $1::int4 AND scope > 0 AND id = ANY ($2::int4[]) AND deleted_at IS NULL RETURNING chat_id, id`;

const DELETE_ABSENT = `
  WITH ${holdChannels('chat_id = $2::int8')}, changed AS (
    UPDATE messages SET deleted_at = $6::timestamptz FROM ${HOLDING}
    WHERE ${IS_HELD} AND scope = $1::int4 AND chat_id = $2::int8 AND id BETWEEN $3::int4 AND $4::int4
      AND id <> ALL ($5::int4[]) AND deleted_at IS NULL
    RETURNING chat_id, id
  ), ${REVISED}
  SELECT DISTINCT id FROM changed ORDER BY id`;

// `pinned` is one of the flags that the rest of the message is kept with: there where it is set, and absent where it is not.
const PIN = `
  WITH ${holdChannels('chat_id = $2::int8')}, changed AS (
    UPDATE messages SET
      raw = (CASE WHEN $4::bool THEN raw::jsonb || '{"pinned": true}' ELSE raw::jsonb - 'pinned' END)::json,
      pts = greatest(pts, $5::int8)
    FROM ${HOLDING}
    WHERE ${IS_HELD} AND scope = $1::int4 AND chat_id = $2::int8 AND id = ANY ($3::int4[]) AND deleted_at IS NULL
      AND (raw::jsonb ? 'pinned') <> $4::bool
    RETURNING chat_id, id
  ), ${REVISED}
  SELECT DISTINCT id FROM changed ORDER BY id`;

const COUNT_VIEWS = `
  WITH fresh AS (
    SELECT chat_id, id, max(views) AS views FROM unnest($2::int8[], $3::int4[], $4::int4[]) AS fresh (chat_id, id, views) GROUP BY chat_id, id
  ), ${holdChannels('chat_id IN (SELECT chat_id FROM fresh)')}, changed AS (
    UPDATE messages SET views = fresh.views FROM fresh, ${HOLDING}
    WHERE ${IS_HELD} AND messages.scope = $1::int4 AND messages.chat_id = fresh.chat_id AND messages.id = fresh.id
      AND messages.deleted_at IS NULL AND fresh.views > coalesce(messages.views, 0)
    RETURNING messages.chat_id, messages.id
  ), ${REVISED}
  SELECT DISTINCT chat_id FROM changed ORDER BY chat_id`;

/** What `StoreTransaction.deletePrivate` says. */
export async function deletePrivate(
  session: SqlSession,
  scope: number,
  ids: readonly number[],
  deletedAtMs: number,
): Promise<MessageKey[]> {
  if (ids.length === 0) return [];
  const rows = await session.query(DELETE_PRIVATE, [scope, int4Array(ids), instant(deletedAtMs)]);
  return rows.map((row) => ({ chatId: row.chat_id as number, id: row.id as number }));
}

/** What `StoreTransaction.deleteAbsent` says. */
export async function deleteAbsent(
  session: SqlSession,
  scope: number,
  chatId: ChatId,
  range: { readonly from: number; readonly to: number },
  present: readonly number[],
  deletedAtMs: number,
): Promise<number[]> {
  const parameters = [scope, chatId, range.from, range.to, int4Array(present), instant(deletedAtMs)];
  const rows = await session.query(DELETE_ABSENT, parameters);
  return rows.map((row) => row.id as number);
}

/** What `StoreTransaction.pinMessages` says. */
export async function pinMessages(
  session: SqlSession,
  scope: number,
  chatId: ChatId,
  ids: readonly number[],
  pinned: boolean,
  pts: number,
): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await session.query(PIN, [scope, chatId, int4Array(ids), pinned, pts]);
  return rows.map((row) => row.id as number);
}

/** What `StoreTransaction.countViews` says. */
export async function countViews(session: SqlSession, counts: readonly ViewCount[]): Promise<ChatId[]> {
  if (counts.length === 0) return [];
  const rows = await session.query(COUNT_VIEWS, [
    CHANNEL_SCOPE,
    int8Array(counts.map(({ chatId }) => chatId)),
    int4Array(counts.map(({ id }) => id)),
    int4Array(counts.map(({ views }) => views)),
  ]);
  return rows.map((row) => row.chat_id as number);
}

/** What `Store.unfollowed` says. */
export async function readUnfollowed(session: SqlSession, accountId: string): Promise<ChatId[]> {
  const rows = await session.query('SELECT chat_id FROM unfollowed WHERE account_id = $1 ORDER BY chat_id', [accountId]);
  return rows.map((row) => row.chat_id as number);
}

// In one order wherever several accounts are changed: two who do so at the same time shall not wait for each other.
const FOLLOW = `
  WITH held AS (
    SELECT account_id FROM unfollowed WHERE account_id = ANY ($1::text[]) AND chat_id = $2::int8 ORDER BY account_id FOR UPDATE
  )
  DELETE FROM unfollowed WHERE account_id IN (SELECT account_id FROM held) AND chat_id = $2::int8`;

const UNFOLLOW = `
  WITH known AS (SELECT id FROM accounts WHERE id = ANY ($1::text[])), added AS (
    INSERT INTO unfollowed (account_id, chat_id) SELECT id, $2::int8 FROM known
    WHERE (SELECT count(*) FROM known) = cardinality($1::text[]) ORDER BY id
    ON CONFLICT (account_id, chat_id) DO NOTHING
  )
  SELECT id FROM known`;

/** What `Store.unfollowing` says. */
export async function readUnfollowing(session: SqlSession, accountIds: readonly string[], chatId: ChatId): Promise<string[]> {
  const rows = await session.query(
    'SELECT account_id FROM unfollowed WHERE account_id = ANY ($1::text[]) AND chat_id = $2::int8 ORDER BY account_id',
    [accountIds, chatId],
  );
  return rows.map((row) => row.account_id as string);
}

/** What `Store.setFollowed` says. @param accountIds each once */
export async function setFollowed(
  session: SqlSession,
  accountIds: readonly string[],
  chatId: ChatId,
  followed: boolean,
): Promise<void> {
  const known = await session.query(followed ? FOLLOW : UNFOLLOW, [accountIds, chatId]);
  if (followed || known.length === accountIds.length) return;
  const missing = accountIds.filter((account) => !known.some(({ id }) => id === account));
  throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${missing.join(', ')}`);
}
