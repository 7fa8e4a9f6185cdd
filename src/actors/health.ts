import type { Clock } from '../clock.ts';
import type { AccountHealth, Broker, Cache, HealthReport, Store, World } from '../ports.ts';
import type { SimulatorDesk } from './simulator-process.actor.ts';
import type { LinkStatus } from './store/store-link.actor.ts';
import type { AccountLine } from './telegram/account-line.ts';

/** A pong older than this is no evidence any more, in ms (requirement A12). */
const PONG_COUNTS_MS = 75_000;

export interface HealthSources {
  readonly clock: Clock;
  readonly version: string;
  readonly role: string;
  readonly world: () => World;
  readonly lines: readonly AccountLine[];
  /** Accounts that other processes serve: what they know does not reach this one. */
  readonly unseen: readonly string[];
  readonly store: Store;
  readonly storeStatus: LinkStatus;
  readonly broker: Broker;
  readonly cache: Cache;
  /** Undefined where no simulator belongs to this process. */
  readonly simulator: SimulatorDesk | undefined;
  readonly notes: readonly string[];
}

/** @returns a function that reports what can be served at the moment it is called, with the evidence */
export function healthReporter(sources: HealthSources): () => HealthReport {
  const { clock, store, broker, cache, simulator, storeStatus } = sources;
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();
  function unknownAccount(id: string): AccountHealth {
    const reason = 'another process serves it, and its evidence does not reach this one yet: ask the ops listener of its worker';
    return {
      id,
      state: 'unknown',
      since: startedAt,
      lastPongAgeMs: null,
      lastRpcAgeMs: null,
      lastUpdateAgeMs: null,
      gaps: 0,
      reason,
    };
  }

  return () => {
    const accounts = [...sources.lines.map((line) => line.health()), ...sources.unseen.map(unknownAccount)];
    const served = accounts.filter(
      ({ state, lastPongAgeMs }) => state === 'authenticated' && lastPongAgeMs !== null && lastPongAgeMs < PONG_COUNTS_MS,
    ).length;
    const whole = served === accounts.length && storeStatus.health(store.kind).state === 'up';
    return {
      status: served === 0 ? 'down' : whole ? 'ok' : 'degraded',
      simulated: sources.world().kind !== 'telegram',
      world: sources.world(),
      role: sources.role,
      version: sources.version,
      uptimeMs: Math.round(clock.monotonic() - startedMonotonic),
      accounts,
      dependencies: {
        store: storeStatus.health(store.kind),
        broker: { kind: broker.kind, state: 'up', since: startedAt },
        cache: { kind: cache.kind, state: cache.kind === 'none' ? 'off' : 'up', since: startedAt },
        ...(simulator ? { simulator: simulator.health() } : {}),
      },
      notes: sources.notes,
    };
  };
}
