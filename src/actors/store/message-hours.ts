import type { HourCount, HoursQuery } from '../../ports.ts';
import { CHANNEL_SCOPE } from './channel-lock.ts';
import type { SqlSession } from './sql-driver.ts';
import { epochMs, instant } from './sql-values.ts';

/** What `Store.messagesPerHour` says. */
export async function messagesPerHour(
  session: SqlSession,
  { scope = CHANNEL_SCOPE, chatId, from, to }: HoursQuery,
): Promise<HourCount[]> {
  const rows = await session.query(
    `SELECT ${epochMs('hour')}, messages FROM message_hours
     WHERE scope = $1::int4 AND chat_id = $2::int8 AND hour >= $3::timestamptz AND hour < $4::timestamptz AND messages > 0
     ORDER BY message_hours.hour`,
    [scope, chatId, instant(from), instant(to)],
  );
  return rows.map((row) => ({ hour: row.hour as number, messages: row.messages as number }));
}

/** What `Store.pruneMessages` says. */
export async function pruneMessages(session: SqlSession, beforeMs: number, maxRows: number): Promise<number> {
  const [row] = await session.query('SELECT delete_old_messages($1::timestamptz, $2::int8) AS gone', [
    instant(beforeMs),
    maxRows,
  ]);
  return row?.gone as number;
}
