import { type Clock, pause } from '../clock.ts';
import { toVigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../ports.ts';
import { type ChildSpec, task } from './actor.ts';
import type { LeaseBoard } from './lease-board.ts';

/** How often the leases are read where nobody serves accounts, in ms. */
const READ_MS = 2_000;

interface LeaseWatchDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'leases'>;
  readonly board: LeaseBoard;
}

/** Reads what the workers say of their accounts, for a gateway of its own. Without the database it goes on with what it had, which grows old. */
export function leaseWatchSpec({ clock, log, store, board }: LeaseWatchDeps): ChildSpec {
  return {
    id: 'lease-watch',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        while (!signal.aborted) {
          const askedAt = clock.monotonic();
          try {
            board.note(await store.leases(), askedAt);
            life.handled('reading', clock.monotonic() - askedAt);
          } catch (thrown) {
            const error = toVigiliaError(thrown);
            if (error.code !== 'STORE_UNAVAILABLE') throw error;
            log.debug({ cause: error.message }, 'the leases cannot be read');
          }
          life.ready();
          await pause(clock, READ_MS, signal);
        }
      }),
    }),
  };
}
