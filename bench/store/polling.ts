import { renewWindow } from '../../src/actors/cache/forget-window.ts';
import { openRedisCache } from '../../src/actors/cache/redis/open-redis-cache.ts';
import { createWindowReader } from '../../src/actors/cache/window-reader.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { silentLog as log } from '../../src/log.ts';
import type { Message, Store } from '../../src/ports.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';
import type { BenchDatabase } from '../harness/database.ts';
import { withStore } from '../harness/gateway.ts';
import { cpuSecondsOfFamily } from '../harness/process-usage.ts';
import type { BenchRedis } from '../harness/redis.ts';
import { benchChannel, benchMessage, benchMessages, FIRST_DATE } from './messages.ts';
import { type Happening, type PollingPattern, timetable } from './timetable.ts';

/** What polls of a channel's newest messages cost the database. */
export interface PollingSample {
  readonly polls: number;
  readonly posts: number;
  /** Share of the polls that Redis answered; NaN where it was not asked. */
  readonly hitRate: number;
  /** Of the database, for the polls alone: all that was used, less what the same posts use without any polls. */
  readonly cpuSeconds: number;
  /** From the calls of the database that the polls made to their answers. */
  readonly waitedSeconds: number;
}

const STORED = 600;
const LIMIT = 50;

/**
 * Lets the hours pass, with as many polls and posts as come in them, as fast as they can be done one after the other.
 * @param read a channel's newest messages: told from the posts, whose time is not counted
 */
async function live(
  store: Store,
  happenings: readonly Happening[],
  read: (channel: number) => Promise<readonly { readonly id: number }[]>,
  onPosted: (channel: number, message: Message) => Promise<void>,
): Promise<void> {
  const newest = new Map<number, number>();
  for (const { kind, channel } of happenings) {
    const id = newest.get(channel) ?? STORED;
    if (kind === 'post') {
      const { chatId } = benchChannel(channel);
      const message = benchMessage(chatId, id + 1, FIRST_DATE + (id + 1) * 60);
      await store.transaction((tx) => tx.upsertMessages(0, [message]));
      await onPosted(channel, message);
      newest.set(channel, id + 1);
    } else {
      const messages = await read(channel);
      if (messages.length !== LIMIT || messages[0]?.id !== id) {
        throw new Error(`a poll gave ${messages.length} messages from ${messages[0]?.id} on; the newest was ${id}`);
      }
    }
  }
}

async function fill(store: Store, channels: number): Promise<void> {
  for (let number = 0; number < channels; number++) {
    const channel = benchChannel(number);
    await store.transaction(async (tx) => {
      await tx.upsertChannels([channel]);
      await tx.upsertMessages(0, benchMessages(channel.chatId, 1, STORED));
      await tx.markSynced(channel.chatId, clock.now(), STORED, true);
    });
  }
}

/** The part of a store that polls read, and how long they waited for it. */
class TimedReads {
  waitedMs = 0;
  readonly store: Pick<Store, 'findChannel' | 'readMessages' | 'countMessages'>;

  constructor({ findChannel, readMessages, countMessages }: Store) {
    const timed =
      <Given extends readonly unknown[], T>(call: (...given: Given) => Promise<T>) =>
      async (...given: Given): Promise<T> => {
        const startedAt = performance.now();
        try {
          return await call(...given);
        } finally {
          this.waitedMs += performance.now() - startedAt;
        }
      };
    this.store = { findChannel: timed(findChannel), readMessages: timed(readMessages), countMessages: timed(countMessages) };
  }
}

/** How a pattern is lived through. @returns the share of the polls that Redis answered */
type Run = (store: Store, reads: TimedReads['store'], happenings: readonly Happening[]) => Promise<number>;

/** Each poll a query, as the founding consumer did it: the newest messages of a channel, with all that is shown of them. */
export function pollQueries(database: BenchDatabase, pattern: PollingPattern): Promise<PollingSample> {
  return poll(database, pattern, async (store, reads, happenings) => {
    const read = (channel: number) => reads.readMessages({ chatId: benchChannel(channel).chatId, limit: LIMIT });
    await live(store, happenings, read, async () => {});
    return Number.NaN;
  });
}

/** Each poll through the reader that HTTP has, over Redis; whoever stores a post has the channel's window go on with it, as an account's box does. */
export function pollReader(database: BenchDatabase, redis: BenchRedis, pattern: PollingPattern): Promise<PollingSample> {
  return poll(database, pattern, async (store, reads, happenings) => {
    await redis.flush();
    const [reading, writing] = [openRedisCache(redis.url, { clock, log }).cache, openRedisCache(redis.url, { clock, log }).cache];
    await Promise.all([reading.connect(), writing.connect()]);
    const reader = createWindowReader(reading, reads, clock, log);
    const read = async (channel: number) =>
      (await reader.page({ kind: 'id', chatId: benchChannel(channel).chatId }, { limit: LIMIT }))?.messages ?? [];
    await live(store, happenings, read, (channel, message) =>
      renewWindow(writing, store, benchChannel(channel).chatId, {
        statements: 1,
        written: [{ message, inserted: true }],
        gone: [],
      }),
    );
    const { hits, misses, errors } = reading.counts;
    if (errors > 0) throw new Error(`${errors} calls to Redis failed`);
    await Promise.all([reading.close(), writing.close()]);
    return hits / (hits + misses);
  });
}

/** Lives through the pattern, and through its posts alone. */
async function poll(database: BenchDatabase, pattern: PollingPattern, run: Run): Promise<PollingSample> {
  const happenings = timetable(pattern, seededRandom(1));
  const posts = happenings.filter(({ kind }) => kind === 'post');
  const pid = database.server.pid();
  const measure = (part: readonly Happening[]): Promise<{ hitRate: number; cpuSeconds: number; waitedSeconds: number }> =>
    database.withDatabase((url) =>
      withStore(url, async (store) => {
        await fill(store, pattern.channels);
        const reads = new TimedReads(store);
        const before = cpuSecondsOfFamily(pid);
        const hitRate = await run(store, reads.store, part);
        return { hitRate, cpuSeconds: cpuSecondsOfFamily(pid) - before, waitedSeconds: reads.waitedMs / 1000 };
      }),
    );
  const [whole, postsAlone] = [await measure(happenings), await measure(posts)];
  return {
    polls: happenings.length - posts.length,
    posts: posts.length,
    hitRate: whole.hitRate,
    cpuSeconds: whole.cpuSeconds - postsAlone.cpuSeconds,
    waitedSeconds: whole.waitedSeconds,
  };
}
