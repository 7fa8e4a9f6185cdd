import { expect, it } from 'vitest';
import { writeWaiting } from '../../src/actors/write-waiting.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';

/** Rows that wait for a database, which fails at some of them as told. */
function rowsThatFail(rows: readonly string[], faults: Readonly<Record<string, ErrorCode>>) {
  const seen = { waiting: [...rows], written: [] as string[], leftOut: [] as string[], asked: [] as string[] };
  const gone = (these: readonly string[]): void => {
    seen.waiting = seen.waiting.filter((row) => !these.includes(row));
  };
  const written = writeWaiting({
    waiting: () => seen.waiting,
    write: async (batch) => {
      seen.asked.push(batch.join(' '));
      for (const row of batch) if (faults[row]) throw new VigiliaError(faults[row], row);
      seen.written.push(...batch);
      gone(batch);
    },
    leaveOut: (row, { message }) => {
      seen.leftOut.push(message);
      gone([row]);
    },
  });
  return { seen, written };
}

it('all that waits is written together', async () => {
  const { seen, written } = rowsThatFail(['a', 'b', 'c'], {});
  expect(await written).toBe(3);
  expect(seen).toEqual({ waiting: [], written: ['a', 'b', 'c'], leftOut: [], asked: ['a b c'] });
});

it('what the database refuses is found by writing each alone, and is left out; the others are written in order', async () => {
  const { seen, written } = rowsThatFail(['a', 'b', 'c'], { b: 'STORE_REFUSED' });
  expect(await written).toBe(3);
  expect(seen).toEqual({ waiting: [], written: ['a', 'c'], leftOut: ['b'], asked: ['a b c', 'a', 'b', 'c'] });
});

it('one that is refused alone is not asked for twice', async () => {
  const { seen, written } = rowsThatFail(['a'], { a: 'STORE_REFUSED' });
  expect(await written).toBe(1);
  expect(seen).toEqual({ waiting: [], written: [], leftOut: ['a'], asked: ['a'] });
});

it('a database that goes away in the middle fails it: what was not written still waits', async () => {
  const { seen, written } = rowsThatFail(['bad', 'a', 'away', 'b'], { bad: 'STORE_REFUSED', away: 'STORE_UNAVAILABLE' });
  await expect(written).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(seen).toMatchObject({ waiting: ['away', 'b'], written: ['a'], leftOut: ['bad'] });
});
