import { VigiliaError } from '../../errors.ts';
import type { ChannelRef, PeerEntity, Position } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochSeconds, mtprotoDate } from './sql-values.ts';

/** What `Store.ensureAccount` says. */
export async function ensureAccount(session: SqlSession, accountId: string): Promise<number> {
  // Looked up first: an insert that meets its conflict uses up a number all the same.
  const number = await accountNumber(session, accountId);
  if (number !== undefined) return number;
  await session.query('INSERT INTO accounts (id) VALUES ($1) ON CONFLICT (id) DO NOTHING', [accountId]);
  return (await accountNumber(session, accountId)) as number;
}

async function accountNumber(session: SqlSession, accountId: string): Promise<number | undefined> {
  const [row] = await session.query('SELECT number FROM accounts WHERE id = $1', [accountId]);
  return row?.number as number | undefined;
}

/** What `Store.makeAccount` says. */
export async function makeAccount(session: SqlSession, accountId: string): Promise<boolean> {
  const rows = await session.query(
    `INSERT INTO accounts (id) VALUES ($1)
     ON CONFLICT (id) DO UPDATE SET removed_at = NULL WHERE accounts.removed_at IS NOT NULL RETURNING id`,
    [accountId],
  );
  return rows.length > 0;
}

/** What `Store.removeAccount` says. */
export async function removeAccount(session: SqlSession, accountId: string): Promise<number> {
  const [row] = await session.query(
    `UPDATE accounts SET removed_at = now(), fencing_token = fencing_token + 1 WHERE id = $1 AND removed_at IS NULL
     RETURNING fencing_token`,
    [accountId],
  );
  if (row === undefined) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`, { field: 'id' });
  return row.fencing_token as number;
}

/** What `Store.listAccounts` says. @returns ids in the order in which they were first seen */
export async function listAccounts(session: SqlSession): Promise<string[]> {
  const rows = await session.query('SELECT id FROM accounts WHERE removed_at IS NULL ORDER BY number');
  return rows.map((row) => row.id as string);
}

/** What `Store.bindUser` says. */
export async function bindUser(session: SqlSession, accountId: string, userId: number): Promise<number> {
  const bound = await userOf(session, accountId);
  if (bound !== null) return bound;
  await session.query('UPDATE accounts SET user_id = $2::int8 WHERE id = $1 AND user_id IS NULL', [accountId, userId]);
  // Of two who said so at once, the first.
  return (await userOf(session, accountId)) ?? userId;
}

async function userOf(session: SqlSession, accountId: string): Promise<number | null> {
  const [row] = await session.query('SELECT user_id FROM accounts WHERE id = $1', [accountId]);
  if (row === undefined) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
  return row.user_id as number | null;
}

/** Makes what is claimed under older tokens lost. @returns the new token @throws UNKNOWN_ACCOUNT when it has no row */
export async function raiseFencingToken(session: SqlSession, accountId: string, owner: string): Promise<number> {
  const [row] = await session.query(
    'UPDATE accounts SET fencing_token = fencing_token + 1, owner = $2, taken_at = now() WHERE id = $1 RETURNING fencing_token',
    [accountId, owner],
  );
  if (row === undefined) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
  return row.fencing_token as number;
}

/** What `StoreTransaction.upsertEntities` says. */
export async function upsertEntities(session: SqlSession, accountId: string, entities: readonly PeerEntity[]): Promise<void> {
  if (entities.length === 0) return;
  const rows = [...new Map(entities.map((entity) => [entity.peerId, entity])).values()].sort((a, b) => a.peerId - b.peerId);
  await session.query(
    `INSERT INTO entities (account_id, peer_id, access_hash, username)
     SELECT $1, * FROM unnest($2::int8[], $3::int8[], $4::text[])
     ON CONFLICT (account_id, peer_id) DO UPDATE SET access_hash = excluded.access_hash, username = excluded.username, updated_at = now()
     WHERE (entities.access_hash, entities.username) IS DISTINCT FROM (excluded.access_hash, excluded.username)`,
    [accountId, rows.map((row) => row.peerId), rows.map((row) => row.accessHash), rows.map((row) => row.username)],
  );
}

/** What `Store.entities` says. @returns by peer id */
export async function readEntities(session: SqlSession, accountId: string): Promise<PeerEntity[]> {
  const rows = await session.query(
    'SELECT peer_id, access_hash::text AS access_hash, username FROM entities WHERE account_id = $1 ORDER BY peer_id',
    [accountId],
  );
  return rows.map((row) => ({
    peerId: row.peer_id as number,
    accessHash: row.access_hash as string,
    username: row.username as string | null,
  }));
}

/** What `StoreTransaction.savePosition` says. */
export async function savePosition(session: SqlSession, accountId: string, position: Position, anew = false): Promise<void> {
  await session.query(
    `INSERT INTO positions (account_id, box, pts, qts, date, seq) VALUES ($1, $2, $3::int8, $4::int8, $5::timestamptz, $6::int8)
     ON CONFLICT (account_id, box) DO UPDATE SET
       pts = excluded.pts, qts = excluded.qts, date = excluded.date, seq = excluded.seq, updated_at = now()
     WHERE $7::bool OR (excluded.pts, excluded.qts, excluded.seq, excluded.date) > (positions.pts, positions.qts, positions.seq, positions.date)`,
    [accountId, position.box, position.pts, position.qts, mtprotoDate(position.date), position.seq, anew],
  );
}

/** What `Store.positions` says. @returns by box */
export async function readPositions(session: SqlSession, accountId: string): Promise<Position[]> {
  const rows = await session.query(
    `SELECT box, pts, qts, ${epochSeconds('date')}, seq FROM positions WHERE account_id = $1 ORDER BY box COLLATE "C"`,
    [accountId],
  );
  return rows.map((row) => ({
    box: row.box as string,
    pts: row.pts as number,
    qts: row.qts as number,
    date: row.date as number,
    seq: row.seq as number,
  }));
}

/** What `Store.accountsKnowing` says. */
export async function accountsKnowing(session: SqlSession, ref: ChannelRef): Promise<string[]> {
  const fits = ref.kind === 'id' ? 'peer_id = $1::int8' : 'lower(username) = lower($1)';
  const rows = await session.query(
    `SELECT accounts.id FROM entities JOIN accounts ON accounts.id = account_id WHERE ${fits} AND removed_at IS NULL GROUP BY accounts.id, number ORDER BY number`,
    [ref.kind === 'id' ? ref.chatId : ref.username],
  );
  return rows.map((row) => row.id as string);
}
