import { expect, it } from 'vitest';
import { entropyPool } from '../../src/entropy.ts';

it('random bytes are taken many at a time, and none is given twice', () => {
  const asked: number[] = [];
  let next = 0;
  const take = entropyPool((bytes) => {
    asked.push(bytes);
    return Uint8Array.from({ length: bytes }, () => next++ % 251);
  });
  const given = Array.from({ length: 400 }, () => take(12));
  expect(given.every(({ length }) => length === 12)).toBe(true);
  expect(asked).toEqual([4_096, 4_096]);
  const seen = given.map((bytes) => bytes.byteOffset + (bytes.buffer === given[0]?.buffer ? 0 : 10_000));
  expect(new Set(seen).size).toBe(400);
  expect(take(5_000)).toHaveLength(5_000);
});
