import { eventFilter, fitsATopic, topicNames } from '../actors/events/event-filter.ts';
import type { ToldEvent } from '../actors/events/told-event.ts';
import { parseChannelRef } from '../channel-ref.ts';
import { VigiliaError } from '../errors.ts';
import type { ChatId } from '../ports.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/** Patterns of topics in one request. */
export const MOST_TOPICS = 32;

/**
 * Makes of what somebody wants to hear the test for it.
 * @param topics patterns; none at all means everything
 * @throws INVALID_REQUEST for a pattern that fits no topic there is, INVALID_CHANNEL, NOT_FOUND, STORE_UNAVAILABLE
 */
export async function readWish(
  { clock, reader }: Pick<GatewayDeps, 'clock' | 'reader'>,
  topics: readonly string[],
  channelId: string | undefined,
): Promise<(event: ToldEvent) => boolean> {
  if (topics.length > MOST_TOPICS)
    throw new VigiliaError('INVALID_REQUEST', `topics are more than ${MOST_TOPICS}.`, { field: 'topics' });
  const wrong = topics.find((pattern) => !fitsATopic(pattern));
  if (wrong !== undefined) {
    const known = topicNames().join(', ');
    throw new VigiliaError(
      'INVALID_REQUEST',
      `topics: ${JSON.stringify(wrong.slice(0, 64))} fits no event; there are ${known}, their first parts alone, and * for a part.`,
      { field: 'topics' },
    );
  }
  return eventFilter({ topics, channelId: channelId === undefined ? null : await chatIdOf() });

  async function chatIdOf(): Promise<ChatId> {
    const ref = parseChannelRef(channelId ?? '', 'channelId');
    if (ref.kind === 'id') return ref.chatId;
    const channel = await withinDeadline(clock, READ_MS, reader.channel(ref));
    if (channel) return channel.chatId;
    throw new VigiliaError('NOT_FOUND', 'This channel is not stored; ask for it with get-channels or sync-messages.', {
      field: 'channelId',
    });
  }
}
