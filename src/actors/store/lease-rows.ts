import { VigiliaError } from '../../errors.ts';
import { freeInMs, LEASE_MS } from '../../machines/lease-rule.ts';
import type { AccountHealth, Json, LeaseAnswer, LeaseRenewal, LeaseRow } from '../../ports.ts';
import { raiseFencingToken } from './account-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { json, type SqlValue } from './sql-values.ts';

/** How long from now, in ms, by the database's clock as it is and not as it was when the transaction began. */
const msUntil = (column: string): string => `floor(extract(epoch FROM ${column} - clock_timestamp()) * 1000)::int8`;

/** A duration of ms as a parameter. */
const lasting = (parameter: string): string => `${parameter}::int8 * interval '1 millisecond'`;

/**
 * What `Store.takeLease` says.
 * @param session a transaction
 */
export async function takeLease(session: SqlSession, accountId: string, owner: string, home: boolean): Promise<LeaseAnswer> {
  const [known] = await session.query('SELECT FROM accounts WHERE id = $1 AND removed_at IS NULL', [accountId]);
  if (known === undefined) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
  await session.query('INSERT INTO leases (account_id) VALUES ($1) ON CONFLICT DO NOTHING', [accountId]);
  const [row] = await session.query(
    `SELECT owner, ${msUntil('expires_at')} AS expires_in_ms FROM leases WHERE account_id = $1 FOR UPDATE`,
    [accountId],
  );
  const present = { owner: (row?.owner as string | null) ?? null, expiresInMs: (row?.expires_in_ms as number | null) ?? null };
  const waitMs = freeInMs(present, owner);
  if (waitMs > 0) return { granted: false, owner: present.owner ?? '', freeInMs: waitMs };
  const token = await raiseFencingToken(session, accountId, owner);
  // The transaction's time, which is later than the taker's question and earlier than whatever it waited for here.
  await session.query(
    `UPDATE leases SET owner = $2, token = $3::int8, expires_at = now() + ${lasting('$4')}, evidence = NULL, evidence_at = NULL,
       home = CASE WHEN $5::bool THEN $2 ELSE home END
     WHERE account_id = $1`,
    [accountId, owner, token, LEASE_MS, home],
  );
  return { granted: true, token };
}

/** What `Store.renewLeases` says. */
export async function renewLeases(
  session: SqlSession,
  owner: string,
  renewals: readonly LeaseRenewal[],
  homes: readonly string[],
): Promise<string[]> {
  if (renewals.length === 0) return [];
  const evidence: SqlValue = renewals.map(({ evidence: said }) => json(said as unknown as Json));
  const rows = await session.query(
    `UPDATE leases SET expires_at = now() + ${lasting('$2')}, evidence = renewed.evidence, evidence_at = now(),
       home = CASE WHEN account_id = ANY ($6::text[]) THEN $1 ELSE home END
     FROM unnest($3::text[], $4::int8[], $5::jsonb[]) AS renewed (id, token, evidence)
     WHERE account_id = renewed.id AND owner = $1 AND leases.token = renewed.token
     RETURNING account_id`,
    [owner, LEASE_MS, renewals.map(({ accountId }) => accountId), renewals.map(({ token }) => token), evidence, homes],
  );
  return rows.map((row) => row.account_id as string);
}

/** What `Store.releaseLease` says. */
export async function releaseLease(session: SqlSession, accountId: string, owner: string, token: number): Promise<void> {
  await session.query(
    `UPDATE leases SET owner = NULL, expires_at = NULL, evidence = NULL, evidence_at = NULL
     WHERE account_id = $1 AND owner = $2 AND token = $3::int8`,
    [accountId, owner, token],
  );
}

/**
 * What `Store.takeAccount` says.
 * @param session a transaction
 * @throws UNKNOWN_ACCOUNT when it has no row
 */
export async function takeAccount(session: SqlSession, accountId: string, owner: string): Promise<number> {
  // Before the account's row, as whoever takes a lease does: nobody waits in a circle.
  await session.query('SELECT FROM leases WHERE account_id = $1 FOR UPDATE', [accountId]);
  const token = await raiseFencingToken(session, accountId, owner);
  await session.query(
    `UPDATE leases SET owner = $2, token = $3::int8, expires_at = least(expires_at, now()), evidence = NULL, evidence_at = NULL
     WHERE account_id = $1 AND owner IS NOT NULL`,
    [accountId, owner, token],
  );
  return token;
}

/**
 * What `Store.raiseToken` says.
 * @param session a transaction: nobody takes the lease between the look at it and the commit
 */
export async function raiseToken(session: SqlSession, accountId: string, owner: string, leaseToken: number): Promise<number> {
  const [row] = await session.query('SELECT FROM leases WHERE account_id = $1 AND owner = $2 AND token = $3::int8 FOR SHARE', [
    accountId,
    owner,
    leaseToken,
  ]);
  if (row === undefined) throw new VigiliaError('LEASE_LOST', `the lease of account ${accountId} is not ours any more`);
  return raiseFencingToken(session, accountId, owner);
}

/** What `Store.leases` says. */
export async function readLeases(session: SqlSession): Promise<LeaseRow[]> {
  const rows = await session.query(
    `SELECT id, user_id, removed_at IS NOT NULL AS removed, leases.owner, coalesce(token, 0) AS token, home, evidence, ${msUntil('expires_at')} AS expires_in_ms,
       -${msUntil('evidence_at')} AS evidence_age_ms
     FROM accounts LEFT JOIN leases ON account_id = id ORDER BY number`,
  );
  return rows.map((row) => ({
    accountId: row.id as string,
    removed: row.removed as boolean,
    owner: row.owner as string | null,
    token: row.token as number,
    expiresInMs: row.expires_in_ms as number | null,
    home: row.home as string | null,
    evidence: row.evidence as AccountHealth | null,
    evidenceAgeMs: row.evidence_age_ms as number | null,
    userId: row.user_id as number | null,
  }));
}

/** What `Store.checkInWorker` says: one statement. */
export async function checkInWorker(session: SqlSession, worker: string, forMs: number): Promise<number> {
  const [row] = await session.query(
    `WITH gone AS (DELETE FROM workers WHERE expires_at < now() - interval '1 day' OR (id = $1 AND $2::int8 = 0)),
     mine AS (
       INSERT INTO workers (id, expires_at) SELECT $1, now() + ${lasting('$2')} WHERE $2::int8 > 0
       ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at RETURNING 1
     )
     SELECT (SELECT count(*) FROM workers WHERE id <> $1 AND expires_at > now()) + (SELECT count(*) FROM mine) AS workers`,
    [worker, forMs],
  );
  return row?.workers as number;
}
