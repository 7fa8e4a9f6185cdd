import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LedgerWorld, type WorldLimits } from './message-box-world.ts';

/** Worlds a run. `LEDGER_RUNS` grows them for a long look. */
const RUNS = Number(process.env.LEDGER_RUNS ?? 1_000);

type Step = (world: LedgerWorld) => void;

const fate = fc.constantFrom(
  'pass' as const,
  'pass' as const,
  'pass' as const,
  'drop' as const,
  'twice' as const,
  'late' as const,
);
const small = fc.nat({ max: 20 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(small, fc.integer({ min: 1, max: 4 }), fc.boolean()).map(
      ([where, count, ordered]): Step =>
        (world) =>
          world.happen(where, count > 3 ? 3 : 1, ordered),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.array(fate, { minLength: 1, maxLength: 6 }), fc.boolean()).map(
      ([fates, joined]): Step =>
        (world) =>
          world.deliver(fates, joined),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(50, 200, 600).map(
      (ms): Step =>
        (world) =>
          world.pass(ms),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Step>((world) => world.ask()) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (count): Step =>
        (world) =>
          world.answer(count),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.cut()) },
  {
    weight: 1,
    arbitrary: small.map(
      (where): Step =>
        (world) =>
          world.tooLong(where),
    ),
  },
  {
    weight: 1,
    arbitrary: small.map(
      (where): Step =>
        (world) =>
          world.poll(where),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.pass(900_000)) },
);

test('whatever is lost, doubled, late or cut, the ledger lets out what happened: all of it, in order, each once', () => {
  const totals: Record<string, number> = {};
  const limits: fc.Arbitrary<WorldLimits> = fc.record({
    slice: fc.integer({ min: 1, max: 5 }),
    tellsAtMost: fc.integer({ min: 3, max: 30 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      limits,
      fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }),
      (channels, limit, steps) => {
        const world = new LedgerWorld(channels, limit);
        for (const take of steps) take(world);
        world.settle();
        world.check();
        for (const [name, count] of Object.entries(world.counts)) totals[name] = (totals[name] ?? 0) + count;
      },
    ),
    { numRuns: RUNS },
  );
  console.info(`${RUNS} worlds:`, JSON.stringify(totals));
  // A world in which nothing goes wrong would show nothing.
  expect(totals.gaps).toBeGreaterThan(RUNS);
  expect(totals.backfilled).toBeGreaterThan(0);
  expect(totals.missing).toBeGreaterThan(0);
});
