import type { JobChange, OutboxEntry, Store } from '../../ports.ts';

/**
 * A store that rings after each commit that gave the world something to hear, so that whoever places it need not look for it.
 * It rings too where it is not known whether the commit succeeded: somebody looks in vain then, no more.
 */
export function withBell<S extends Store>(store: S, ring: () => void): S {
  /** Runs something that may write to the outbox, and is told when it does. */
  async function ringAfter<T>(work: (heard: (entries: readonly OutboxEntry[]) => void) => Promise<T>): Promise<T> {
    let rings = false;
    try {
      return await work((entries) => {
        rings ||= entries.length > 0;
      });
    } finally {
      if (rings) ring();
    }
  }

  return {
    ...store,
    transaction: (work) =>
      ringAfter((heard) =>
        store.transaction((tx) =>
          work({
            ...tx,
            appendOutbox: (entries) => {
              heard(entries);
              return tx.appendOutbox(entries);
            },
          }),
        ),
      ),
    stepJob: (id, decide, effect, options) =>
      ringAfter((heard) =>
        store.stepJob(
          id,
          (job, account) => {
            const change: JobChange | undefined = decide(job, account);
            heard(change?.outbox ?? []);
            return change;
          },
          effect,
          options,
        ),
      ),
  };
}
