/** @param share from 0 to 1 @returns the least value that so much of all does not exceed; NaN for none */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** What is said of several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns the middle value, or the mean of the two middle ones; NaN for none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] ?? Number.NaN)) / 2;
}

/** @returns the median and the extremes, all NaN for no values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How one peer's values compare to another's, round by round: what drifts from one round to the next (another process, the processor's
 * clock) touches both of a round and falls out.
 * @param values of one round each
 * @param reference of the same rounds, in the same order
 */
export function ratios(values: readonly number[], reference: readonly number[]): Spread {
  if (values.length !== reference.length) throw new RangeError('ratios need the same rounds of both');
  return spreadOf(values.map((value, round) => value / (reference[round] as number)));
}
