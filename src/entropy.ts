import { randomBytes } from 'node:crypto';

/** What is taken from the system at once, in bytes. */
const POOL = 4_096;

/**
 * Random bytes for what has to be unique and need not be secret: taken from the system many at a time, since asking it for a dozen costs as much as all else of
 * making an id. No byte is given twice.
 * @param source @default the system's
 * @returns gives so many bytes,
 */
export function entropyPool(source: (bytes: number) => Uint8Array = randomBytes): (bytes: number) => Uint8Array {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  return (bytes) => {
    if (used + bytes > pool.length) {
      pool = source(Math.max(POOL, bytes));
      used = 0;
    }
    used += bytes;
    return pool.subarray(used - bytes, used);
  };
}
