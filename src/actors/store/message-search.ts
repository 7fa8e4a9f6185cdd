import type { Message, SearchQuery } from '../../ports.ts';
import { CHANNEL_SCOPE } from './channel-lock.ts';
import { anywhere, COLUMNS, messageOf } from './message-rows.ts';
import type { SqlSession } from './sql-driver.ts';
import { mtprotoDate, type SqlValue } from './sql-values.ts';

/**
 * The statement of a search. Its order is one that no index has: so the planner finds what fits by the index of texts, where there is one, and
 * sorts that, and does not walk through everything from the newest on.
 */
export function searchStatement(query: SearchQuery): { readonly text: string; readonly values: SqlValue[] } {
  const values: SqlValue[] = [CHANNEL_SCOPE, anywhere(query.text)];
  const next = (value: SqlValue): string => `$${values.push(value)}`;
  const conditions = ['scope = $1::int4', 'deleted_at IS NULL', 'text ILIKE $2'];
  if (query.accountId !== undefined) {
    conditions.push(`chat_id IN (SELECT peer_id FROM entities WHERE account_id = ${next(query.accountId)})`);
  }
  if (query.before !== undefined) {
    const { date, chatId, id } = query.before;
    conditions.push(
      `(messages.date, chat_id, id) < (${next(mtprotoDate(date))}::timestamptz, ${next(chatId)}::int8, ${next(id)}::int4)`,
    );
  }
  const text = `SELECT ${COLUMNS} FROM messages WHERE ${conditions.join(' AND ')}
    ORDER BY messages.date DESC, chat_id DESC, messages.id DESC LIMIT ${next(query.limit)}::int8`;
  return { text, values };
}

/** What `Store.searchMessages` says. */
export async function searchMessages(session: SqlSession, query: SearchQuery): Promise<Message[]> {
  const { text, values } = searchStatement(query);
  return (await session.query(text, values)).map(messageOf);
}
