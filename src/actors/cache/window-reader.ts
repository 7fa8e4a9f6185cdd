import type { Clock } from '../../clock.ts';
import { causeChain } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { toldPart } from '../../message-json.ts';
import type { Cache, ChannelRef, Message, Store, StoredChannel, Window } from '../../ports.ts';
import { sharedReads } from './shared-reads.ts';
import { cut, type MessagePage, type PageQuery, WindowPages } from './window-pages.ts';

/** How long what was read from Telegram counts as fresh. */
const FRESH_MS = 5 * 60_000;
/** How many of a channel's newest messages a window keeps at most. */
const WINDOW_DEPTH = 500;
/** How many it keeps where nobody asks for more: each new post has it read again, and most want no more than the default, which fits a screen. */
const SHALLOW_DEPTHS = [50, 100] as const;

/** A channel's newest messages, read from Telegram lately. */
export interface FreshWindow {
  readonly channel: StoredChannel;
  /** How many messages it has: what was asked for, or all of the channel where that is fewer. */
  readonly count: number;
  /** The newest of them, newest first; at most {@link WindowReader.mostMessages}. */
  readonly messages: readonly Message[];
}

/** A channel, and one message more than its window holds. */
interface Newest {
  readonly channel: StoredChannel;
  readonly messages: readonly Message[];
}

/** Reads channels and messages from the cache, then from the store, never from Telegram; what was missing is put into the cache. */
export interface WindowReader {
  /** Most messages that a fresh window gives at once. */
  readonly mostMessages: number;
  /**
   * The window, where it was read from Telegram within the last 5 minutes and is deep enough, or reaches the channel's first message.
   * @throws STORE_UNAVAILABLE
   */
  freshWindow(ref: ChannelRef, limit: number): Promise<FreshWindow | undefined>;
  /** @returns undefined for a channel that is not stored @throws STORE_UNAVAILABLE */
  channel(ref: ChannelRef): Promise<StoredChannel | undefined>;
  /** @returns undefined for a channel that is not stored @throws STORE_UNAVAILABLE */
  page(ref: ChannelRef, query: PageQuery): Promise<MessagePage | undefined>;
}

/** A cache that fails is a cache that is empty: it is logged at `debug` and the store answers. */
export function createWindowReader(
  cache: Cache,
  store: Pick<Store, 'findChannel' | 'readMessages' | 'countMessages'>,
  clock: Clock,
  log: Log,
): WindowReader {
  const pages = new WindowPages();
  const isFresh = ({ syncedAt }: StoredChannel): boolean => syncedAt !== null && clock.now() - syncedAt < FRESH_MS;

  /** Asks the cache. Without a promise that is not needed, since nearly every read comes to no more than this. */
  function cached<T>(ref: ChannelRef, use: (window: Window | undefined) => T | Promise<T>): Promise<T> {
    return cache.window(ref).then(use, (error: unknown) => {
      log.debug({ causes: causeChain(error) }, 'cache not readable');
      return use(undefined);
    });
  }

  /** Reads a channel's newest messages, as deep as they are asked for, and keeps what of them has no hole. */
  const newest = sharedReads(nameOf, async ({ ref, limit }: { ref: ChannelRef; limit: number }): Promise<Newest | undefined> => {
    const most = depthFor(limit);
    const mark = cache.mark();
    const channel = await store.findChannel(ref);
    if (channel === undefined) return undefined;
    const messages = await store.readMessages({ chatId: channel.chatId, limit: most + 1 });
    const depth = channel.complete ? most : Math.min(most, channel.syncedDepth);
    const complete = channel.complete && messages.length <= most;
    try {
      if (depth > 0) await cache.putWindow({ channel, messages: messages.slice(0, depth).map(toldPart), complete }, mark);
    } catch (error) {
      log.debug({ causes: causeChain(error) }, 'cache not writable');
    }
    return { channel, messages };
  });

  async function freshOfStore(ref: ChannelRef, limit: number): Promise<FreshWindow | undefined> {
    const isEnough = (known: StoredChannel | undefined): known is StoredChannel =>
      known !== undefined && isFresh(known) && (known.complete || known.syncedDepth >= limit);
    if (!isEnough(await store.findChannel(ref))) return undefined;
    const found = await newest({ ref, limit });
    if (found === undefined || !isEnough(found.channel)) return undefined;
    const { channel } = found;
    const messages = found.messages.slice(0, Math.min(limit, WINDOW_DEPTH));
    const count = limit <= WINDOW_DEPTH ? messages.length : Math.min(limit, await store.countMessages(channel.chatId));
    return { channel, count, messages };
  }

  async function pageOfStore(ref: ChannelRef, query: PageQuery): Promise<MessagePage | undefined> {
    const isNewest = query.before === undefined && query.after === undefined && query.search === undefined;
    if (isNewest && query.limit <= WINDOW_DEPTH) {
      const read = await newest({ ref, limit: query.limit });
      return read && { channel: read.channel, ...cut(read.messages, query), source: 'store' };
    }
    const channel = await store.findChannel(ref);
    if (channel === undefined) return undefined;
    const messages = await store.readMessages({ ...query, chatId: channel.chatId, limit: query.limit + 1 });
    return { channel, ...cut(messages, query), source: 'store' };
  }

  return {
    mostMessages: WINDOW_DEPTH,

    freshWindow: (ref, limit) =>
      cached(ref, (window) => {
        const isEnough = window !== undefined && isFresh(window.channel) && (window.complete || window.messages.length >= limit);
        if (!isEnough) return freshOfStore(ref, limit);
        const messages = window.messages.slice(0, limit);
        return { channel: window.channel, count: messages.length, messages: messages.slice(0, WINDOW_DEPTH) };
      }),

    channel: (ref) => cached(ref, (window) => window?.channel ?? store.findChannel(ref)),

    page: (ref, query) => cached(ref, (window) => (window && pages.of(window, query)) ?? pageOfStore(ref, query)),
  };
}

function depthFor(limit: number): number {
  return SHALLOW_DEPTHS.find((depth) => limit <= depth) ?? WINDOW_DEPTH;
}

function nameOf({ ref, limit }: { ref: ChannelRef; limit: number }): string {
  return `${depthFor(limit)} ${ref.kind === 'id' ? ref.chatId : `@${ref.username.toLowerCase()}`}`;
}
