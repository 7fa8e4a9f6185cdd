import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Flow, nextMove, type PumpLimits } from '../../src/actors/jobs/pump-policy.ts';

const limits: PumpLimits = { page: 100, batch: 300, unwritten: 500, lingerMs: 50 };
const still: Flow = { waiting: [], writing: undefined, written: 0, reading: false, ended: false, refused: false };
const pages = (...sizes: number[]): Flow['waiting'] => sizes.map((size) => ({ size, at: 1_000 }));
const at = 1_000;

describe('a pump', () => {
  test('begins with one request', () => {
    expect(nextMove(still, limits, at)).toEqual({ read: true, write: 0, wakeInMs: undefined, over: false });
    expect(nextMove({ ...still, reading: true }, limits, at)).toMatchObject({ read: false, write: 0, over: false });
  });

  test('writes the first page at once, and asks for the next one meanwhile', () => {
    expect(nextMove({ ...still, waiting: pages(100) }, limits, at)).toMatchObject({ read: true, write: 1 });
  });

  test('lets pages wait until they are as much as was written, or a batch, or have waited long enough', () => {
    const flow = { ...still, written: 200, reading: true, waiting: pages(100) };
    expect(nextMove(flow, limits, at)).toEqual({ read: false, write: 0, wakeInMs: 50, over: false });
    expect(nextMove(flow, limits, at + 49)).toMatchObject({ write: 0, wakeInMs: 1 });
    expect(nextMove(flow, limits, at + 50)).toMatchObject({ write: 1, wakeInMs: undefined });
    expect(nextMove({ ...flow, waiting: pages(100, 99) }, limits, at)).toMatchObject({ write: 0 });
    expect(nextMove({ ...flow, waiting: pages(100, 100) }, limits, at)).toMatchObject({ write: 2 });
    expect(nextMove({ ...flow, written: 9_000, waiting: pages(100, 100, 99) }, limits, at)).toMatchObject({ write: 0 });
    expect(nextMove({ ...flow, written: 9_000, waiting: pages(100, 100, 100) }, limits, at)).toMatchObject({ write: 3 });
  });

  test('writes no more than a batch at once, and one page at least', () => {
    expect(nextMove({ ...still, waiting: pages(100, 100, 50, 100, 10) }, limits, at)).toMatchObject({ write: 3 });
    expect(nextMove({ ...still, waiting: pages(400, 1) }, limits, at)).toMatchObject({ write: 1 });
  });

  test('rests when there is no room for another page', () => {
    const busy = { ...still, writing: 300, written: 300 };
    expect(nextMove({ ...busy, waiting: pages(100) }, limits, at)).toMatchObject({ read: true });
    expect(nextMove({ ...busy, waiting: pages(100, 1) }, limits, at)).toMatchObject({ read: false });
  });

  test('lets nobody wait for company that cannot come', () => {
    const alone = { ...still, written: 9_000, waiting: pages(100) };
    expect(nextMove(alone, { ...limits, unwritten: 150 }, at)).toMatchObject({ read: false, write: 1 });
    expect(nextMove({ ...alone, ended: true, reading: true }, limits, at)).toMatchObject({ read: false, write: 1 });
  });

  test('with the source at its end writes what is left, then is over', () => {
    const ended = { ...still, written: 1_000, ended: true };
    expect(nextMove({ ...ended, waiting: pages(1) }, limits, at)).toMatchObject({ read: false, write: 1, over: false });
    expect(nextMove({ ...ended, writing: 1 }, limits, at)).toMatchObject({ over: false });
    expect(nextMove({ ...ended, reading: true }, limits, at)).toMatchObject({ over: false });
    expect(nextMove(ended, limits, at)).toMatchObject({ over: true });
  });

  test('with a writer that failed does nothing more, but waits for what is under way', () => {
    const refused = { ...still, refused: true, waiting: pages(100, 100, 100, 100) };
    expect(nextMove({ ...refused, reading: true }, limits, at)).toMatchObject({ read: false, write: 0, over: false });
    expect(nextMove(refused, limits, at)).toMatchObject({ read: false, write: 0, over: true });
  });

  test('is never stuck, whatever its limits', () => {
    const flows = fc.record({
      waiting: fc.array(fc.record({ size: fc.integer({ min: 1, max: 120 }), at: fc.integer({ min: 0, max: 100 }) })),
      writing: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
      written: fc.integer({ min: 0, max: 2_000 }),
      reading: fc.boolean(),
      ended: fc.boolean(),
      refused: fc.boolean(),
    });
    const anyLimits = fc.record({
      page: fc.integer({ min: 1, max: 100 }),
      batch: fc.integer({ min: 1, max: 300 }),
      unwritten: fc.integer({ min: 1, max: 600 }),
      lingerMs: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(flows, anyLimits, (flow, some) => {
        const move = nextMove(flow, some, 100);
        const underWay = flow.reading || flow.writing !== undefined;
        const goesOn = move.read || move.write > 0 || move.wakeInMs !== undefined;
        expect(move.over && (underWay || goesOn)).toBe(false);
        expect(underWay || goesOn || move.over).toBe(true);
        if (move.wakeInMs !== undefined) expect(move.wakeInMs).toBeGreaterThan(0);
        if (flow.writing !== undefined || flow.refused) expect(move.write).toBe(0);
        if (flow.reading || flow.ended || flow.refused) expect(move.read).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });
});
