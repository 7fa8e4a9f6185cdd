import { VigiliaError } from '../../errors.ts';
import type { SealedGeneration } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';

/** What `SessionShelf.sessionAccounts` says. */
export async function sessionAccounts(session: SqlSession): Promise<string[]> {
  const rows = await session.query('SELECT DISTINCT account_id FROM sessions');
  return rows.map((row) => row.account_id as string).sort();
}

/** What `SessionShelf.sessionGenerations` says: one statement, so that token and generations are of one instant. */
export async function sessionGenerations(
  session: SqlSession,
  accountId: string,
): Promise<{ generations: SealedGeneration[]; fencingToken: number }> {
  const rows = await session.query(
    `SELECT fencing_token, generation, envelope FROM accounts
     LEFT JOIN (SELECT account_id, generation, envelope FROM sessions) kept ON account_id = id
     WHERE id = $1 ORDER BY generation DESC`,
    [accountId],
  );
  return {
    fencingToken: (rows[0]?.fencing_token as number | undefined) ?? 0,
    generations: rows
      .filter((row) => row.generation !== null)
      .map((row) => ({ generation: row.generation as number, envelope: row.envelope as string })),
  };
}

/**
 * What `SessionShelf.addSession` says. One transaction: nobody takes the account between the look at its token and the commit.
 * @param session a transaction
 */
export async function addSession(
  session: SqlSession,
  accountId: string,
  { generation, envelope }: SealedGeneration,
  fencingToken: number | null,
): Promise<boolean> {
  // One after the other, in the order of whoever takes a lease: whoever waits for him reads what he wrote, in both rows. A join would not read
  // the row anew that it does not lock.
  const [lease] = await session.query('SELECT owner, token FROM leases WHERE account_id = $1 FOR SHARE', [accountId]);
  const [account] = await session.query('SELECT fencing_token FROM accounts WHERE id = $1 FOR SHARE', [accountId]);
  if (account === undefined) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
  // The lease's, where somebody has it: lives of its owner's consumer count the account's own on, and are no reason to refuse him.
  const token = lease?.owner ? (lease.token as number) : (account.fencing_token as number);
  if (fencingToken !== token) {
    const held = fencingToken === null ? 'this one does not hold it' : `this one holds ${fencingToken}`;
    throw new VigiliaError(
      'SESSION_FENCED',
      `the session of account ${accountId} was not saved: another worker has taken the account (token ${token}, ${held})`,
    );
  }
  const added = await session.query(
    `INSERT INTO sessions (account_id, generation, envelope, fencing_token) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account_id, generation) DO NOTHING RETURNING generation`,
    [accountId, generation, envelope, fencingToken],
  );
  return added.length > 0;
}

/** What `SessionShelf.resealSession` says. */
export async function resealSession(
  session: SqlSession,
  accountId: string,
  before: SealedGeneration,
  envelope: string,
): Promise<boolean> {
  const changed = await session.query(
    'UPDATE sessions SET envelope = $4 WHERE account_id = $1 AND generation = $2 AND envelope = $3 RETURNING generation',
    [accountId, before.generation, before.envelope, envelope],
  );
  return changed.length > 0;
}

/** What `SessionShelf.dropSessions` says. */
export async function dropSessions(session: SqlSession, accountId: string, generations: readonly number[]): Promise<void> {
  await session.query('DELETE FROM sessions WHERE account_id = $1 AND generation = ANY($2::int8[])', [accountId, generations]);
}
