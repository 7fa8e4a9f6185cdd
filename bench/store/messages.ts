import type { Channel, JsonObject, Message } from '../../src/ports.ts';

const WORDS =
  'the channel tells of releases benchmarks compilers databases weather trains prices mathematics music history gardens engines bridges rivers and what people made of them'.split(
    ' ',
  );
/** When the first message was posted, in s since the Unix epoch. */
export const FIRST_DATE = 1_750_000_000;

/** A channel of a benchmark. @param number tells it from the others */
export function benchChannel(number: number): Channel {
  return {
    chatId: -(1_000_000_000_000 + 1_500_000_000 + number),
    username: `bench_${number}`,
    title: `Benchmark ${number}`,
    kind: 'channel',
    about: 'Posts that were never posted',
    participants: 10_000 + number,
  };
}

/**
 * A post as busy channels have them: 300 characters with formatted parts, a photo in four sizes, reactions. The same for the same ids.
 * @param id from 1
 * @param date s since the Unix epoch
 */
export function benchMessage(chatId: number, id: number, date: number): Message {
  const text = Array.from({ length: 48 }, (_, at) => WORDS[(id * 7 + at * (1 + (id % 5))) % WORDS.length]).join(' ');
  return {
    chatId,
    id,
    date,
    editDate: null,
    pts: id,
    kind: 'message',
    text,
    entities: [
      { type: 'bold', offset: 0, length: 12 },
      { type: 'text_link', offset: 20, length: 9, url: `https://example.org/posts/${id}` },
      { type: 'hashtag', offset: 40, length: 8 },
    ],
    fromId: null,
    replyToId: id % 7 === 0 ? id - 1 : null,
    views: 1000 + ((id * 37) % 9000),
    media: 'Photo',
    raw: rawOf(id),
  };
}

/** What else Telegram says of such a post: about a kilobyte. */
function rawOf(id: number): JsonObject {
  const size = (type: string, edge: number) => ({ _: 'PhotoSize', type, w: edge, h: (edge * 3) >> 2, size: edge * 97 });
  return {
    _: 'Message',
    post: true,
    forwards: id % 100,
    postAuthor: 'The editors',
    reactions: {
      _: 'MessageReactions',
      results: ['👍', '🔥', '❤', '🎉'].map((emoticon, at) => ({
        _: 'ReactionCount',
        reaction: { _: 'ReactionEmoji', emoticon },
        count: ((id * (at + 3)) % 400) + 1,
      })),
    },
    media: {
      _: 'MessageMediaPhoto',
      photo: {
        _: 'Photo',
        id: String(5_300_000_000_000_000_000n + BigInt(id)),
        accessHash: String(-8_100_000_000_000_000_000n + BigInt(id)),
        fileReference: Buffer.alloc(27, id & 255).toString('base64'),
        date: FIRST_DATE,
        sizes: [size('s', 90), size('m', 320), size('x', 800), size('y', 1280)],
        dcId: 2,
      },
    },
  };
}

/** Messages `first` to `first + count - 1` of a channel, a minute apart, newest first as history is read. */
export function benchMessages(chatId: number, first: number, count: number): Message[] {
  return Array.from({ length: count }, (_, at) => {
    const id = first + count - 1 - at;
    return benchMessage(chatId, id, FIRST_DATE + id * 60);
  });
}
