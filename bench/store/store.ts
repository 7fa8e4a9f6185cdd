import { startDatabase } from '../harness/database.ts';
import { describeMachine } from '../harness/machine.ts';
import { startRedis } from '../harness/redis.ts';
import { interleaved } from '../harness/rounds.ts';
import { measureAnalytics } from './analytics.ts';
import { measureDedup } from './dedup.ts';
import { pollQueries, pollReader } from './polling.ts';
import { storeReport } from './store-report.ts';
import type { PollingPattern } from './timetable.ts';

/** What is measured. */
export interface StoreOptions {
  readonly rounds: number;
  /** Messages of which the analytics are asked. */
  readonly messages: number;
  /** Mean time between two posts of a channel that is polled, in s. */
  readonly postSeconds: number;
}

const PATTERN = { channels: 20, consumers: 3, pollMs: 5_000, spanMs: 600_000 } as const;
const QUERY = 'a query a poll';
const READER = 'the reader, over Redis';

/** Measures and @returns the section's text */
export async function runStore({ rounds, messages, postSeconds }: StoreOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const database = await startDatabase();
  const redis = await startRedis('none');
  const pattern: PollingPattern = { ...PATTERN, postMs: postSeconds * 1_000 };
  const polling = await interleaved(
    [
      { name: QUERY, run: () => pollQueries(database, pattern) },
      { name: READER, run: () => pollReader(database, redis, pattern) },
    ],
    rounds,
    (name, round, { polls, cpuSeconds, hitRate }) => {
      const hits = Number.isNaN(hitRate) ? '' : `, ${(hitRate * 100).toFixed(1)} % out of Redis`;
      say(`round ${round}: ${name}: ${((cpuSeconds * 1e6) / polls).toFixed(0)} µs of the database's CPU a poll${hits}`);
    },
  );
  const [dedup] = await interleaved([{ name: 'dedup', run: () => measureDedup(database) }], rounds, (_, round, samples) =>
    say(
      `round ${round}: de-duplication: ${samples.map(({ batch, perMessageMs }) => `${perMessageMs.toFixed(3)} ms by ${batch}`).join(', ')}`,
    ),
  );
  say(`storing ${messages} messages`);
  const analytics = await measureAnalytics(database, messages);
  return storeReport({
    machine,
    rounds,
    servers: [`${database.version} (${database.settings})`, redis.version],
    pattern,
    polling: { measured: polling, reference: QUERY, vigilia: READER },
    dedup: dedup?.samples ?? [],
    messages,
    analytics,
  });
}
