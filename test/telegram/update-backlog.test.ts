import { describe, expect, test } from 'vitest';
import { UpdateBacklog } from '../../src/actors/telegram/update-backlog.ts';
import type { ResolvedChannel, TelegramUpdate } from '../../src/ports.ts';

const update = (name: string): TelegramUpdate => ({ type: 'other', name });
const batch = (...names: string[]) => ({ updates: names.map(update), channels: [] });
const names = (updates: readonly TelegramUpdate[]) => updates.map((one) => (one.type === 'other' ? one.name : one.type));

describe('the backlog of updates', () => {
  test('gives them back in order, joined up to a size, never splitting what came together', () => {
    const backlog = new UpdateBacklog(100);
    for (const one of [batch('a', 'b'), batch('c'), batch('d', 'e', 'f'), batch('g')]) expect(backlog.push(one)).toBe(false);
    expect(names(backlog.take(4).updates)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(names(backlog.take(4).updates)).toEqual(['g']);
    expect(backlog.empty).toBe(true);
    expect(backlog.take(4)).toEqual({ updates: [], channels: [] });
  });

  test('counts updates, not batches: the oldest give way, and it says so', () => {
    const backlog = new UpdateBacklog(4);
    expect(backlog.push(batch('a', 'b'))).toBe(false);
    expect(backlog.push(batch('c', 'd'))).toBe(false);
    expect(backlog.push(batch('e'))).toBe(true);
    expect(names(backlog.take(10).updates)).toEqual(['c', 'd', 'e']);
    expect(backlog.push(batch('f', 'g', 'h', 'i'))).toBe(false);
  });

  test('keeps one batch that is larger than it', () => {
    const backlog = new UpdateBacklog(2);
    expect(backlog.push(batch('a', 'b', 'c'))).toBe(false);
    expect(names(backlog.take(1).updates)).toEqual(['a', 'b', 'c']);
  });

  test('keeps the latest word on a channel', () => {
    const backlog = new UpdateBacklog(10);
    const named = (title: string): ResolvedChannel => ({
      channel: { chatId: -1_000_000_000_001, username: null, title, kind: 'channel', about: null, participants: null },
      entity: { peerId: -1_000_000_000_001, accessHash: '1', username: null },
    });
    for (const title of ['old', 'new']) backlog.push({ updates: [update(title)], channels: [named(title)] });
    expect(backlog.take(10).channels.map(({ channel }) => channel.title)).toEqual(['new']);
  });
});
