import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pumpPages } from '../../src/actors/jobs/page-pump.ts';
import type { PumpLimits } from '../../src/actors/jobs/pump-policy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

interface Page {
  readonly number: number;
  readonly size: number;
}

/** What happens to a pump. Delays are ms. */
interface Script {
  readonly pages: readonly { readonly size: number; readonly delayMs: number }[];
  /** How the source ends once its pages are out. */
  readonly ending: 'end' | 'fail' | 'throw';
  readonly writeMs: readonly number[];
  /** Which write fails, from 0. */
  readonly failingWrite: number | undefined;
  readonly stopAtMs: number | undefined;
  readonly limits: PumpLimits;
}

const scripts: fc.Arbitrary<Script> = fc.record({
  pages: fc.array(fc.record({ size: fc.integer({ min: 0, max: 100 }), delayMs: fc.constantFrom(0, 1, 5, 20, 400) }), {
    maxLength: 40,
  }),
  ending: fc.constantFrom('end', 'fail', 'throw'),
  writeMs: fc.array(fc.constantFrom(0, 1, 10, 60, 900), { minLength: 1, maxLength: 6 }),
  failingWrite: fc.option(fc.nat(12), { nil: undefined, freq: 3 }),
  stopAtMs: fc.option(fc.nat(1_500), { nil: undefined, freq: 3 }),
  limits: fc.record({
    page: fc.constant(100),
    batch: fc.constantFrom(1, 100, 250, 1_000),
    unwritten: fc.constantFrom(1, 100, 300, 2_000),
    lingerMs: fc.constantFrom(0, 10, 250),
  }),
});

class SourceFailed extends Error {}
class WriteFailed extends Error {}

/** Everything that can be seen of a run from outside. */
class Run {
  readonly clock = new VirtualClock(0);
  readonly stop = new AbortController();
  readonly script: Script;
  /** Pages in the order in which they came, and when. */
  readonly read: (Page & { readonly at: number })[] = [];
  /** Pages as they were handed to the writer, each time, and when. */
  readonly handed: { readonly pages: readonly Page[]; readonly at: number; readonly idleSince: number }[] = [];
  readonly committed: Page[] = [];
  asking = false;
  writing = false;
  sourceOver = false;
  askedAfterEnd = 0;
  mostInHand = 0;
  /** What was in hand before the page that made it the most. */
  overlaps = 0;
  #idleSince = 0;

  constructor(script: Script) {
    this.script = script;
  }

  get inHand(): number {
    return sizeOf(this.read.slice(this.committed.length));
  }

  async outcome(): Promise<'undefined' | 'end' | 'source' | 'write'> {
    const { clock, script, stop } = this;
    if (script.stopAtMs !== undefined) clock.setTimeout(() => stop.abort(), script.stopAtMs);
    let outcome: 'undefined' | 'end' | 'source' | 'write' | undefined;
    const pump = pumpPages({
      source: { next: () => this.#next() },
      sizeOf: ({ size }) => Math.max(1, size),
      write: (pages) => this.#write(pages),
      limits: script.limits,
      clock,
      signal: stop.signal,
    }).then(
      (ended) => {
        outcome = ended === undefined ? 'undefined' : ended.end;
      },
      (thrown) => {
        outcome = thrown instanceof SourceFailed ? 'source' : 'write';
        if (!(thrown instanceof SourceFailed || thrown instanceof WriteFailed)) throw thrown;
      },
    );
    await clock.advance(60_000);
    expect(outcome, 'settled').toBeDefined();
    await pump;
    return outcome as 'end';
  }

  #next(): Promise<IteratorResult<Page, 'end'>> {
    if (this.asking) this.overlaps++;
    if (this.sourceOver || this.stop.signal.aborted) this.askedAfterEnd++;
    const before = this.inHand;
    if (before > 0 && before + this.script.limits.page > this.script.limits.unwritten) this.mostInHand = Number.POSITIVE_INFINITY;
    const number = this.read.length;
    const page = this.script.pages[number];
    if (!page && this.script.ending === 'throw') {
      this.sourceOver = true;
      throw new SourceFailed();
    }
    this.asking = true;
    return new Promise((resolve, reject) => {
      this.clock.setTimeout(() => {
        this.asking = false;
        if (page) {
          const value = { number, size: Math.max(1, page.size) };
          this.read.push({ ...value, at: this.clock.now() });
          this.mostInHand = Math.max(this.mostInHand, this.inHand);
          resolve({ done: false, value });
          return;
        }
        this.sourceOver = true;
        if (this.script.ending === 'fail') reject(new SourceFailed());
        else resolve({ done: true, value: 'end' });
      }, page?.delayMs ?? 1);
    });
  }

  #write(pages: readonly Page[]): Promise<void> {
    if (this.writing) this.overlaps++;
    const turn = this.handed.length;
    this.handed.push({ pages, at: this.clock.now(), idleSince: this.#idleSince });
    this.writing = true;
    return new Promise((resolve, reject) => {
      this.clock.setTimeout(
        () => {
          this.writing = false;
          this.#idleSince = this.clock.now();
          if (turn === this.script.failingWrite) return reject(new WriteFailed());
          this.committed.push(...pages);
          resolve();
        },
        this.script.writeMs[turn % this.script.writeMs.length] ?? 0,
      );
    });
  }
}

const sizeOf = (pages: readonly Page[]): number => pages.reduce((sum, { size }) => sum + size, 0);
const numbers = (pages: readonly Page[]): number[] => pages.map(({ number }) => number);

describe('whatever happens, a pump', () => {
  test('commits exactly a prefix of what it read, in bounded batches, and leaves nothing under way', async () => {
    const seen = { undefined: 0, end: 0, source: 0, write: 0 };
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const run = new Run(script);
        const outcome = await run.outcome();
        seen[outcome]++;
        const { limits } = script;
        expect(numbers(run.committed)).toEqual(numbers(run.read).slice(0, run.committed.length));
        expect([run.asking, run.writing, run.overlaps, run.askedAfterEnd]).toEqual([false, false, 0, 0]);
        // Bounded, with room for one page even where the bound is less than that.
        expect(run.mostInHand).toBeLessThanOrEqual(Math.max(limits.unwritten, limits.page));
        for (const { pages } of run.handed) {
          expect(pages.length).toBeGreaterThan(0);
          if (pages.length > 1) expect(sizeOf(pages)).toBeLessThanOrEqual(limits.batch);
        }
        // Nobody waits for company any longer than is allowed, once the writer is free.
        for (const { pages, at, idleSince } of run.handed) {
          const came = run.read[pages[0]?.number ?? 0]?.at ?? 0;
          expect(at).toBeLessThanOrEqual(Math.max(came + limits.lingerMs, idleSince));
        }
        if (outcome === 'write') {
          expect(run.handed).toHaveLength((script.failingWrite ?? 0) + 1);
          return;
        }
        // A failing write is always told.
        expect(run.handed.length).toBeLessThanOrEqual(script.failingWrite ?? Number.POSITIVE_INFINITY);
        // Nothing that was read is thrown away, whatever else failed or ended it.
        expect(numbers(run.committed)).toEqual(numbers(run.read));
        if (outcome === 'undefined') expect([run.stop.signal.aborted, run.sourceOver]).toEqual([true, false]);
        else expect([run.read.length, outcome]).toEqual([script.pages.length, script.ending === 'end' ? 'end' : 'source']);
      }),
      { numRuns: 400 },
    );
    // Each way to end was really met.
    for (const [outcome, times] of Object.entries(seen)) expect(times, outcome).toBeGreaterThan(5);
  });

  test('reads while it writes: time is that of the slower side, not of both', async () => {
    const pages = Array.from({ length: 20 }, () => ({ size: 100, delayMs: 100 }));
    const limits = { page: 100, batch: 1_000, unwritten: 2_000, lingerMs: 0 };
    const run = new Run({ pages, ending: 'end', writeMs: [90], failingWrite: undefined, stopAtMs: undefined, limits });
    expect(await run.outcome()).toBe('end');
    expect(run.handed.at(-1)?.at).toBe(2_000);
    expect(run.handed).toHaveLength(20);
  });

  test('gathers more and more, up to a batch, when the source is fast', async () => {
    const pages = Array.from({ length: 40 }, () => ({ size: 100, delayMs: 1 }));
    const limits = { page: 100, batch: 1_000, unwritten: 2_000, lingerMs: 250 };
    const run = new Run({ pages, ending: 'end', writeMs: [0], failingWrite: undefined, stopAtMs: undefined, limits });
    expect(await run.outcome()).toBe('end');
    expect(run.handed.map(({ pages: batch }) => batch.length)).toEqual([1, 1, 2, 4, 8, 10, 10, 4]);
  });

  test('a stop is heard at once: what waits for company is written while the request is still awaited', async () => {
    const run = new Run({
      pages: [
        { size: 100, delayMs: 0 },
        { size: 99, delayMs: 1 },
        { size: 98, delayMs: 10_000 },
      ],
      ending: 'end',
      writeMs: [0],
      failingWrite: undefined,
      stopAtMs: 50,
      limits: { page: 100, batch: 1_000, unwritten: 2_000, lingerMs: 5_000 },
    });
    expect(await run.outcome()).toBe('undefined');
    expect(run.handed.map(({ pages, at }) => [numbers(pages), at])).toEqual([
      [[0], 0],
      [[1], 50],
      [[2], 10_001],
    ]);
  });

  test('a stop before it began asks for nothing', async () => {
    const run = new Run({
      pages: [{ size: 1, delayMs: 0 }],
      ending: 'end',
      writeMs: [0],
      failingWrite: undefined,
      stopAtMs: undefined,
      limits: { page: 100, batch: 100, unwritten: 200, lingerMs: 0 },
    });
    run.stop.abort();
    expect(await run.outcome()).toBe('undefined');
    expect(run.read).toEqual([]);
  });
});
