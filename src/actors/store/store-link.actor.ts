import { fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { linkMachine } from '../../machines/link.machine.ts';
import type { DependencyHealth, Json, JsonObject, World } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import type { GatedStore } from './store-gate.ts';

const BACKOFF: BackoffPolicy = { baseMs: 500, capMs: 10_000 };

/** What is known of a server, for `/health`. */
export class LinkStatus {
  readonly #clock: Clock;
  #state = 'connecting';
  #since: number;
  #reason: string | undefined;
  #latencyMs: number | null = null;
  #seenAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  set(state: string, reason?: string): void {
    if (state !== this.#state) this.#since = this.#clock.now();
    this.#state = state;
    this.#reason = reason;
  }

  noteAnswer(latencyMs: number): void {
    this.#latencyMs = Math.round(latencyMs * 10) / 10;
    this.#seenAt = this.#clock.now();
  }

  health(kind: string): DependencyHealth {
    return {
      kind,
      state: this.#state,
      since: this.#since,
      latencyMs: this.#latencyMs,
      lastAnswerAgeMs: this.#seenAt === null ? null : Math.max(0, this.#clock.now() - this.#seenAt),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }
}

interface StoreLinkDeps {
  readonly random: Random;
  readonly log: Log;
  /** Shut while the link is not up. */
  readonly store: GatedStore;
  /** Which world the database has to belong to; known once the simulator, if any, runs. */
  readonly world: () => World;
}

/**
 * The link to the database: it brings the schema up to date, which lets everybody else through to it, then asks it every few seconds. Ready after the first attempt, whatever came of it;
 * a database that is not ours to use ends it, and with it the program.
 */
export function storeLinkSpec(status: LinkStatus, { random, log, store, world }: StoreLinkDeps): ChildSpec {
  return {
    id: 'store',
    kind: 'link',
    readyMs: 660_000,
    view: (snapshot: Snapshot<unknown>): JsonObject => {
      if (!('context' in snapshot)) return {};
      const { attempt, lastError } = snapshot.context as Record<string, Json>;
      return { ...status.health(store.kind), attempt, lastError } as JsonObject;
    },
    start: (life) => {
      const logic = linkMachine.provide({
        actors: {
          prepare: fromPromise<void>(async () => {
            await store.prepare(world());
            status.noteAnswer(await store.ping());
          }),
          check: fromPromise<void>(async () => status.noteAnswer(await store.ping())),
        },
        actions: {
          tellUp: () => {
            status.set('up');
            log.info({ store: store.kind }, 'database is up');
            life.ready();
          },
          tellDown: ({ context }) => {
            store.shut(context.lastError?.message ?? 'it is down');
            status.set('down', context.lastError?.message);
            log.warn({ store: store.kind, cause: context.lastError?.message }, 'database is down; trying again');
            life.ready();
          },
          tellRefused: ({ context }) => {
            store.shut(context.failure?.message ?? 'it is not ours to use');
            status.set('refused', context.failure?.message);
            log.error({ store: store.kind, cause: context.failure?.message, code: context.failure?.code }, 'database is refused');
          },
        },
      });
      return { logic, input: { backoffMs: (attempt: number) => backoffDelayMs(BACKOFF, attempt, random) } };
    },
  };
}
