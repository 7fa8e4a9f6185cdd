import { generatedText } from './generated-text.ts';
import { countSmaller } from './message-list.ts';
import { between, pick, seededRandom, seedOf } from './seeded.ts';
import type { TlObject } from './tl-codec.ts';
import { type MessageSource, type WorldChannel, type WorldMessage, type WorldPeer, worldMessage } from './world.ts';

/** What a generated channel is made from; the same gives the same channel, message for message. */
export interface GeneratedChannelOptions {
  readonly username: string;
  readonly title: string;
  readonly kind: 'channel' | 'supergroup';
  /** How many messages it has from the start. */
  readonly messages: number;
  readonly seed: number;
}

/** Ids come in blocks of BLOCK_IDS, of which BLOCK_MESSAGES exist: the gaps are where deleted messages were. */
const BLOCK_IDS = 36;
const BLOCK_MESSAGES = 32;
/** 2024-01-01T00:00:00Z, when the first message was written, and within how long all were. */
const FIRST_DATE = 1_704_067_200;
const SPAN = 700 * 86_400;
const MOST_SECONDS_APART = 900;
const WRITERS = 20;

/** Messages that are never held: each is computed from the seed and its id. */
class GeneratedMessages implements MessageSource {
  readonly size: number;
  readonly #seed: number;
  readonly #kind: 'channel' | 'supergroup';
  readonly #writers: readonly number[];
  readonly #title: string;
  readonly #apart: number;
  /** The block that was asked for last: neighbours are asked for together. */
  #lastBlock: { readonly block: number; readonly ids: readonly number[] } | undefined;

  constructor(options: GeneratedChannelOptions, writers: readonly number[]) {
    this.size = options.messages;
    this.#seed = options.seed;
    this.#kind = options.kind;
    this.#title = options.title;
    this.#writers = writers;
    this.#apart = Math.max(1, Math.min(MOST_SECONDS_APART, Math.floor(SPAN / Math.max(1, options.messages))));
  }

  idAt(index: number): number {
    const block = Math.floor(index / BLOCK_MESSAGES);
    return block * BLOCK_IDS + (this.#blockIds(block)[index % BLOCK_MESSAGES] ?? 0);
  }

  countBelow(id: number): number {
    return countSmaller(this.size, (index) => this.idAt(index), id);
  }

  dateAt(index: number): number {
    const jitter = seededRandom(seedOf(this.#seed, 'date', index))();
    return FIRST_DATE + index * this.#apart + Math.floor(jitter * this.#apart);
  }

  messageAt(index: number): WorldMessage {
    const id = this.idAt(index);
    const date = this.dateAt(index);
    const random = seededRandom(seedOf(this.#seed, 'message', id));
    const from: WorldPeer | null = this.#kind === 'supergroup' ? { kind: 'user', id: pick(random, this.#writers) } : null;
    const replies = random();
    const replyTo = index > 0 && replies < 0.06 ? { id: this.idAt(Math.floor(random() * index)), peer: null } : null;
    const action = this.#actionAt(index, random());
    if (action !== null) return worldMessage({ id, date, from, action, replyTo });
    const { text, entities } = generatedText(random);
    return worldMessage({
      id,
      date,
      from,
      text,
      entities,
      replyTo,
      editDate: random() < 0.03 ? date + between(random, 30, 7200) : null,
      views: this.#kind === 'channel' ? between(random, 50, 90_000) : null,
      media: mediaOf(random()),
    });
  }

  #actionAt(index: number, chance: number): TlObject | null {
    if (index === 0) return { _: 'messageActionChannelCreate', title: this.#title };
    if (chance < 0.004) return { _: 'messageActionPinMessage' };
    return chance < 0.008 ? { _: 'messageActionChatEditTitle', title: this.#title } : null;
  }

  /** Which of a block's ids exist, ascending, from 1. The first of all is 1, as in every channel. */
  #blockIds(block: number): readonly number[] {
    if (this.#lastBlock?.block === block) return this.#lastBlock.ids;
    const random = seededRandom(seedOf(this.#seed, 'block', block));
    const ids = Array.from({ length: BLOCK_IDS }, (_, index) => index + 1);
    while (ids.length > BLOCK_MESSAGES) ids.splice(between(random, block === 0 ? 1 : 0, ids.length - 1), 1);
    this.#lastBlock = { block, ids };
    return ids;
  }
}

function mediaOf(chance: number): TlObject | null {
  if (chance < 0.12) return { _: 'messageMediaPhoto' };
  if (chance < 0.16) return { _: 'messageMediaDocument' };
  return chance < 0.18 ? { _: 'messageMediaDocument', video: true } : null;
}

/** A channel of any size that costs no memory for its messages. */
export function generatedChannel(options: GeneratedChannelOptions): WorldChannel {
  const id = 1_500_000_000 + (seedOf('channel', options.username.toLowerCase()) % 400_000_000);
  const writers = Array.from(
    { length: WRITERS },
    (_, index) => 600_000_000 + (seedOf(options.seed, 'writer', index) % 90_000_000),
  );
  return {
    id,
    username: options.username,
    title: options.title,
    about: `Generated: ${options.messages} messages, seed ${options.seed}.`,
    kind: options.kind,
    createdAt: FIRST_DATE,
    participants: 100 + (seedOf(options.seed, 'participants') % 50_000),
    origin: 'generated',
    source: new GeneratedMessages(options, writers),
    nameOf: (userId) => {
      const index = writers.indexOf(userId);
      return index < 0 ? undefined : `Writer ${index + 1}`;
    },
  };
}
