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
  /** Shut while the link is not up. */
  readonly store: GatedStore;
  /** Which world the database has to belong to; known once the simulator, if any, runs. */
  readonly world: () => World;
}

/** The link to the database: it brings the schema up to date, which lets everybody else through to it, then asks it every few seconds. */
export function storeLinkSpec(status: LinkStatus, { random, log, store, world }: StoreLinkDeps): ChildSpec {
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
    onDown: store.shut,
  };
  return linkSpec(server, status, { random, log });
}
