import type { Clock } from '../../clock.ts';
import { causeChain } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Cache, ChannelRef, Message, MessageQuery, Store, StoredChannel, Window } from '../../ports.ts';
import { sharedReads } from './shared-reads.ts';

/** How long what was read from Telegram counts as fresh. */
const FRESH_MS = 5 * 60_000;
/** How many of a channel's newest messages a window keeps. */
const WINDOW_DEPTH = 500;

/** A channel's newest messages, read from Telegram lately. */
export interface FreshWindow {
  readonly channel: StoredChannel;
  /** How many messages it has: what was asked for, or all of the channel where that is fewer. */
  readonly count: number;
  /** The newest of them, newest first; at most {@link WindowReader.mostMessages}. */
  readonly messages: readonly Message[];
}

/** One page of a channel's stored messages. */
interface MessagePage {
  readonly channel: StoredChannel;
  /** Newest first. */
  readonly messages: readonly Message[];
  /** False when there is certainly nothing further in the direction of the walk; a page from the cache may say true at the very end. */
  readonly more: boolean;
  readonly source: 'cache' | 'store';
}

/** A channel, and one message more than a window holds. */
interface Newest {
  readonly channel: StoredChannel;
  readonly messages: readonly Message[];
}

/** What to read of a channel; see {@link MessageQuery}. */
type PageQuery = Omit<MessageQuery, 'chatId'>;

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
  const isFresh = ({ syncedAt }: StoredChannel): boolean => syncedAt !== null && clock.now() - syncedAt < FRESH_MS;

  async function cached(ref: ChannelRef): Promise<Window | undefined> {
    try {
      return await cache.window(ref);
    } catch (error) {
      log.debug({ causes: causeChain(error) }, 'cache not readable');
      return undefined;
    }
  }

  /** Reads a channel's newest messages, and keeps what of them has no hole. */
  const newest = sharedReads(nameOf, async (ref: ChannelRef): Promise<Newest | undefined> => {
    const mark = cache.mark();
    const channel = await store.findChannel(ref);
    if (channel === undefined) return undefined;
    const messages = await store.readMessages({ chatId: channel.chatId, limit: WINDOW_DEPTH + 1 });
    const depth = channel.complete ? WINDOW_DEPTH : Math.min(WINDOW_DEPTH, channel.syncedDepth);
    const complete = channel.complete && messages.length <= WINDOW_DEPTH;
    try {
      if (depth > 0) await cache.putWindow({ channel, messages: messages.slice(0, depth), complete }, mark);
    } catch (error) {
      log.debug({ causes: causeChain(error) }, 'cache not writable');
    }
    return { channel, messages };
  });

  return {
    mostMessages: WINDOW_DEPTH,

    async freshWindow(ref, limit) {
      const window = await cached(ref);
      if (window !== undefined && isFresh(window.channel) && (window.complete || window.messages.length >= limit)) {
        const messages = window.messages.slice(0, limit);
        return { channel: window.channel, count: messages.length, messages: messages.slice(0, WINDOW_DEPTH) };
      }
      const isEnough = (known: StoredChannel | undefined): known is StoredChannel =>
        known !== undefined && isFresh(known) && (known.complete || known.syncedDepth >= limit);
      if (!isEnough(await store.findChannel(ref))) return undefined;
      const found = await newest(ref);
      if (found === undefined || !isEnough(found.channel)) return undefined;
      const { channel } = found;
      const messages = found.messages.slice(0, Math.min(limit, WINDOW_DEPTH));
      const count = limit <= WINDOW_DEPTH ? messages.length : Math.min(limit, await store.countMessages(channel.chatId));
      return { channel, count, messages };
    },

    async channel(ref) {
      return (await cached(ref))?.channel ?? (await store.findChannel(ref));
    },

    async page(ref, query) {
      const window = await cached(ref);
      const found = window === undefined ? undefined : pageOfWindow(window, query);
      if (found !== undefined) return found;
      const isNewest = query.before === undefined && query.after === undefined && query.search === undefined;
      if (isNewest && query.limit <= WINDOW_DEPTH) {
        const read = await newest(ref);
        return read && { channel: read.channel, ...cut(read.messages, query), source: 'store' };
      }
      const channel = await store.findChannel(ref);
      if (channel === undefined) return undefined;
      const messages = await store.readMessages({ ...query, chatId: channel.chatId, limit: query.limit + 1 });
      return { channel, ...cut(messages, query), source: 'store' };
    },
  };
}

function nameOf(ref: ChannelRef): string {
  return ref.kind === 'id' ? String(ref.chatId) : `@${ref.username.toLowerCase()}`;
}

/** @returns undefined where the window cannot know the answer */
function pageOfWindow({ channel, messages, complete }: Window, query: PageQuery): MessagePage | undefined {
  const { before = Number.POSITIVE_INFINITY, after, limit, search } = query;
  if (search !== undefined) return undefined;
  const within = messages.filter(({ id }) => id < before && id > (after ?? Number.NEGATIVE_INFINITY));
  if (after !== undefined) {
    const reaches = complete || (messages.at(-1)?.id ?? Number.POSITIVE_INFINITY) <= after;
    return reaches ? { channel, ...cut(within, query), source: 'cache' } : undefined;
  }
  if (within.length > limit || complete) return { channel, ...cut(within, query), source: 'cache' };
  // What lies beyond the window is not known; that there may be more is true enough to walk on.
  return within.length === limit ? { channel, messages: within, more: true, source: 'cache' } : undefined;
}

/** Takes a page out of what may be longer: the newest ones, or with `after` the ones nearest to it. */
function cut(messages: readonly Message[], { after, limit }: PageQuery): { messages: readonly Message[]; more: boolean } {
  const more = messages.length > limit;
  return {
    messages: after === undefined ? messages.slice(0, limit) : messages.slice(Math.max(0, messages.length - limit)),
    more,
  };
}
