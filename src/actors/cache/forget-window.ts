import type { Cache, ChannelRevision, ChatId, Store, Window } from '../../ports.ts';
import { changedWindow, type MessagesChange } from './changed-window.ts';

/**
 * Forgets a channel's window after a change of its messages was committed, so that the next reader takes it from the store.
 * @throws STORE_UNAVAILABLE when the channel's revision cannot be read; the window is then as old as the store is silent
 */
export async function forgetWindow(cache: Cache, store: Pick<Store, 'findChannel'>, chatId: ChatId): Promise<void> {
  if (cache.kind === 'none') return;
  const channel = await store.findChannel({ kind: 'id', chatId });
  if (channel) await cache.dropWindow(chatId, channel.revision);
}

/**
 * The same, of a change that is known: a window that is held goes on with it, and the store need not be asked again. It lives no longer by that.
 * @throws STORE_UNAVAILABLE as {@link forgetWindow}
 */
export async function renewWindow(
  cache: Cache,
  store: Pick<Store, 'findChannel'>,
  chatId: ChatId,
  change: MessagesChange,
): Promise<void> {
  if (cache.kind === 'none') return;
  const mark = cache.mark();
  const held = await cache.held(chatId).catch(() => undefined);
  // What was held in another epoch may have missed a change.
  const isOfMark = cache.mark() === mark;
  const channel = await store.findChannel({ kind: 'id', chatId });
  if (channel === undefined) return;
  const next = held && isOfMark ? changedWindow(held, channel, change) : undefined;
  if (next === undefined || !(await isPut(cache, next, mark))) await cache.dropWindow(chatId, channel.revision);
}

async function isPut(cache: Cache, window: Window, mark: string): Promise<boolean> {
  try {
    await cache.putWindow(window, mark, true);
    return true;
  } catch {
    return false;
  }
}

/** Forgets the windows of channels that changed, once that is committed: they may show a former title, or hold a name that is another's now. */
export async function forgetChannels(cache: Cache, changed: readonly ChannelRevision[]): Promise<void> {
  for (const { chatId, revision } of changed) await cache.dropWindow(chatId, revision);
}
