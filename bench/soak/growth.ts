import { median } from '../harness/statistics.ts';

/** What a process held at a time. */
export interface MemoryReading {
  /** Monotonic, in ms. */
  readonly atMs: number;
  readonly bytes: number;
}

/** What counts as growing. */
export interface GrowthRule {
  /** Readings before that are not looked at: caches fill, code is compiled. */
  readonly fromMs: number;
  /** So much more at the end than after the warm-up is no leak yet, in bytes. */
  readonly allowedBytes: number;
}

/** Whether something grows. */
export interface Growth {
  readonly readings: number;
  /** The median of the slopes between all pairs of readings (Theil and Sen), bytes a minute: a third of them may be anything. */
  readonly bytesPerMinute: number;
  /** What that makes over the whole time. */
  readonly bytes: number;
  /** Kendall's tau: 1 where every later reading is higher, 0 where as many go up as down, -1 where all fall. */
  readonly tau: number;
  readonly isGrowing: boolean;
}

/** Below it, what goes up goes down as well. */
const LEAST_TAU = 0.5;
/** With fewer, nothing can be said. */
const LEAST_READINGS = 6;

/**
 * Judges whether a process grows: it does where it is more than allowed higher at the end, and gets there by rising all the time, and not by one step
 * (a buffer that was made larger, a cache that filled) or in waves.
 * @throws RangeError where there are too few readings after the warm-up to say anything
 */
export function judgeGrowth(readings: readonly MemoryReading[], { fromMs, allowedBytes }: GrowthRule): Growth {
  const counted = readings.filter(({ atMs }) => atMs >= fromMs);
  if (counted.length < LEAST_READINGS)
    throw new RangeError(`${counted.length} readings after the warm-up; ${LEAST_READINGS} are needed`);
  const slopes: number[] = [];
  let concordance = 0;
  for (const [at, one] of counted.entries()) {
    for (const other of counted.slice(at + 1)) {
      slopes.push((other.bytes - one.bytes) / (other.atMs - one.atMs));
      concordance += Math.sign(other.bytes - one.bytes);
    }
  }
  const perMs = median(slopes);
  const spanMs = (counted.at(-1)?.atMs ?? 0) - (counted[0]?.atMs ?? 0);
  const tau = concordance / slopes.length;
  const bytes = perMs * spanMs;
  return {
    readings: counted.length,
    bytesPerMinute: perMs * 60_000,
    bytes,
    tau,
    isGrowing: bytes > allowedBytes && tau >= LEAST_TAU,
  };
}
