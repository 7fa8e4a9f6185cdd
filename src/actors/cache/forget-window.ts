import type { Cache, ChannelRevision, ChatId, Store } from '../../ports.ts';

/**
 * Forgets a channel's window after a change of its messages was committed, so that the next reader takes it from the store.
 * @throws STORE_UNAVAILABLE when the channel's revision cannot be read; the window is then as old as the store is silent
 */
export async function forgetWindow(cache: Cache, store: Pick<Store, 'findChannel'>, chatId: ChatId): Promise<void> {
  if (cache.kind === 'none') return;
  const channel = await store.findChannel({ kind: 'id', chatId });
  if (channel) await cache.dropWindow(chatId, channel.revision);
}

/** Forgets the windows of channels that changed, once that is committed: they may show a former title, or hold a name that is another's now. */
export async function forgetChannels(cache: Cache, changed: readonly ChannelRevision[]): Promise<void> {
  for (const { chatId, revision } of changed) await cache.dropWindow(chatId, revision);
}
