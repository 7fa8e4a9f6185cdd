import { describe, expect, test } from 'vitest';
import type { UpdateBatch } from '../../src/actors/telegram/account-line.ts';
import { BoxQueue } from '../../src/actors/telegram/box-queue.ts';
import { Turns } from '../../src/actors/telegram/turns.ts';
import { type TelegramUpdate, UNORDERED } from '../../src/ports.ts';

const channel = (number: number): number => -1_000_000_000_000 - number;
const tooLong = (number: number): TelegramUpdate => ({ type: 'too-long', chatId: channel(number), pts: number });
const batch = (...updates: TelegramUpdate[]): UpdateBatch => ({ updates, channels: [], order: UNORDERED });
const order = { run: () => ({ entries: [], result: undefined }), resolve: () => {}, reject: () => {} };

describe('what waits for the ledger', () => {
  test('is taken in the order in which it came', () => {
    const queue = new BoxQueue(10);
    const [first, second] = [batch(tooLong(1)), batch(tooLong(2))];
    queue.push(first);
    queue.order(order);
    queue.push(second);
    expect(queue.size).toBe(3);
    expect([queue.take(), queue.take(), queue.take(), queue.take()]).toEqual([
      { batch: first },
      { order },
      { batch: second },
      undefined,
    ]);
    expect([queue.empty, queue.size]).toEqual([true, 0]);
  });

  test('beyond its bound the oldest containers give way, their boxes are named once, and orders stay', () => {
    const queue = new BoxQueue(3);
    queue.push(batch(tooLong(1), tooLong(2)));
    queue.order(order);
    queue.push({ ...batch({ type: 'secret', qts: 5 }), order: { seqStart: 4, seq: 4, date: 1 } });
    const last = batch(tooLong(3), tooLong(4), { type: 'other', name: 'updateUserTyping' });
    queue.push(last);
    expect(queue.size).toBe(4);
    expect(queue.takeLost()).toEqual([channel(1), channel(2), null]);
    expect(queue.takeLost()).toEqual([]);
    expect([queue.take(), queue.take(), queue.take()]).toEqual([{ order }, { batch: last }, undefined]);
  });

  test('is not empty while something that gave way was not named', () => {
    const queue = new BoxQueue(1);
    queue.push(batch(tooLong(1)));
    queue.push(batch(tooLong(2)));
    queue.take();
    expect(queue.empty).toBe(false);
    queue.takeLost();
    expect(queue.empty).toBe(true);
  });

  test('the newest container stays even where it is larger than the bound', () => {
    const queue = new BoxQueue(1);
    const large = batch(tooLong(1), tooLong(2));
    queue.push(large);
    expect(queue.take()).toEqual({ batch: large });
  });
});

describe('turns', () => {
  const never = new AbortController().signal;

  test('are given to a few at a time, then in the order in which they were asked for', async () => {
    const turns = new Turns(2);
    const took: number[] = [];
    const ask = async (number: number) => {
      const back = await turns.take(never);
      took.push(number);
      return back;
    };
    const [first, second] = await Promise.all([ask(1), ask(2)]);
    const [third, fourth] = [ask(3), ask(4)];
    await Promise.resolve();
    expect(took).toEqual([1, 2]);
    first?.();
    first?.();
    await third;
    expect(took).toEqual([1, 2, 3]);
    second?.();
    await fourth;
    expect(took).toEqual([1, 2, 3, 4]);
  });

  test('are not given to who has gone, and are not lost by it', async () => {
    const turns = new Turns(1);
    const back = await turns.take(never);
    const gone = new AbortController();
    const inVain = turns.take(gone.signal);
    const next = turns.take(never);
    gone.abort();
    expect(await inVain).toBeUndefined();
    expect(await turns.take(gone.signal)).toBeUndefined();
    back?.();
    expect(await next).toBeTypeOf('function');
  });
});
