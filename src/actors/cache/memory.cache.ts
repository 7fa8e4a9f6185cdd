import type { Clock } from '../../clock.ts';
import type { Cache, ChannelRef, ChatId, Window } from '../../ports.ts';

/** Bounds of the cache. */
export interface MemoryCacheOptions {
  /** Ms a window is kept. @default 3_600_000 (1 h) */
  readonly ttlMs?: number;
  /** Messages kept in all windows together; the windows least recently used go first. @default 100_000 */
  readonly maxMessages?: number;
  /** Channels remembered, with or without a window. @default 10_000 */
  readonly maxChannels?: number;
}

/** What is known of a channel: the least revision a window of it must have to be kept, and the window that is held. */
interface Entry {
  readonly floor: number;
  readonly window: Window | undefined;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

/**
 * Windows in this process's memory: only for a program that runs in one process. A dropped channel leaves its revision behind, so that a
 * reader who read the store before the change and puts its window after the drop brings nothing stale back.
 */
export function createMemoryCache(clock: Clock, options: MemoryCacheOptions = {}): Cache {
  const { ttlMs = 3_600_000, maxMessages = 100_000, maxChannels = 10_000 } = options;
  /** In the order of last use, which is the order a Map keeps. */
  const entries = new Map<ChatId, Entry>();
  const usernames = new Map<string, ChatId>();
  let messages = 0;
  /** Counts how often everything was forgotten. */
  let epoch = 0;

  function forget(): void {
    epoch += 1;
    entries.clear();
    usernames.clear();
    messages = 0;
  }

  function take(chatId: ChatId): Entry | undefined {
    const entry = entries.get(chatId);
    if (entry === undefined) return undefined;
    entries.delete(chatId);
    if (entry.window !== undefined) {
      messages -= entry.window.messages.length;
      const username = keyOf(entry.window);
      if (username !== undefined && usernames.get(username) === chatId) usernames.delete(username);
    }
    return entry;
  }

  function put(chatId: ChatId, entry: Entry): void {
    entries.set(chatId, entry);
    if (entry.window !== undefined) {
      messages += entry.window.messages.length;
      const username = keyOf(entry.window);
      if (username !== undefined) usernames.set(username, chatId);
    }
    for (const oldest of entries.keys()) {
      if (messages <= maxMessages && entries.size <= maxChannels) break;
      take(oldest);
    }
  }

  /** Takes the entry out; a window past its time is not a window any more. */
  function takeFresh(chatId: ChatId): Entry | undefined {
    const entry = take(chatId);
    return entry !== undefined && entry.expiresAt <= clock.monotonic() ? { ...entry, window: undefined } : entry;
  }

  function chatIdOf(ref: ChannelRef): ChatId | undefined {
    return ref.kind === 'id' ? ref.chatId : usernames.get(ref.username.toLowerCase());
  }

  function find(chatId: ChatId): Window | undefined {
    const entry = takeFresh(chatId);
    if (entry === undefined) return undefined;
    put(chatId, entry);
    return entry.window;
  }

  return {
    kind: 'in-process',
    async window(ref) {
      const chatId = chatIdOf(ref);
      return chatId === undefined ? undefined : find(chatId);
    },
    async held(chatId) {
      const entry = entries.get(chatId);
      return entry !== undefined && entry.expiresAt > clock.monotonic() ? entry.window : undefined;
    },
    mark: () => String(epoch),
    async putWindow(window, mark = String(epoch), renews = false) {
      if (mark !== String(epoch)) return;
      const { chatId, revision } = window.channel;
      const entry = takeFresh(chatId);
      const held = entry?.window;
      const accepted = held === undefined ? revision >= (entry?.floor ?? 0) : isMore(window, held);
      if (accepted && window.messages.length <= maxMessages) {
        const expiresAt = renews && entry !== undefined && held !== undefined ? entry.expiresAt : clock.monotonic() + ttlMs;
        put(chatId, { floor: revision, window, expiresAt });
      } else if (accepted) {
        put(chatId, { floor: revision, window: undefined, expiresAt: clock.monotonic() });
      } else if (entry !== undefined) {
        put(chatId, entry);
      }
    },
    async dropWindow(chatId, revision) {
      const entry = takeFresh(chatId);
      const held = entry?.window?.channel.revision;
      if (entry !== undefined && held !== undefined && held >= revision) put(chatId, entry);
      else put(chatId, { floor: Math.max(revision, entry?.floor ?? 0), window: undefined, expiresAt: clock.monotonic() });
    },
    async forgetAll() {
      forget();
    },
    async close() {
      forget();
    },
  };
}

/** Newer, or the same with more messages. */
function isMore(window: Window, held: Window): boolean {
  const [revision, before] = [window.channel.revision, held.channel.revision];
  return revision > before || (revision === before && window.messages.length > held.messages.length);
}

function keyOf(window: Window): string | undefined {
  return window.channel.username?.toLowerCase();
}
