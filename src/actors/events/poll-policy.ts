import type { Store } from '../../ports.ts';

/** How often the database is asked for what nobody in this process has told of. */
export interface PollPolicy {
  /** Right after there was something, in ms. */
  readonly leastMs: number;
  /** When there has been nothing for long, in ms. */
  readonly mostMs: number;
}

/** Other processes write to a PostgreSQL, and nothing tells of it: LISTEN does not work through a pooler in transaction mode. */
const SHARED: PollPolicy = { leastMs: 5, mostMs: 250 };
/** A PGlite has one process, whose nudges are enough: this is for one that gets lost. */
const OWN: PollPolicy = { leastMs: 1_000, mostMs: 1_000 };

/** @returns how a database of this kind is polled */
export function pollPolicyOf(kind: Store['kind']): PollPolicy {
  return kind === 'pglite' ? OWN : SHARED;
}

/** The pause between two looks is this share of the time in which there was nothing: so the next thing waits for half of that, on average. */
const SHARE_OF_QUIET = 0.01;

/** @param quietMs how long there has been nothing @returns the pause before the next look, in ms */
export function nextPollMs({ leastMs, mostMs }: PollPolicy, quietMs: number): number {
  return Math.min(mostMs, Math.max(leastMs, quietMs * SHARE_OF_QUIET));
}
