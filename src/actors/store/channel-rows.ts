import { VigiliaError } from '../../errors.ts';
import type { Channel, ChannelRef, ChannelRevision, ChatId, StoredChannel } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant, type SqlRow } from './sql-values.ts';

const COLUMNS = `chat_id, username, title, kind, about, participants, revision, ${epochMs('synced_at')}, synced_depth, complete`;

/** Usernames are ASCII; folding them by the "C" collation is what the unique index does. */
const FOLDED = 'lower(username COLLATE "C")';

// Takes the usernames of this batch away from whoever else holds them, so that the upsert after it meets no other holder.
const FREE_USERNAMES = `
  WITH held AS (
    SELECT channels.chat_id FROM channels
    JOIN unnest($1::int8[], $2::text[]) AS claim (chat_id, username) ON lower(channels.username COLLATE "C") = lower(claim.username COLLATE "C")
    WHERE channels.chat_id <> claim.chat_id
    ORDER BY channels.chat_id FOR UPDATE OF channels
  )
  UPDATE channels SET username = NULL, revision = revision + 1, updated_at = now() FROM held WHERE channels.chat_id = held.chat_id
  RETURNING channels.chat_id, channels.revision`;

const UPSERT = `
  INSERT INTO channels (chat_id, username, title, kind, about, participants)
  SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int4[])
  ON CONFLICT (chat_id) DO UPDATE SET
    username = excluded.username, title = excluded.title, kind = excluded.kind, revision = channels.revision + 1, updated_at = now(),
    about = coalesce(excluded.about, channels.about), participants = coalesce(excluded.participants, channels.participants)
  WHERE (channels.username, channels.title, channels.kind, channels.about, channels.participants) IS DISTINCT FROM
    (excluded.username, excluded.title, excluded.kind, coalesce(excluded.about, channels.about), coalesce(excluded.participants, channels.participants))
  RETURNING chat_id, revision`;

/** What `StoreTransaction.upsertChannels` says; of two channels with one username, the one that comes last keeps it. */
export async function upsertChannels(session: SqlSession, channels: readonly Channel[]): Promise<ChannelRevision[]> {
  const rows = withoutDoubles(channels);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.chatId);
  const usernames = rows.map((row) => row.username);
  const freed = await session.query(FREE_USERNAMES, [ids, usernames]);
  const written = await session.query(UPSERT, [
    ids,
    usernames,
    rows.map((row) => row.title),
    rows.map((row) => row.kind),
    rows.map((row) => row.about),
    rows.map((row) => row.participants),
  ]);
  const revisions = new Map([...freed, ...written].map((row) => [row.chat_id as ChatId, row.revision as number]));
  // A row of revision 0 was not there before: nobody holds anything of it.
  return [...revisions].filter(([, revision]) => revision > 0).map(([chatId, revision]) => ({ chatId, revision }));
}

/** One row a channel and one channel a username, the last one each; in the order of ids, in which all statements lock them. */
function withoutDoubles(channels: readonly Channel[]): Channel[] {
  const byId = new Map<ChatId, Channel>();
  const holder = new Map<string, ChatId>();
  for (const channel of channels) {
    const before = byId.get(channel.chatId);
    byId.set(channel.chatId, {
      ...channel,
      about: channel.about ?? before?.about ?? null,
      participants: channel.participants ?? before?.participants ?? null,
    });
    if (channel.username !== null) holder.set(channel.username.toLowerCase(), channel.chatId);
  }
  return [...byId.values()]
    .map((channel) =>
      holder.get(channel.username?.toLowerCase() ?? '') === channel.chatId ? channel : { ...channel, username: null },
    )
    .sort((a, b) => a.chatId - b.chatId);
}

/** What `StoreTransaction.markSynced` says. @throws CHANNEL_NOT_FOUND when the channel has no row */
export async function markSynced(
  session: SqlSession,
  chatId: ChatId,
  syncedAtMs: number,
  depth: number,
  complete: boolean,
): Promise<void> {
  const [row] = await session.query(
    `UPDATE channels SET synced_at = $2::timestamptz, synced_depth = $3::int4, complete = $4::bool, revision = revision + 1
     WHERE chat_id = $1::int8 RETURNING chat_id`,
    [chatId, instant(syncedAtMs), depth, complete],
  );
  if (row === undefined) throw new VigiliaError('CHANNEL_NOT_FOUND', `channel ${chatId} is not stored`);
}

/** What `Store.findChannel` says; usernames in any case. */
export async function findChannel(session: SqlSession, ref: ChannelRef): Promise<StoredChannel | undefined> {
  const [row] =
    ref.kind === 'id'
      ? await session.query(`SELECT ${COLUMNS} FROM channels WHERE chat_id = $1::int8`, [ref.chatId])
      : await session.query(`SELECT ${COLUMNS} FROM channels WHERE ${FOLDED} = lower($1::text COLLATE "C")`, [ref.username]);
  return row === undefined ? undefined : channelOf(row);
}

/** What `Store.listChannels` says; an `after` that is not stored gives an empty page. */
export async function listChannels(
  session: SqlSession,
  limit: number,
  after: ChatId | undefined,
  accountId: string | undefined,
): Promise<StoredChannel[]> {
  const rows = await session.query(
    `SELECT ${COLUMNS} FROM channels
     WHERE ($2::int8 IS NULL OR (title COLLATE "C", chat_id) > (SELECT title COLLATE "C", chat_id FROM channels WHERE chat_id = $2::int8))
       AND ($3::text IS NULL OR chat_id IN (SELECT peer_id FROM entities WHERE account_id = $3))
     ORDER BY title COLLATE "C", chat_id LIMIT $1::int8`,
    [limit, after ?? null, accountId ?? null],
  );
  return rows.map(channelOf);
}

function channelOf(row: SqlRow): StoredChannel {
  return {
    chatId: row.chat_id as number,
    username: row.username as string | null,
    title: row.title as string,
    kind: row.kind as StoredChannel['kind'],
    about: row.about as string | null,
    participants: row.participants as number | null,
    revision: row.revision as number,
    syncedAt: row.synced_at as number | null,
    syncedDepth: row.synced_depth as number,
    complete: row.complete as boolean,
  };
}
