import { VigiliaError } from '../../errors.ts';
import type { Store, World } from '../../ports.ts';
import { STORE_RETRY_MS } from './sql-fault.ts';

/** A store that nobody gets through to before its database is known to be ours. */
export interface GatedStore extends Store {
  /** Lets nobody through until `prepare` has succeeded anew. */
  shut(reason: string): void;
}

/**
 * Holds every call back but `prepare` and `close` until `prepare` has succeeded: a database that comes up late may belong to another world,
 * or have no tables yet, and nobody may read or write it before that is known. Calls that are held back throw STORE_UNAVAILABLE at once.
 */
export function gateStore(inner: Store): GatedStore {
  let closed: string | undefined = 'it was not prepared yet';
  /** Counts what decides about the gate, so that a `prepare` that was overtaken opens nothing. */
  let turn = 0;

  const shut = (reason: string): void => {
    turn += 1;
    closed = reason;
  };

  function gated<A extends readonly unknown[], R>(method: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      if (closed !== undefined) {
        throw new VigiliaError('STORE_UNAVAILABLE', `the database is not ready: ${closed}`, { retryAfterMs: STORE_RETRY_MS });
      }
      return method(...args);
    };
  }

  return {
    kind: inner.kind,
    shut,
    async prepare(world: World) {
      shut('it is being prepared');
      const mine = turn;
      try {
        await inner.prepare(world);
      } catch (thrown) {
        if (mine === turn) closed = thrown instanceof Error ? thrown.message : String(thrown);
        throw thrown;
      }
      if (mine === turn) closed = undefined;
    },
    close: () => inner.close(),

    ping: gated(inner.ping),
    transaction: (work) => gated(() => inner.transaction(work))(),
    insertJob: gated(inner.insertJob),
    findJob: gated(inner.findJob),
    stepJob: gated(inner.stepJob),
    pickDue: gated(inner.pickDue),
    nextDue: gated(inner.nextDue),
    findLost: gated(inner.findLost),
    findOwn: gated(inner.findOwn),
    findParked: gated(inner.findParked),
    countJobs: gated(inner.countJobs),
    jobEvents: gated(inner.jobEvents),
    prune: gated(inner.prune),
    ensureAccount: gated(inner.ensureAccount),
    listAccounts: gated(inner.listAccounts),
    takeAccount: gated(inner.takeAccount),
    entities: gated(inner.entities),
    positions: gated(inner.positions),
    findChannel: gated(inner.findChannel),
    listChannels: gated(inner.listChannels),
    readMessages: gated(inner.readMessages),
    countMessages: gated(inner.countMessages),
  };
}
