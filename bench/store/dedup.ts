import type { BenchDatabase } from '../harness/database.ts';
import { withStore } from '../harness/gateway.ts';
import { percentile } from '../harness/statistics.ts';
import { benchChannel, benchMessages } from './messages.ts';

/** Messages that come again, as after a reconnection or a page that is read twice. */
export interface DedupSample {
  /** ms a message, all in batches of this size. */
  readonly batch: number;
  readonly perMessageMs: number;
  /** ms a batch takes, at most for 99 of 100. */
  readonly batchP99Ms: number;
}

/** As many as an account's box writes at once at most, and one at a time. */
const DEDUP_BATCHES = [200, 1] as const;
const STORED = 20_000;
/** Batches of one are many commits for nothing. */
const MOST_SINGLES = 1_000;

/** Writes messages that are stored already, each batch in a transaction as live updates are. @throws Error when one of them is written again */
export function measureDedup(database: BenchDatabase): Promise<DedupSample[]> {
  return database.withDatabase((url) =>
    withStore(url, async (store) => {
      const channel = benchChannel(0);
      const write = (first: number, count: number) =>
        store.transaction((tx) => tx.upsertMessages(0, benchMessages(channel.chatId, first, count)));
      await store.transaction((tx) => tx.upsertChannels([channel]));
      for (let first = 1; first <= STORED; first += 1_000) await write(first, 1_000);
      const samples: DedupSample[] = [];
      for (const batch of DEDUP_BATCHES) {
        const tookMs: number[] = [];
        const batches = Math.min(STORED / batch, MOST_SINGLES);
        for (let number = 0; number < batches; number++) {
          const startedAt = performance.now();
          const { unchanged } = await write(1 + number * batch, batch);
          tookMs.push(performance.now() - startedAt);
          if (unchanged !== batch) throw new Error(`${batch - unchanged} of ${batch} messages were written again`);
        }
        const sum = tookMs.reduce((all, one) => all + one, 0);
        samples.push({ batch, perMessageMs: sum / (batches * batch), batchP99Ms: percentile(tookMs, 0.99) });
      }
      return samples;
    }),
  );
}
