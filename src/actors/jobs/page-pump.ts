import type { Clock } from '../../clock.ts';
import { nextMove, type PumpLimits } from './pump-policy.ts';

/** What a pump moves, from where to where. */
export interface Pumping<Page, End> {
  /** Pages in their order. It is asked for one only after the one before has come. */
  readonly source: AsyncIterator<Page, End, undefined>;
  /** How much of the limits a page takes, in messages. */
  sizeOf(page: Page): number;
  /** Writes pages that follow on each other, all or nothing. It is called again only after it has resolved. */
  write(pages: readonly Page[]): Promise<void>;
  readonly limits: PumpLimits;
  readonly clock: Clock;
  /** Aborted to end early: what was asked for is still awaited, and what was read is written. */
  readonly signal: AbortSignal;
}

/**
 * Moves pages from a source to a writer, both at work at once: the next page is asked for while those before it are written.
 *
 * This is the one place of back-pressure between Telegram and the database. One request is under way while there is room for what it may
 * bring (`limits.unwritten`), counting all that is read and not committed. A writer that is slower than the source fills that room, and the
 * source rests until a batch is committed. The first page is written at once, so that a small job is no slower for all this; later ones wait
 * for each other until they are as much as was written before, at most `limits.batch`, and no longer than `limits.lingerMs`, so that a long
 * job spends its time on messages and not on transactions. `pump-policy.ts` decides all of it; this keeps the count and does it.
 *
 * A failure of the source is told only after what was read before it has been written. A failure of the writer ends the reading, and what
 * was not written is the source's to give again another time. Nothing is under way any more when this settles.
 *
 * @returns what the source ended with, all of it being written; undefined when the signal ended it before
 * @throws what `write` threw, else what the source threw
 */
export async function pumpPages<Page, End>(pumping: Pumping<Page, End>): Promise<{ readonly end: End } | undefined> {
  const { limits, clock, signal } = pumping;
  const waiting: { readonly page: Page; readonly size: number; readonly at: number }[] = [];
  let writing: number | undefined;
  let written = 0;
  let reading = false;
  let ending: { readonly end: End } | { readonly failure: unknown } | undefined;
  let refusal: { readonly failure: unknown } | undefined;
  let look: () => void = () => {};

  async function read(): Promise<void> {
    reading = true;
    try {
      const { done, value } = await pumping.source.next();
      if (done) ending = { end: value };
      else waiting.push({ page: value, size: pumping.sizeOf(value), at: clock.monotonic() });
    } catch (failure) {
      ending = { failure };
    }
    reading = false;
    look();
  }

  async function write(batch: readonly { readonly page: Page; readonly size: number }[]): Promise<void> {
    const size = batch.reduce((sum, page) => sum + page.size, 0);
    writing = size;
    try {
      await pumping.write(batch.map(({ page }) => page));
      written += size;
    } catch (failure) {
      refusal = { failure };
    }
    writing = undefined;
    look();
  }

  const onAbort = (): void => look();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      const ended = ending !== undefined || signal.aborted;
      const flow = { waiting, writing, written, reading, ended, refused: refusal !== undefined };
      const move = nextMove(flow, limits, clock.monotonic());
      if (move.over) break;
      const changed = new Promise<void>((resolve) => {
        look = resolve;
      });
      const timer = move.wakeInMs === undefined ? undefined : clock.setTimeout(look, move.wakeInMs);
      // Neither rejects: what fails is kept, and told at the end.
      if (move.read) void read();
      if (move.write > 0) void write(waiting.splice(0, move.write));
      await changed;
      clock.clearTimeout(timer);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  if (refusal !== undefined) throw refusal.failure;
  if (ending !== undefined && 'failure' in ending) throw ending.failure;
  return ending;
}
