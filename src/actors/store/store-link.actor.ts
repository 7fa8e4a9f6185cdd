import type { Random } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { World } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import { type LinkStatus, linkSpec } from '../link.actor.ts';
import type { GatedStore } from './store-gate.ts';

/** Migrations of a large database take their time, in ms. */
const READY_MS = 660_000;

interface StoreLinkDeps {
  readonly random: Random;
  readonly log: Log;
  /** How long those who start after it wait for a server's first answer, in ms. */
  readonly patienceMs: () => number;
  /** Shut while the link is not up. */
  readonly store: GatedStore;
  /** Which world the database has to belong to; known once the simulator, if any, runs. */
  readonly world: () => World;
}

/**
 * The link to the database: it brings the schema up to date, which lets everybody else through to it, then asks it every few seconds, and has it
 * write. One that answers and does not write (a full disk, a standby) is `read-only`: what is stored can still be read.
 */
export function storeLinkSpec(status: LinkStatus, { random, log, patienceMs, store, world }: StoreLinkDeps): ChildSpec {
  const server = {
    id: 'store',
    name: 'database',
    kind: store.kind,
    readyMs: READY_MS,
    prepare: async () => {
      await store.prepare(world());
      return store.ping();
    },
    check: () => store.ping(),
    prove: () => store.proveWrite(),
    limitedState: 'read-only',
    onDown: store.shut,
    onEnd: store.shut,
  };
  // The embedded one is no server that may be away: it takes its seconds to open, and nothing can be done before.
  const waits = store.kind === 'pglite' ? () => Number.POSITIVE_INFINITY : patienceMs;
  return { ...linkSpec(server, status, { random, log, patienceMs: waits }), queued: store.waiting };
}
