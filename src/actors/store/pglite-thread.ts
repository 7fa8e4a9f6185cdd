import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { PgliteHostData, PgliteReply, PgliteRequest } from './pglite-protocol.ts';
import { isSqlState, storeFault, unavailable } from './sql-fault.ts';
import { decodeRows, type SqlRow } from './sql-values.ts';

/** A request without its number. */
export type PgliteWork = { [K in PgliteRequest['kind']]: Omit<Extract<PgliteRequest, { kind: K }>, 'id'> }[PgliteRequest['kind']];

interface Pending {
  resolve(rows: SqlRow[]): void;
  reject(error: VigiliaError): void;
}

/** Number of the reply that says whether the database is open. */
const OPENING = 0;
/** Ms the thread gets to open its database; the first time it creates one, which takes seconds. */
const OPEN_MS = 120_000;
/** Ms the thread gets to close its database before it is ended. */
const CLOSE_MS = 10_000;

/** One life of the thread that owns the embedded database. It dies once, for good; what was asked and not answered fails then. */
export class PgliteThread {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #onDeath: (error: VigiliaError) => void;
  #lastId = 0;
  #death: VigiliaError | undefined;
  #closing = false;

  private constructor(data: PgliteHostData, clock: Clock, onDeath: (error: VigiliaError) => void) {
    this.#clock = clock;
    this.#onDeath = onDeath;
    this.#worker = new Worker(hostModule(), { workerData: data, name: 'pglite' });
    this.#worker.on('message', (reply: PgliteReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => this.#die(unavailable(`its thread failed: ${error.message}`, error)));
    this.#worker.on('exit', (code) => this.#die(unavailable(`its thread ended with code ${code}`)));
  }

  /**
   * Starts a thread and waits until its database is open.
   * @param onDeath called once when the thread dies without having been asked to
   * @throws DATA_DIR_UNUSABLE, STORE_UNAVAILABLE
   */
  static async open(data: PgliteHostData, clock: Clock, onDeath: (error: VigiliaError) => void): Promise<PgliteThread> {
    let thread: PgliteThread | undefined;
    try {
      const starting = new PgliteThread(data, clock, (error) => {
        if (thread !== undefined) onDeath(error);
      });
      await starting.#withDeadline(OPEN_MS, starting.#expect(OPENING));
      thread = starting;
      return starting;
    } catch (thrown) {
      const error = thrown as VigiliaError;
      if (error.code !== 'STORE_REFUSED') throw error;
      throw new VigiliaError('DATA_DIR_UNUSABLE', `the database in ${data.folder} cannot be opened: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** @throws STORE_REFUSED; STORE_UNAVAILABLE when the thread is dead, dies, or did not answer in time and was ended for it */
  ask(work: PgliteWork, deadlineMs: number): Promise<SqlRow[]> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = this.#expect(id);
    this.#worker.postMessage({ ...work, id }, givenAway(work));
    return this.#withDeadline(deadlineMs, answer);
  }

  /** Closes the database and ends the thread. Never rejects. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.ask({ kind: 'close' }, CLOSE_MS).catch(() => {});
    await this.#worker.terminate();
  }

  #expect(id: number): Promise<SqlRow[]> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** A statement cannot be broken off: only the thread can, which is as safe for the files as a killed process. */
  async #withDeadline(ms: number, answer: Promise<SqlRow[]>): Promise<SqlRow[]> {
    const timer = this.#clock.setTimeout(() => this.#die(unavailable(`no answer within ${ms} ms`)), ms);
    try {
      return await answer;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  #onReply(reply: PgliteReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (pending === undefined) return;
    if (reply.ok) {
      try {
        pending.resolve(decodeRows(reply.columns, reply.rows));
      } catch (thrown) {
        pending.reject(storeFault(thrown));
      }
      return;
    }
    if (isSqlState(reply.code)) {
      pending.reject(storeFault(Object.assign(new Error(reply.message), { code: reply.code })));
      return;
    }
    // Without a SQLSTATE it was not the database that answered, but a failure of the machine it runs on.
    const death = unavailable(`its thread failed: ${reply.message}`);
    // A database that cannot be opened at all is a matter of its folder.
    pending.reject(reply.id === OPENING ? storeFault(Object.assign(new Error(reply.message), { code: 'XX000' })) : death);
    this.#die(death);
  }

  #die(error: VigiliaError): void {
    if (this.#death !== undefined) return;
    this.#death = error;
    void this.#worker.terminate();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (!this.#closing) this.#onDeath(error);
  }
}

/** Binary parameters change hands: copied, the unwritten ends of their buffers would be copied too. */
function givenAway(work: PgliteWork): ArrayBuffer[] {
  if (work.kind !== 'query') return [];
  return work.values.flatMap((value) => (value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []));
}

/** A thread runs compiled code only: where this module itself runs from its source (tests), the thread's comes from the build. */
function hostModule(): URL {
  const beside = new URL('./pglite.host.js', import.meta.url);
  if (existsSync(beside)) return beside;
  const built = new URL('../../../dist/actors/store/pglite.host.js', import.meta.url);
  if (existsSync(built)) return built;
  throw new VigiliaError('INTERNAL', `${fileURLToPath(built)} is missing: run "npm run build" first`);
}
