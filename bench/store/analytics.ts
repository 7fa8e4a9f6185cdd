import pg from 'pg';
import type { BenchDatabase } from '../harness/database.ts';
import { withStore } from '../harness/gateway.ts';
import { benchChannel, FIRST_DATE } from './messages.ts';

/** A question, and how long its answers took, in ms. */
export interface AnalyticsSample {
  readonly question: string;
  readonly tookMs: readonly number[];
  /** Hours in an answer. */
  readonly hours: number;
}

const CHANNELS = 20;
const ASKED = 50;
const HOUR_S = 3600;

// Written by one statement, past the program: what is measured is reading. The triggers that count hours run as for the program's own.
const FILL = `
  INSERT INTO messages (scope, chat_id, id, date, edit_date, pts, kind, text, entities, from_id, reply_to_id, views, media, raw)
  SELECT 0, $1::int8 - number % $2::int4, number / $2::int4 + 1, to_timestamp($3::int8 + number::float8 * $4::int8 / $5::int4), NULL, number / $2::int4 + 1, 'message',
    'Message ' || number || ' of a channel in which much is said about many things', '[]'::json, NULL, NULL, 1000, NULL, '{}'::json
  FROM generate_series($6::int4, $7::int4 - 1) AS number`;
const A_STATEMENT = 50_000;

// The same out of the messages themselves: what a question costs without the hours kept beside them.
const COUNT = `
  SELECT date_trunc('hour', date AT TIME ZONE 'UTC') AS hour, count(*) FROM messages
  WHERE scope = 0 AND chat_id = $1 AND deleted_at IS NULL AND date >= to_timestamp($2) AND date < to_timestamp($3) GROUP BY 1 ORDER BY 1`;

/** Asks for the hours of channels among so many messages of a year. @throws Error when the answers do not count every message once */
export function measureAnalytics(database: BenchDatabase, messages: number): Promise<AnalyticsSample[]> {
  return database.withDatabase((url) =>
    withStore(url, async (store) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const spanS = 360 * 24 * HOUR_S;
        const first = benchChannel(0).chatId;
        for (let at = 0; at < messages; at += A_STATEMENT) {
          await client.query(FILL, [first, CHANNELS, FIRST_DATE, spanS, messages, at, Math.min(messages, at + A_STATEMENT)]);
        }
        await client.query('ANALYZE');
        const year = { from: FIRST_DATE * 1000 - HOUR_S * 1000, to: (FIRST_DATE + spanS) * 1000 };
        const week = { from: year.to - 7 * 24 * HOUR_S * 1000, to: year.to };
        let counted = 0;
        for (let number = 0; number < CHANNELS; number++) {
          const hours = await store.messagesPerHour({ chatId: first - number, ...year });
          counted += hours.reduce((sum, hour) => sum + hour.messages, 0);
        }
        if (counted !== messages) throw new Error(`the hours count ${counted} of ${messages} messages`);
        const ask = async (question: string, answer: (chatId: number) => Promise<number>): Promise<AnalyticsSample> => {
          const tookMs: number[] = [];
          let hours = 0;
          for (let number = 0; number < ASKED; number++) {
            const startedAt = performance.now();
            hours = await answer(first - (number % CHANNELS));
            tookMs.push(performance.now() - startedAt);
          }
          return { question, tookMs, hours };
        };
        const stored = (range: typeof year) => async (chatId: number) =>
          (await store.messagesPerHour({ chatId, ...range })).length;
        const countedAnew = (range: typeof year) => async (chatId: number) =>
          (await client.query(COUNT, [chatId, range.from / 1000, range.to / 1000])).rows.length;
        return [
          await ask('a channel, a week', stored(week)),
          await ask('a channel, a year', stored(year)),
          await ask('the same year, counted out of the messages', countedAnew(year)),
        ];
      } finally {
        await client.end();
      }
    }),
  );
}
