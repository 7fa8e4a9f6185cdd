import { type Clock, pause } from '../../clock.ts';
import { STORE_FAILURES, toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { RetentionFigures, Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';

/** How often old rows are looked for, in ms. */
const ROUND_MS = 3_600_000;
/** Rows deleted at once, so that nobody waits long for a lock; while there are more, that many a pause (in ms). */
const ROWS = 2_000;
const PAUSE_MS = 1_000;
/** After a round that failed, in ms. */
const RETRY_MS = 60_000;

export interface RetentionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'prune' | 'pruneMessages'>;
  /** How long messages are kept, in ms; null: for ever. */
  readonly keepMessagesMs: number | null;
  /** Counts over all its lives. */
  readonly tally: RetentionTally;
}

/** What was deleted as old by this process. */
export class RetentionTally {
  #records = 0;
  #messages = 0;
  #endedAt: number | null = null;

  get figures(): RetentionFigures {
    return { records: this.#records, messages: this.#messages, endedAt: this.#endedAt };
  }

  add(kind: 'records' | 'messages', rows: number): void {
    if (kind === 'records') this.#records += rows;
    else this.#messages += rows;
  }

  end(atMs: number): void {
    this.#endedAt = atMs;
  }
}

/**
 * Deletes what is old, a part at a time: ended jobs, told events, keys of requests, and messages where they are not kept for ever. Several
 * processes may do it at once. Where it cannot, nothing but room is lost.
 */
export function retentionSpec(deps: RetentionDeps): ChildSpec {
  return {
    id: 'retention',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await keepDeleting(deps, signal, life.handled);
      }),
    }),
  };
}

async function keepDeleting(deps: RetentionDeps, signal: AbortSignal, handled: Life['handled']): Promise<void> {
  const { clock, log, store, keepMessagesMs, tally } = deps;
  let isRefused = false;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    let waitMs = ROUND_MS;
    try {
      const records = await inParts('records', (rows) => store.prune(clock.now(), rows));
      const messages =
        keepMessagesMs === null
          ? 0
          : await inParts('messages', (rows) => store.pruneMessages(clock.now() - keepMessagesMs, rows));
      if (records + messages > 0) log.info({ rows: records, messages }, 'old rows deleted');
      if (!signal.aborted) tally.end(clock.now());
      isRefused = false;
      handled('round', clock.monotonic() - startedAt);
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      // What costs room and nothing else: that old rows stay is no reason to fail.
      if (!STORE_FAILURES.has(error.code)) throw error;
      const fields = { code: error.code, cause: error.message };
      const refuses = error.code === 'STORE_REFUSED';
      if (!refuses) log.debug(fields, 'old rows stay until the database can be used');
      else if (!isRefused) log.error(fields, 'the database refuses to delete old rows; they stay');
      isRefused ||= refuses;
      waitMs = RETRY_MS;
    }
    await pause(clock, waitMs, signal);
  }

  async function inParts(kind: 'records' | 'messages', remove: (rows: number) => Promise<number>): Promise<number> {
    for (let all = 0; ; await pause(clock, PAUSE_MS, signal)) {
      if (signal.aborted) return all;
      const rows = await remove(ROWS);
      tally.add(kind, rows);
      all += rows;
      if (rows < ROWS) return all;
    }
  }
}
