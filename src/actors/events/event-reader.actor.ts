import type { Clock } from '../../clock.ts';
import { toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { Nudge } from '../jobs/dispatcher.actor.ts';
import type { EventHub } from './event-hub.ts';
import { nextPollMs, pollPolicyOf } from './poll-policy.ts';

/** Events of one read. */
const PAGE = 500;
/** Between two looks whether anybody listens, in ms: whoever begins to is told of at once. */
const REST_MS = 60_000;
/** Before another try while the database is away, in ms. */
const RETRY_MS = 500;

export interface EventReaderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly hub: EventHub;
}

/** Follows the stream of events for all subscribers of the process together, as long as there are any. */
export function eventReaderSpec(nudge: Nudge, deps: EventReaderDeps): ChildSpec {
  const { hub } = deps;
  return {
    id: 'events',
    kind: 'task',
    view: () => ({ position: hub.head ?? null, ...hub.figures, cutOffs: { ...hub.figures.cutOffs } }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        // What the life before has read may not have reached the hub as a whole.
        hub.forget();
        await follow(nudge, deps, signal, life.handled);
      }),
    }),
  };
}

async function follow(
  nudge: Nudge,
  { clock, log, store, hub }: EventReaderDeps,
  signal: AbortSignal,
  handled: Life['handled'],
): Promise<void> {
  const policy = pollPolicyOf(store.kind);
  let storeIsDown = false;
  let waitMs = policy.leastMs;
  let foundAt = clock.monotonic();
  while (!signal.aborted) {
    if (!hub.wanted) {
      hub.forget();
      await nudge.sleep(clock, REST_MS, signal);
      continue;
    }
    const startedAt = clock.monotonic();
    try {
      const events = await readOn(store, hub);
      storeIsDown = false;
      const now = clock.monotonic();
      if (events > 0) {
        handled('read', now - startedAt);
        foundAt = now;
      }
      if (events === PAGE) continue;
      waitMs = nextPollMs(policy, now - foundAt);
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_UNAVAILABLE') throw error;
      if (!storeIsDown) log.warn({ cause: error.message }, 'the stream of events waits for the database');
      storeIsDown = true;
      waitMs = RETRY_MS;
    }
    await nudge.sleep(clock, waitMs, signal);
  }
}

/** @returns how many events came */
async function readOn(store: Store, hub: EventHub): Promise<number> {
  const at = hub.head;
  if (at === undefined) {
    hub.begin((await store.readEvents(0, 0)).head);
    return 0;
  }
  const { events, head } = await store.readEvents(at, PAGE);
  const follows = (events[0]?.position ?? head + 1) === at + 1;
  // A database that was put back to an earlier state, or so long a sleep that what followed is gone: subscribers find out by the store.
  if (!follows) hub.begin(head);
  else hub.append(events);
  return events.length;
}
