import { randomUUID } from 'node:crypto';
import type { Cache, ChatId, Window } from '../../../ports.ts';
import type { Breaker } from '../../breaker.ts';
import { gatheredReads } from '../gathered-reads.ts';
import { DecodedWindows } from './decoded-windows.ts';
import type { RedisConnection } from './redis-connection.ts';
import { DROP_WINDOW, GET_NAME, GET_WINDOWS, PUT_WINDOW } from './scripts.ts';

/** How long a window is kept, in ms. */
const TTL_MS = 3_600_000;
/** How long a channel's least revision is remembered after a drop, in ms: longer than any reader holds back what it read. */
const FLOOR_TTL_MS = 7_200_000;
/** A window whose text is longer is not kept, in characters. */
const LARGEST = 4 << 20;
/** Windows that are asked for together. */
const MOST_TOGETHER = 16;
/** Windows that a process keeps decoded, in characters of their texts; as objects they take about three bytes for each. */
const DECODED = 8 << 20;

const EPOCH_KEY = 'telegram:epoch';
const windowKey = (chatId: ChatId): string => `telegram:messages:${chatId}`;
const nameKey = (username: string): string => `telegram:channel:${username.toLowerCase()}`;

/** How often it was asked, and what came of it. */
interface CacheCounts {
  hits: number;
  misses: number;
  errors: number;
}

export interface RedisCache extends Cache {
  readonly kind: 'redis';
  readonly counts: Readonly<CacheCounts>;
  /** Makes a connection, and forgets everything: while there was none, others may have changed what is kept. @throws CACHE_UNAVAILABLE */
  connect(): Promise<void>;
  /** @throws CACHE_UNAVAILABLE */
  ping(): Promise<number>;
}

/**
 * Windows in Redis, for all processes together. Nothing in it is the only copy, and nothing in it may be older than what somebody has dropped:
 * a drop that failed makes everything be forgotten before this process uses Redis again (decision 17).
 */
export function createRedisCache(connection: RedisConnection, breaker: Breaker): RedisCache {
  const counts: CacheCounts = { hits: 0, misses: 0, errors: 0 };
  const decoded = new DecodedWindows(DECODED);
  /** The epoch that Redis told of last. */
  let epoch = '';
  /** How often something was to be dropped and may not have been, and how many of these an epoch of ours has come after. */
  let doubts = 1;
  let settled = 0;

  async function beginEpoch(): Promise<void> {
    const fresh = randomUUID();
    const upTo = doubts;
    await connection.call((client) => client.set(EPOCH_KEY, fresh));
    epoch = fresh;
    settled = Math.max(settled, upTo);
  }

  /** Runs a script through the breaker, in an epoch that can be trusted. Each begins one where Redis has forgotten it. */
  function run(script: string, keys: readonly string[], ...args: readonly string[]): Promise<unknown> {
    const now = (): Promise<unknown> => connection.run(script, keys, [randomUUID(), ...args]);
    return breaker.run(() => (settled < doubts ? beginEpoch().then(now) : now()));
  }

  const failed = (thrown: unknown): never => {
    counts.errors += 1;
    throw thrown;
  };
  const answered = (window: Window | undefined): Window | undefined => {
    counts[window === undefined ? 'misses' : 'hits'] += 1;
    return window;
  };

  async function idOf(username: string): Promise<ChatId | undefined> {
    const [told, chatId] = (await run(GET_NAME, [EPOCH_KEY, nameKey(username)])) as [string, string | null];
    epoch = told;
    return chatId === null ? undefined : Number(chatId);
  }

  /** A name outlives the window it was put with. */
  async function findByName(username: string): Promise<Window | undefined> {
    const chatId = await idOf(username);
    const window = chatId === undefined ? undefined : await find(chatId);
    return window?.channel.username?.toLowerCase() === username.toLowerCase() ? window : undefined;
  }

  /** Takes windows over only where this process does not have them. */
  async function findAll(chatIds: readonly ChatId[]): Promise<(Window | undefined)[]> {
    const known = chatIds.map((chatId) => decoded.find(chatId));
    const versions = known.flatMap((held) => [held?.epoch ?? '', held?.version ?? '']);
    const told = await run(GET_WINDOWS, [EPOCH_KEY, ...chatIds.map(windowKey)], ...versions);
    const [now, ...windows] = told as [string, ...(readonly [version?: string, text?: string])[]];
    epoch = now;
    return windows.map(([version, text], at) => {
      if (version !== undefined && text === undefined) return known[at]?.window;
      const chatId = chatIds[at] as ChatId;
      decoded.forget(chatId);
      if (version === undefined || text === undefined) return undefined;
      try {
        return decoded.keep(chatId, now, version, text);
      } catch {
        // Nobody of ours has written it; those that were asked for beside it are good.
        counts.errors += 1;
        return undefined;
      }
    });
  }

  const check = gatheredReads(findAll, MOST_TOGETHER);

  /**
   * One that this process has is asked for with others: nearly always the answer is that it is still the one. One that it does not have comes whole, and
   * large as it may be, nobody else waits for it.
   */
  function find(chatId: ChatId): Promise<Window | undefined> {
    return decoded.has(chatId) ? check(chatId) : findAll([chatId]).then(([window]) => window);
  }

  async function dropWindow(chatId: ChatId, revision: number): Promise<void> {
    const drop = run(DROP_WINDOW, [EPOCH_KEY, windowKey(chatId)], String(revision), String(FLOOR_TTL_MS));
    try {
      epoch = (await drop.catch(failed)) as string;
    } catch {
      doubts += 1;
    }
  }

  return {
    kind: 'redis',
    counts,

    async connect() {
      await connection.connect();
      doubts += 1;
      await beginEpoch();
    },
    ping: () => connection.ping(),

    window: (ref) => (ref.kind === 'id' ? find(ref.chatId) : findByName(ref.username)).then(answered, failed),
    held: (chatId) => find(chatId).catch(failed),
    mark: () => epoch,

    async putWindow(window, mark = epoch, renews = false) {
      const { chatId, revision, username } = window.channel;
      const text = JSON.stringify(window);
      // What it is newer than goes all the same.
      if (text.length > LARGEST) return dropWindow(chatId, revision);
      const keys = [EPOCH_KEY, windowKey(chatId), ...(username === null ? [] : [nameKey(username)])];
      const put = run(
        PUT_WINDOW,
        keys,
        String(revision),
        text,
        String(TTL_MS),
        mark,
        String(chatId),
        String(window.messages.length),
        renews ? '1' : '0',
      );
      epoch = (await put.catch(failed)) as string;
    },

    dropWindow,

    async forgetAll() {
      doubts += 1;
      // Where that fails, it is done before the next use.
      await breaker.run(beginEpoch).catch(() => {});
    },

    async close() {
      connection.close();
      breaker.close();
    },
  };
}
