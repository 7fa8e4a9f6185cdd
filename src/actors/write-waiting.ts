import { toVigiliaError, type VigiliaError } from '../errors.ts';

/** How what waits for the database is written. */
interface WaitingRows<T> {
  /** All that waits, oldest first. What was written or left out is not among it any more. */
  readonly waiting: () => readonly T[];
  /** Writes them in one transaction. */
  readonly write: (rows: readonly T[]) => Promise<void>;
  /** The database does not take this one, which is therefore never written. */
  readonly leaveOut: (row: T, error: VigiliaError) => void;
}

/**
 * Writes until nothing waits, all together. What the database refuses is found by writing each alone: it costs nothing but itself, and the others wait
 * behind it.
 * @returns how many rows were seen to
 * @throws whatever is no refusal; what is not written then still waits
 */
export async function writeWaiting<T>({ waiting, write, leaveOut }: WaitingRows<T>): Promise<number> {
  let rows = 0;
  for (let batch = waiting(); batch.length > 0; batch = waiting()) {
    await writeOrSplit(batch);
    rows += batch.length;
  }
  return rows;

  async function writeOrSplit(batch: readonly T[]): Promise<void> {
    try {
      await write(batch);
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_REFUSED') throw thrown;
      if (batch.length > 1) for (const row of batch) await writeOrSplit([row]);
      else for (const row of batch) leaveOut(row, error);
    }
  }
}
