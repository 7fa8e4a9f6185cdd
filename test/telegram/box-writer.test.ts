import { describe, expect, test } from 'vitest';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import type { BoxEntry } from '../../src/actors/telegram/box-order.ts';
import { BoxWriter } from '../../src/actors/telegram/box-writer.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Message, Position, Store, StoreTransaction } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const CHANNEL = -1_000_000_000_777;

function message(id: number, text = `message ${id}`): Message {
  const nothing = { editDate: null, fromId: null, replyToId: null, views: null, media: null };
  return { chatId: CHANNEL, id, date: 1_700_000_000 + id, pts: 0, kind: 'message', text, entities: [], raw: {}, ...nothing };
}

function update(pts: number, text?: string): BoxEntry {
  const position: Position = { box: `channel:${CHANNEL}`, pts, qts: 0, date: 0, seq: 0 };
  return { kind: 'update', update: { type: 'message', message: message(pts, text), edited: false, pts, ptsCount: 1 }, position };
}

/** A database that keeps texts and positions, and refuses what it is told to. */
class House {
  readonly texts = new Map<number, string>();
  readonly clock = new VirtualClock();
  pts = 0;
  /** Of every commit: the topics of what it told. */
  readonly told: string[][] = [];
  /** How often the channel's row cannot be read. */
  awayFor = 0;
  refuses: (texts: readonly string[]) => boolean = () => false;
  readonly line = new AccountLine('main', new VirtualClock(), () => 0);
  readonly writer: BoxWriter;

  constructor() {
    const { clock } = this;
    const transaction = async (work: (tx: StoreTransaction) => Promise<void>): Promise<void> => {
      const written: Message[] = [];
      const topics: string[] = [];
      let { pts } = this;
      const tx: Partial<StoreTransaction> = {
        upsertMessages: async (_, messages) => {
          written.push(...messages);
          const changed = messages.map(({ chatId, id }) => ({ chatId, id, inserted: true }));
          return { inserted: changed.length, updated: 0, unchanged: 0, changed };
        },
        deleteAbsent: async () => [],
        countViews: async () => [],
        appendOutbox: async (entries) => void topics.push(...entries.map(({ topic }) => topic)),
        savePosition: async (_, position) => {
          pts = Math.max(pts, position.pts);
        },
      };
      await work(tx as StoreTransaction);
      if (this.refuses(written.map(({ text }) => text))) throw new VigiliaError('STORE_REFUSED', 'refused');
      for (const { id, text } of written) this.texts.set(id, text);
      this.pts = pts;
      this.told.push(topics);
    };
    const findChannel = async (): Promise<undefined> => {
      if (this.awayFor-- > 0) throw new VigiliaError('STORE_UNAVAILABLE', 'away');
    };
    const store = { transaction, findChannel } as unknown as Store;
    const deps = { clock, random: () => 0, log: silentLog, store, cache: createMemoryCache(clock) };
    this.writer = new BoxWriter(this.line, deps, new AbortController().signal, 1);
  }

  get missing(): number | undefined {
    return this.line.health().gapCounts?.channel.missing;
  }
}

describe('the writer of an account’s updates', () => {
  test('leaves out a row that is refused, and no other', async () => {
    const house = new House();
    house.refuses = (texts) => texts.includes('bad');
    expect(await house.writer.write([update(1), update(2, 'bad'), update(3)], [])).toBe(true);
    expect([[...house.texts.keys()], house.pts, house.missing]).toEqual([[1, 3], 3, 1]);
  });

  test('blames no row where everything is refused: nothing counts as told, and nothing as missing', async () => {
    const house = new House();
    house.refuses = () => true;
    await expect(house.writer.write([update(1), update(2), update(3)], [])).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect([house.texts.size, house.pts, house.missing]).toEqual([0, 0, 0]);
  });

  test('writes and tells once what was committed before the database went away', async () => {
    const house = new House();
    house.awayFor = 2;
    const gap = { box: `channel:${CHANNEL}`, reason: 'hole', since: 0, from: 1, to: 3 } as const;
    const writing = house.writer.write([update(1), { kind: 'gap', gap }], []);
    await house.clock.advance(60_000);
    expect(await writing).toBe(true);
    expect(house.told).toEqual([[`message.new.${CHANNEL}`, 'gap.detected']]);
    expect([house.awayFor, house.line.health().gaps]).toEqual([-1, 1]);
  });

  test('of a page of history leaves out the message that is refused, and writes the others', async () => {
    const house = new House();
    house.refuses = (texts) => texts.includes('bad');
    let changed = 0;
    const written = (count: number): void => {
      changed += count;
    };
    const messages = [9, 8, 7, 5, 4, 2, 1].map((id) => message(id, id === 5 ? 'bad' : undefined));
    const part = { kind: 'history', chatId: CHANNEL, range: { from: 1, to: 10 }, messages, written } as const;
    expect(await house.writer.write([part], [])).toBe(true);
    expect([...house.texts.keys()].sort()).toEqual([1, 2, 4, 7, 8, 9]);
    expect([changed, house.missing]).toEqual([6, 1]);
  });
});
