import type { LoginErrand } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';

/** How long a question or an answer may lie, in s. */
const LIFE_S = 60;

/** What `LoginErrands.openLoginDesk` says. */
export async function openLoginDesk(session: SqlSession, worker: string, publicKey: string): Promise<void> {
  await session.query(
    `INSERT INTO login_desks (worker, public_key) VALUES ($1, $2)
     ON CONFLICT (worker) DO UPDATE SET public_key = excluded.public_key, opened_at = now()`,
    [worker, publicKey],
  );
}

/** What `LoginErrands.loginDeskOf` says. */
export async function loginDeskOf(
  session: SqlSession,
  accountId: string,
): Promise<{ worker: string; publicKey: string } | undefined> {
  const [row] = await session.query(
    `SELECT worker, public_key FROM leases JOIN login_desks ON worker = owner WHERE account_id = $1 AND expires_at > now()`,
    [accountId],
  );
  return row && { worker: row.worker as string, publicKey: row.public_key as string };
}

/** What `LoginErrands.askLogin` says. */
export async function askLogin(session: SqlSession, { id, accountId, worker, question }: LoginErrand): Promise<void> {
  await session.query('INSERT INTO login_errands (id, account_id, worker, question) VALUES ($1::uuid, $2, $3, $4)', [
    id,
    accountId,
    worker,
    question,
  ]);
}

/** What `LoginErrands.takeLoginQuestions` says. */
export async function takeLoginQuestions(session: SqlSession, worker: string): Promise<LoginErrand[]> {
  const rows = await session.query(
    `WITH old AS (DELETE FROM login_errands WHERE asked_at < now() - make_interval(secs => ${LIFE_S})),
     taken AS (
       SELECT id, question FROM login_errands
       WHERE worker = $1 AND question IS NOT NULL AND asked_at >= now() - make_interval(secs => ${LIFE_S})
       FOR UPDATE SKIP LOCKED
     )
     UPDATE login_errands SET question = NULL FROM taken WHERE login_errands.id = taken.id
     RETURNING login_errands.id::text AS id, account_id, worker, taken.question AS question`,
    [worker],
  );
  return rows.map((row) => ({
    id: row.id as string,
    accountId: row.account_id as string,
    worker: row.worker as string,
    question: row.question as string,
  }));
}

/** What `LoginErrands.answerLogin` says. */
export async function answerLogin(session: SqlSession, id: string, answer: string): Promise<void> {
  await session.query('UPDATE login_errands SET answer = $2 WHERE id = $1::uuid', [id, answer]);
}

/** What `LoginErrands.takeLoginAnswer` says. */
export async function takeLoginAnswer(session: SqlSession, id: string): Promise<string | undefined> {
  const [row] = await session.query('DELETE FROM login_errands WHERE id = $1::uuid AND answer IS NOT NULL RETURNING answer', [
    id,
  ]);
  return row?.answer as string | undefined;
}
