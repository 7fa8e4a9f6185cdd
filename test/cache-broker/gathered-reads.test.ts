import { describe, expect, test } from 'vitest';
import { gatheredReads } from '../../src/actors/cache/gathered-reads.ts';
import { deferred } from '../support/deferred.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads that tell what was asked for; each answer is the key and the number of the read. */
function reading(most = 100) {
  const asked: string[][] = [];
  const find = gatheredReads(async (keys: readonly string[]) => {
    asked.push([...keys]);
    const number = asked.length;
    return keys.map((key) => `${key}${number}`);
  }, most);
  return { asked, find };
}

describe('reads that are wanted in one turn of the event loop', () => {
  test('are one, each answer for who asked for it, and a key is read once', async () => {
    const { asked, find } = reading();
    expect(await Promise.all(['a', 'b', 'a', 'c'].map(find))).toEqual(['a1', 'b1', 'a1', 'c1']);
    expect(asked).toEqual([['a', 'b', 'c']]);
  });

  test('of which there are many are several, with so many keys at most', async () => {
    const { asked, find } = reading(2);
    expect(await Promise.all(['a', 'b', 'a', 'c', 'd', 'e'].map(find))).toEqual(['a1', 'b1', 'a1', 'c2', 'd2', 'e3']);
    expect(asked).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('begin after they were asked for: who asks while one is under way gets another one', async () => {
    const answers = [deferred<readonly string[]>(), deferred<readonly string[]>()];
    let begun = 0;
    const find = gatheredReads((_keys: readonly string[]) => (answers[begun++] as (typeof answers)[0]).promise, 10);
    const before = find('a');
    expect(begun).toBe(0);
    await turn();
    expect(begun).toBe(1);
    const after = find('a');
    await turn();
    expect(begun).toBe(2);
    answers[1]?.resolve(['newer']);
    expect(await after).toBe('newer');
    answers[0]?.resolve(['older']);
    expect(await before).toBe('older');
  });

  test('fail together, and those after them do not', async () => {
    let fails = true;
    const find = gatheredReads(async (keys: readonly string[]) => {
      if (fails) throw new Error('away');
      return keys;
    }, 10);
    const all = await Promise.allSettled(['a', 'b'].map(find));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    expect(await find('a')).toBe('a');
  });
});
