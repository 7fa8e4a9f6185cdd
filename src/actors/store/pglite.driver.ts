import { resolve } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { PgliteThread, type PgliteWork } from './pglite-thread.ts';
import type { OpenTransaction, SqlDriver } from './sql-driver.ts';
import { unavailable } from './sql-fault.ts';
import { encodeValues, type SqlRow, type SqlValue } from './sql-values.ts';
import { Turns } from './turns.ts';

/** Where the embedded database lives, and how long one waits for it. */
export interface PgliteOptions {
  /** The database's own folder, or `memory`. Nobody else may have it open: two processes on one folder lose rows. */
  readonly dataDir: string;
  /** Ms a statement may take; then its thread is ended and opened anew. @default 30000 */
  readonly statementMs?: number;
  /** Ms to wait for others' transactions to end. @default 30000 */
  readonly turnMs?: number;
  /** Told each time the thread dies without having been asked to. */
  readonly onDown?: (error: VigiliaError) => void;
}

interface Dependencies {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * PostgreSQL embedded, in a thread of its own. It has one session: whoever has its turn holds the database, for a statement or for a whole
 * transaction. When the thread dies, everything in flight fails with STORE_UNAVAILABLE, and the next call opens a new one on the same folder
 * (a database in memory is gone then, and stays unavailable).
 * @throws DATA_DIR_UNUSABLE, STORE_UNAVAILABLE
 */
export async function openPgliteDriver(options: PgliteOptions, dependencies: Dependencies): Promise<SqlDriver> {
  const driver = new PgliteDriver(options, dependencies);
  await driver.thread();
  return driver;
}

/** The same without waiting: opening has begun, and a failure is met by the first call. */
export function beginPgliteDriver(options: PgliteOptions, dependencies: Dependencies): SqlDriver {
  const driver = new PgliteDriver(options, dependencies);
  driver.thread().catch(() => {});
  return driver;
}

class PgliteDriver implements SqlDriver {
  readonly kind = 'pglite';
  readonly #folder: string | null;
  readonly #statementMs: number;
  readonly #onDown: (error: VigiliaError) => void;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #turns: Turns;
  #thread: Promise<PgliteThread> | undefined;
  #lost: VigiliaError | undefined;
  #closed = false;

  constructor(options: PgliteOptions, { clock, log }: Dependencies) {
    this.#folder = options.dataDir === 'memory' ? null : resolve(options.dataDir);
    this.#statementMs = options.statementMs ?? 30_000;
    this.#onDown = options.onDown ?? (() => {});
    this.#clock = clock;
    this.#log = log;
    this.#turns = new Turns(clock, options.turnMs ?? 30_000);
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  async thread(): Promise<PgliteThread> {
    if (this.#closed) throw unavailable('it was closed');
    if (this.#lost !== undefined) throw this.#lost;
    this.#thread ??= this.#open();
    return this.#thread;
  }

  query(text: string, values: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#once({ kind: 'query', text, values: encodeValues(values) });
  }

  async script(text: string): Promise<void> {
    await this.#once({ kind: 'script', text });
  }

  async begin(): Promise<OpenTransaction> {
    const endTurn = await this.#turns.take();
    try {
      const thread = await this.thread();
      await thread.ask({ kind: 'script', text: 'BEGIN' }, this.#statementMs);
      return openTransaction(thread, this.#statementMs, endTurn);
    } catch (thrown) {
      endTurn();
      throw thrown;
    }
  }

  async isPooled(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const thread = await this.#thread?.catch(() => undefined);
    await thread?.close();
  }

  async #once(work: PgliteWork): Promise<SqlRow[]> {
    const endTurn = await this.#turns.take();
    try {
      const thread = await this.thread();
      return await thread.ask(work, this.#statementMs);
    } finally {
      endTurn();
    }
  }

  #open(): Promise<PgliteThread> {
    const opening = PgliteThread.open({ folder: this.#folder }, this.#clock, (error) => {
      this.#thread = undefined;
      if (this.#folder === null) this.#lost = error;
      this.#log.error({ error: error.message }, 'embedded database down');
      this.#onDown(error);
    });
    opening.catch(() => {
      this.#thread = undefined;
    });
    return opening;
  }
}

/** Statements of a transaction go to the thread it began on: a later one knows nothing of it. */
function openTransaction(thread: PgliteThread, statementMs: number, endTurn: () => void): OpenTransaction {
  let over = false;

  function end(): void {
    over = true;
    endTurn();
  }

  return {
    query: async (text, values = []) => thread.ask({ kind: 'query', text, values: encodeValues(values) }, statementMs),
    async script(text) {
      await thread.ask({ kind: 'script', text }, statementMs);
    },
    async commit() {
      try {
        await thread.ask({ kind: 'script', text: 'COMMIT' }, statementMs);
      } finally {
        end();
      }
    },
    async rollback() {
      // After a COMMIT, also a failed one, the session is somebody else's.
      if (over) return;
      // A thread that cannot roll back is a dead one, and nothing of the transaction is left with it.
      await thread.ask({ kind: 'script', text: 'ROLLBACK' }, statementMs).catch(() => {});
      end();
    },
  };
}
