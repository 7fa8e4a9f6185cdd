import { expect, test, vi } from 'vitest';
import { keptAnswer } from '../../src/http/kept-answer.ts';
import { deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('is one question for all who ask until it is answered, and counts for a while from then on', async () => {
  const clock = new VirtualClock();
  const gates = [deferred(), deferred()];
  let asked = 0;
  const ask = vi.fn(async () => {
    const mine = asked++;
    await gates[mine]?.promise;
    return mine;
  });
  const find = keptAnswer(clock, 1_000, ask);
  const early = [find(), find()];
  await clock.advance(5_000);
  early.push(find());
  expect(ask).toHaveBeenCalledTimes(1);
  gates[0]?.resolve();
  expect(await Promise.all(early)).toEqual([0, 0, 0]);
  await clock.advance(999);
  expect(await find()).toBe(0);
  expect(ask).toHaveBeenCalledTimes(1);
  await clock.advance(1);
  gates[1]?.resolve();
  expect(await find()).toBe(1);
});

test('is asked for anew where it failed, and what counted before is over by then', async () => {
  const clock = new VirtualClock();
  const ask = vi
    .fn<() => Promise<string>>()
    .mockResolvedValueOnce('fine')
    .mockRejectedValueOnce(new Error('away'))
    .mockResolvedValueOnce('back');
  const find = keptAnswer(clock, 1_000, ask);
  expect(await find()).toBe('fine');
  await clock.advance(1_000);
  await expect(find()).rejects.toThrow('away');
  expect(await find()).toBe('back');
  expect(await find()).toBe('back');
  expect(ask).toHaveBeenCalledTimes(3);
});
