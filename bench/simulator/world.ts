import type { Random } from '../../src/clock.ts';
import { joinParts, type TextPart } from '../../src/simulator/formatted-text.ts';
import { between, pick, seededRandom, seedOf } from '../../src/simulator/seeded.ts';
import type { MessageSource, World, WorldChannel, WorldMessage } from '../../src/simulator/world.ts';
import { worldMessage } from '../../src/simulator/world.ts';
import { DEFAULT_ACCOUNT } from '../../src/simulator/world-file.ts';
import { richMedia } from './rich-media.ts';

/** The two kinds of messages: short texts, and posts with all that a busy channel's posts carry. */
export type MessageKind = 'light' | 'rich';

/** Every kind, in the order in which they are measured. */
export const MESSAGE_KINDS: readonly MessageKind[] = ['light', 'rich'];

/** @returns the username of the channel that holds messages of this kind */
export function channelOf(kind: MessageKind): string {
  return `bench_${kind}`;
}

/** Half Latin, half not, so that texts cost what texts cost. */
const WORDS =
  `vigília notícia canal mensagem rede servidor relatório amanhã ontem equipe versão código ação coração preço gráfico signal update
  market release node cluster latency queue worker memory index replica thread packet buffer stream новость канал сообщение сервер
  очередь данные отчёт сеть команда выпуск 市場 更新 消息 速報 😀 🚀 📈`.split(/\s+/);
const EMOJI = ['👍', '❤️', '🔥', '🎉', '🤔', '👎', '😁', '🐳'];
const STYLES = ['bold', 'italic', 'underline', 'strikethrough', 'spoiler', 'code'];

/** 2024-01-01T00:00:00Z, in seconds. */
const FIRST_DATE = 1_704_067_200;
const SECONDS_APART = 300;

function words(random: Random, least: number, most: number): string {
  return Array.from({ length: between(random, least, most) }, () => pick(random, WORDS)).join(' ');
}

/** A short text, one in five with a bold or linked word. */
function lightMessage(random: Random, id: number, date: number): WorldMessage {
  const parts: TextPart[] = [{ type: 'plain', text: words(random, 14, 33) }];
  if (random() < 0.2) parts.push({ type: 'plain', text: ' ' }, { type: 'bold', text: words(random, 1, 3) });
  if (random() < 0.1) parts.push({ type: 'plain', text: ' ' }, { type: 'link', text: `https://example.org/${id}` });
  return worldMessage({ id, date, ...joinParts(parts), views: between(random, 50, 90_000) });
}

/** A post: a styled text with links, media with its sizes and references, reactions; often forwarded or a reply. */
function richMessage(random: Random, id: number, date: number): WorldMessage {
  const parts: TextPart[] = [
    { type: 'bold', text: words(random, 3, 6) },
    { type: 'plain', text: '\n\n' },
  ];
  for (let part = 0; part < 7; part++) {
    parts.push({ type: 'plain', text: `${words(random, 6, 14)} ` }, { type: pick(random, STYLES), text: words(random, 1, 3) });
    parts.push({ type: 'plain', text: ' ' });
  }
  parts.push({ type: 'text_link', text: words(random, 2, 3), href: `https://example.org/news/${id}?from=channel` });
  parts.push({ type: 'plain', text: '\n' }, { type: 'hashtag', text: '#release' });
  const results = EMOJI.slice(0, between(random, 3, EMOJI.length)).map((emoticon) => ({
    _: 'reactionCount',
    reaction: { _: 'reactionEmoji', emoticon },
    count: between(random, 1, 5_000),
  }));
  const forward = {
    _: 'messageFwdHeader',
    fromId: { _: 'peerChannel', channelId: between(random, 1_100_000_000, 1_900_000_000) },
    channelPost: between(random, 1, 50_000),
    postAuthor: words(random, 1, 2),
    date: date - 600,
  };
  return worldMessage({
    id,
    date,
    ...joinParts(parts),
    editDate: random() < 0.3 ? date + 90 : null,
    views: between(random, 50, 90_000),
    media: richMedia(random, id, date),
    reactions: { _: 'messageReactions', results },
    forward: random() < 0.5 ? forward : null,
    replyTo: id > 1 && random() < 0.3 ? { id: between(random, 1, id - 1), peer: null } : null,
    author: random() < 0.5 ? words(random, 1, 2) : null,
  });
}

/** Messages that are made when they are asked for: ids are 1 to `size`, without gaps. */
function source(kind: MessageKind, size: number, seed: number): MessageSource {
  const make = kind === 'light' ? lightMessage : richMessage;
  const dateAt = (index: number): number => FIRST_DATE + index * SECONDS_APART;
  return {
    size,
    idAt: (index) => index + 1,
    dateAt,
    countBelow: (id) => Math.max(0, Math.min(size, id - 1)),
    messageAt: (index) => make(seededRandom(seedOf(seed, kind, index)), index + 1, dateAt(index)),
  };
}

function channel(kind: MessageKind, id: number, messages: number, seed: number): WorldChannel {
  return {
    id,
    username: channelOf(kind),
    title: `Benchmark, ${kind} messages`,
    about: `${messages} ${kind} messages, seed ${seed}.`,
    kind: 'channel',
    createdAt: FIRST_DATE,
    participants: 1_000,
    origin: 'generated',
    source: source(kind, messages, seed),
    nameOf: () => undefined,
  };
}

/**
 * What the benchmarks read: one channel of each kind. The same sizes and seed give the same messages, byte for byte.
 * An export cannot say it: Telegram Desktop writes neither the sizes and references of media nor web pages, which are most of a rich message.
 */
export function benchWorld(messages: number, seed: number): World {
  return {
    accounts: [DEFAULT_ACCOUNT],
    channels: MESSAGE_KINDS.map((kind, index) => channel(kind, 1_600_000_001 + index, messages, seed)),
  };
}
