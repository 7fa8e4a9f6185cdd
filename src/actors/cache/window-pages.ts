import type { Message, MessageQuery, StoredChannel, Window } from '../../ports.ts';

/** One page of a channel's stored messages. As long as a window stays the same, the same question is answered with the same object. */
export interface MessagePage {
  readonly channel: StoredChannel;
  /** Newest first. */
  readonly messages: readonly Message[];
  /** False when there is certainly nothing further in the direction of the walk; a page from the cache may say true at the very end. */
  readonly more: boolean;
  readonly source: 'cache' | 'store';
}

/** What to read of a channel; see {@link MessageQuery}. */
export type PageQuery = Omit<MessageQuery, 'chatId'>;

/** Questions about one window that are remembered, the last ones: those who look for what is new ask the same. */
const MOST_REMEMBERED = 4;
/** Longer pages are not: nobody asks for them every few seconds. */
const LONGEST_REMEMBERED = 100;

/** Cuts pages out of windows, and remembers them as long as somebody holds the window. */
export class WindowPages {
  readonly #known = new WeakMap<Window, Map<string, MessagePage>>();

  /** @returns undefined where the window cannot know the answer */
  of(window: Window, query: PageQuery): MessagePage | undefined {
    if (query.search !== undefined) return undefined;
    if (query.limit > LONGEST_REMEMBERED) return pageOfWindow(window, query);
    let known = this.#known.get(window);
    if (known === undefined) {
      known = new Map();
      this.#known.set(window, known);
    }
    const question = `${query.before} ${query.after} ${query.limit}`;
    const before = known.get(question);
    if (before !== undefined) return before;
    const page = pageOfWindow(window, query);
    if (page === undefined) return undefined;
    known.set(question, page);
    const [oldest] = known.keys();
    if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
    return page;
  }
}

function pageOfWindow({ channel, messages, complete }: Window, query: PageQuery): MessagePage | undefined {
  const { before = Number.POSITIVE_INFINITY, after, limit } = query;
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
export function cut(messages: readonly Message[], { after, limit }: PageQuery): { messages: readonly Message[]; more: boolean } {
  const more = messages.length > limit;
  return {
    messages: after === undefined ? messages.slice(0, limit) : messages.slice(Math.max(0, messages.length - limit)),
    more,
  };
}
