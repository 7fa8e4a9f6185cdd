import type { OutboxEntry } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import { instant, json } from './sql-values.ts';

/** What `StoreTransaction.appendOutbox` says: ids grow in the order given. */
export async function appendOutbox(session: SqlSession, entries: readonly OutboxEntry[], nowMs: number): Promise<void> {
  if (entries.length === 0) return;
  await session.query(
    `INSERT INTO outbox (topic, payload, created_at)
     SELECT topic, payload, $3::timestamptz
     FROM unnest($1::text[], $2::json[]) WITH ORDINALITY AS entry (topic, payload, place) ORDER BY place`,
    [entries.map((entry) => entry.topic), entries.map((entry) => json(entry.payload)), instant(nowMs)],
  );
}
