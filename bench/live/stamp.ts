import type { HeardEvent } from '../../test/support/event-client.ts';

/** The system's monotonic clock in µs: the same for all processes of a machine, unlike `performance.now()`. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** A text that says when it was posted, and which of a run's posts it is. Of the length of a short post. */
export function stampedText(run: number, number: number): string {
  const stamp = `run=${run} n=${number} at=${nowMicros()}`;
  return `${stamp} ${'vigília notícia канал 📈 '.repeat(8)}`.slice(0, 200).trim();
}

/** A post that a subscriber has heard of. */
export interface Stamp {
  readonly run: number;
  readonly number: number;
  readonly atMicros: number;
}

/** @returns undefined for an event that tells of no stamped post */
export function readStamp(event: HeardEvent | undefined): Stamp | undefined {
  const text = (event?.data.message as { readonly text?: string } | undefined)?.text ?? '';
  const [, run, number, at] = /^run=(\d+) n=(\d+) at=(\d+) /.exec(text) ?? [];
  return at === undefined ? undefined : { run: Number(run), number: Number(number), atMicros: Number(at) };
}
