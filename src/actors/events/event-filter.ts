import type { ChatId } from '../../ports.ts';
import type { ToldEvent } from './told-event.ts';

/** Which events somebody wants to hear. */
export interface EventWish {
  /** Patterns of topics, any of which may fit; none at all means every topic. */
  readonly topics: readonly string[];
  /** Only what is about this channel; null for everything. */
  readonly channelId: ChatId | null;
}

/** What a pattern of topics looks like: parts with dots between them, each a word or `*`. */
export const TOPIC_PATTERN = '^(\\*|[a-z][a-z-]{0,31})(\\.(\\*|[A-Za-z0-9_-]{1,64})){0,3}$';

/**
 * Makes the test for a wish. A pattern fits a topic whose parts are the same as its own, or that goes on behind them: `message` and `message.*`
 * fit whatever happens to messages, `message.new` new ones in every chat, `*.new` whatever is new. `*` stands for exactly one part.
 */
export function eventFilter({ topics, channelId }: EventWish): (event: Pick<ToldEvent, 'topic' | 'channelId'>) => boolean {
  const patterns = topics.map((pattern) => pattern.split('.'));
  return (event) => {
    if (channelId !== null && event.channelId !== channelId) return false;
    if (patterns.length === 0) return true;
    const parts = event.topic.split('.');
    return patterns.some(
      (pattern) => pattern.length <= parts.length && pattern.every((part, at) => part === '*' || part === parts[at]),
    );
  };
}
