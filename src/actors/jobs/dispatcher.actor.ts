import { type Clock, pause, WOKEN } from '../../clock.ts';
import { toVigiliaError, type VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Broker, DueJob, Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import { SLOTS } from './consumer.actor.ts';

/** Longest time between two looks at the table, in ms: jobs that other processes accepted are found by it. */
const POLL_MS = 1_000;
/** The same after one that has found jobs, in ms: nearly always there is more by then, or the end of a job calls sooner. */
const SOON_MS = 100;
/** Jobs woken at once. */
const BATCH = 64;
/** Jobs of an account that run, or are woken and not taken yet: twice what runs at once, so that a slot rarely waits for us and what is urgent is soon next. */
const PER_ACCOUNT = 2 * SLOTS;

export interface DispatcherDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly broker: Broker;
  /** @returns the accounts whose jobs are woken here, now */
  readonly accounts: () => readonly string[];
}

/** Lets others say that jobs became due, without knowing the dispatcher. */
export class Nudge {
  #rung = false;
  #wake: () => void = () => {};

  /** Ends the dispatcher's present sleep, or its next one. */
  readonly ring = (): void => {
    this.#rung = true;
    this.#wake();
  };

  /** Sleeps until a ring, the end of the time or the signal; a ring since the last call counts. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const enough = new AbortController();
      this.#wake = () => enough.abort(WOKEN);
      signal.addEventListener('abort', this.#wake, { once: true });
      await pause(clock, ms, enough.signal);
      signal.removeEventListener('abort', this.#wake);
    }
    this.#rung = false;
  }
}

/**
 * Wakes due jobs. The rows are the truth: a wake-up that is lost on the way is given again at growing intervals, so nothing depends on one.
 */
export function dispatcherSpec(nudge: Nudge, deps: DispatcherDeps): ChildSpec {
  return {
    id: 'dispatcher',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await dispatch(nudge, deps, signal, life.handled);
      }),
    }),
  };
}

async function dispatch(
  nudge: Nudge,
  { clock, log, store, broker, accounts }: DispatcherDeps,
  signal: AbortSignal,
  handled: Life['handled'],
): Promise<void> {
  let storeIsDown = false;
  let brokerFails = false;
  let defect: VigiliaError | undefined;
  /** Not waited for: one account's queue may be slow, and a wake-up that failed is given again as one that was lost. */
  const wake = async ({ id, accountId }: DueJob): Promise<void> => {
    try {
      await broker.wake(accountId, id);
      if (brokerFails) log.info({}, 'jobs are woken again');
      brokerFails = false;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.fault !== 'transient' && error.fault !== 'throttled') {
        defect ??= error;
        nudge.ring();
        return;
      }
      if (!brokerFails)
        log.warn({ account: accountId, code: error.code, cause: error.message }, 'a job could not be woken; it waits');
      brokerFails = true;
    }
  };
  while (!signal.aborted) {
    let waitMs = POLL_MS;
    const startedAt = clock.monotonic();
    try {
      if (defect !== undefined) throw defect;
      // What is not woken is not picked either: it would wait longer each time.
      const served = broker.isReady() ? accounts() : [];
      const due = await store.pickDue(served, clock.now(), BATCH, PER_ACCOUNT);
      for (const job of due) void wake(job);
      if (due.length > 0) waitMs = due.length === BATCH ? 0 : SOON_MS;
      else {
        const next = await store.nextDue(served, clock.now());
        if (next !== undefined) waitMs = Math.min(POLL_MS, Math.max(0, next - clock.now()));
      }
      storeIsDown = false;
      handled('round', clock.monotonic() - startedAt);
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_UNAVAILABLE') throw error;
      if (!storeIsDown) log.warn({ cause: error.message }, 'the dispatcher waits for the database');
      storeIsDown = true;
    }
    await nudge.sleep(clock, waitMs, signal);
  }
}
