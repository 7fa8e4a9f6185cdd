import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CI } from './options.ts';
import { BREATH_MS, type Fault, MOST_AT_ONCE, makePlan, STORM_MS } from './plan.ts';
import { rulesOf, WORKERS } from './rules.ts';

const ALL_SERVERS = ['postgres', 'redis', 'rabbitmq', 'pgbouncer'];

const anyPlan = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  lengthMs: fc.integer({ min: 1_000, max: 300_000 }),
  servers: fc.subarray(ALL_SERVERS),
});

const endOf = ({ atMs, forMs }: Fault): number => atMs + forMs;
const isLong = ({ kind }: Fault): boolean => kind === 'stall' || kind === 'away';

/** Checks something of many plans. */
function always(holds: (faults: readonly Fault[], options: { seed: number; lengthMs: number; servers: string[] }) => void): void {
  fc.assert(
    fc.property(anyPlan, (options) => {
      holds(makePlan({ ...options, rules: rulesOf(options.servers) }), options);
    }),
    { numRuns: 60 },
  );
}

describe('a plan of faults', () => {
  it('is the same for the same seed, comes in order, and is over in time', () => {
    always((faults, { seed, lengthMs, servers }) => {
      expect(makePlan({ seed, lengthMs, rules: rulesOf(servers) })).toEqual(faults);
      expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).sort((one, other) => one - other));
      expect(faults.map(({ number }) => number)).toEqual(faults.map((_, at) => at + 1));
      for (const fault of faults) expect(endOf(fault)).toBeLessThanOrEqual(lengthMs);
    });
  });

  it('hits nothing again before it has had its rest', () => {
    always((faults, { servers }) => {
      const restOf = new Map(
        rulesOf(servers).flatMap(({ target, faults }) =>
          faults.map(({ kind, restMs }) => [`${target} ${kind}`, restMs] as const),
        ),
      );
      const readyAt = new Map<string, number>();
      for (const fault of faults) {
        expect(fault.atMs).toBeGreaterThanOrEqual(readyAt.get(fault.target) ?? 0);
        readyAt.set(fault.target, endOf(fault) + (restOf.get(`${fault.target} ${fault.kind}`) ?? Number.NaN));
      }
    });
  });

  it('has few faults at one time, and a breath without any after each storm', () => {
    always((faults) => {
      const short = faults.filter((fault) => !isLong(fault));
      for (const { atMs } of short) {
        const lasting = short.filter((one) => one.atMs <= atMs && endOf(one) > atMs);
        expect(lasting.length).toBeLessThanOrEqual(MOST_AT_ONCE);
      }
      for (const fault of short) {
        const beganInto = fault.atMs % (STORM_MS + BREATH_MS);
        expect(beganInto + fault.forMs).toBeLessThanOrEqual(STORM_MS);
      }
    });
  });

  it('never keeps both workers away for long, and leaves alone what belongs to one that is', () => {
    always((faults) => {
      const long = faults.filter(isLong);
      for (const [at, fault] of long.entries()) {
        for (const other of long.slice(at + 1)) expect(other.atMs).toBeGreaterThan(endOf(fault));
        const ways = faults.filter(({ target }) => target.startsWith(`${fault.target}/`));
        expect(ways.filter((one) => one.atMs < endOf(fault) && endOf(one) > fault.atMs)).toEqual([]);
      }
    });
  });

  it('is, for the run in CI, of every kind in every place', () => {
    const rules = rulesOf(ALL_SERVERS);
    const faults = makePlan({ ...CI, lengthMs: CI.stormMs, rules });
    const happened = new Set(faults.map(({ target, kind }) => `${target} ${kind}`));
    for (const rule of rules) {
      for (const { kind } of rule.faults) {
        // Of these there is one in so short a time, on either worker.
        const places = kind === 'away' || kind === 'stall' ? WORKERS : [rule.target];
        expect(
          places.some((place) => happened.has(`${place} ${kind}`)),
          `${kind} of ${rule.target}`,
        ).toBe(true);
      }
    }
  });

  it('is, for as long as in CI, of at least 200 faults, alone and in pairs, whatever the seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const rules = rulesOf(ALL_SERVERS);
        const faults = makePlan({ seed, lengthMs: CI.stormMs, rules });
        expect(faults.length).toBeGreaterThanOrEqual(200);
        expect(new Set(faults.map(({ target }) => target))).toEqual(new Set(rules.map(({ target }) => target)));
        expect(new Set(faults.map(({ kind }) => kind))).toEqual(
          new Set(rules.flatMap(({ faults }) => faults.map(({ kind }) => kind))),
        );
        const pairs = faults.filter(({ pairedWith }) => pairedWith !== null);
        expect(pairs.length).toBeGreaterThan(20);
        for (const { number, atMs, target, pairedWith } of pairs) {
          const other = faults[(pairedWith ?? 0) - 1];
          expect(other).toMatchObject({ atMs, pairedWith: number });
          expect(other?.target).not.toBe(target);
        }
      }),
      { numRuns: 60 },
    );
  });
});
