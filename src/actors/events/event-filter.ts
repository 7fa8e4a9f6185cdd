import { EVENT_TOPICS } from '../../event-topics.ts';
import type { ChatId } from '../../ports.ts';
import type { ToldEvent } from './told-event.ts';

/** Which events somebody wants to hear. */
export interface EventWish {
  /** Patterns of topics, any of which may fit; none at all means every topic. */
  readonly topics: readonly string[];
  /** Only what is about this channel; null for everything. */
  readonly channelId: ChatId | null;
}

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

/** @returns whether there is a topic that a pattern can fit: whoever misspells one would wait for ever */
export function fitsATopic(pattern: string): boolean {
  const [group = '', kind = '*', chat, ...more] = pattern.split('.');
  if (more.length > 0) return false;
  return Object.entries(EVENT_TOPICS).some(([name, kinds]: readonly [string, readonly string[]]) => {
    if (group !== '*' && group !== name) return false;
    if (kind !== '*' && !kinds.includes(kind)) return false;
    // Only those of messages go on, with the chat's id.
    return chat === undefined || (name === 'message' && (chat === '*' || /^-?\d{1,16}$/.test(chat)));
  });
}

/** All topics there are, for people. */
export function topicNames(): string[] {
  return Object.entries(EVENT_TOPICS).flatMap(([group, kinds]) => kinds.map((kind) => `${group}.${kind}`));
}
