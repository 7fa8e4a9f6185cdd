import type { Cache, ChatId, Store } from '../../ports.ts';

/**
 * Forgets a channel's window after a change of its messages was committed, so that the next reader takes it from the store.
 * @throws STORE_UNAVAILABLE when the channel's revision cannot be read; the window is then as old as the store is silent
 */
export async function forgetWindow(cache: Cache, store: Pick<Store, 'findChannel'>, chatId: ChatId): Promise<void> {
  if (cache.kind === 'none') return;
  const channel = await store.findChannel({ kind: 'id', chatId });
  if (channel) await cache.dropWindow(chatId, channel.revision);
}
