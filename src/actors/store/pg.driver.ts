import { Pool, type PoolClient, type QueryArrayConfig } from 'pg';
import { type Clock, pause } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { cancelRunning, type KeyedConnection } from './cancel-request.ts';
import type { OpenTransaction, SqlDriver, SqlSession, Work } from './sql-driver.ts';
import { connectFault, storeFault } from './sql-fault.ts';
import { decodeRows, encodeValues, type SqlRow, type SqlValue } from './sql-values.ts';

/** How to reach a PostgreSQL server. */
export interface PgOptions {
  readonly url: string;
  /** Connections at most. @default 10 */
  readonly connections?: number;
  /** Ms to wait for a connection, a free one of the pool or a new one. @default 5000 */
  readonly connectMs?: number;
  /** Ms any statement may take. @default by what it is for: {@link DEADLINES_MS} */
  readonly statementMs?: number;
  /** What is known of the address, by all who use it. @default nothing */
  readonly address?: AddressRecord;
}

/** Whether an address has ever worked: then a login that is refused there is no mistake in it. */
interface AddressRecord {
  wasLetIn: boolean;
}

/**
 * Ms a statement may take. What is asked for over HTTP is given up after 10 s there, and shall be told before why; whatever deletes old rows
 * may take its time, because nobody waits for it.
 */
const DEADLINES_MS: Readonly<Record<Work, number>> = { ping: 5000, read: 8000, write: 10_000, upkeep: 60_000 };

/** What pg says of a statement that was not answered in time. */
const GIVEN_UP = 'Query read timeout';

interface Dependencies {
  readonly clock: Clock;
  readonly log: Log;
}

/** Everything is read as PostgreSQL's text; `sql-values.ts` knows the types. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/**
 * PostgreSQL 15 and later, directly or through PgBouncer in transaction mode: unnamed statements only, no session state, deadlines kept
 * by the client (and by the server inside transactions, where a client that hangs would hold locks). A statement that is given up is cancelled
 * at the server too. Opens no connection by itself.
 */
export function openPgDriver(options: PgOptions, { clock, log }: Dependencies): SqlDriver {
  const deadlineOf = (work: Work): number => options.statementMs ?? DEADLINES_MS[work];
  const statementMs = deadlineOf('write');
  const pool = new Pool({
    connectionString: options.url,
    max: options.connections ?? 10,
    connectionTimeoutMillis: options.connectMs ?? 5000,
    query_timeout: statementMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'vigilia',
  });
  // Between the pool's listener and the connection's own there is an instant without any: a server's farewell that comes with its last answer falls into it.
  pool.on('connect', (client) => client.on('error', () => {}));
  // Idle connections end when the server does; the pool opens new ones, and whoever needs one hears of it there.
  pool.on('error', (error) => log.debug({ error: error.message }, 'an idle database connection ended'));

  const { address = { wasLetIn: false } } = options;
  async function take(): Promise<Connection> {
    try {
      const client = await pool.connect();
      address.wasLetIn = true;
      return new Connection(client, statementMs, clock);
    } catch (thrown) {
      throw connectFault(thrown, address.wasLetIn);
    }
  }

  async function once<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await take();
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }

  return {
    kind: 'postgresql',
    get waiting() {
      return pool.waitingCount;
    },
    query: (text, values, work = 'write') => once((connection) => connection.query(text, values, deadlineOf(work))),
    script: (text) => once((connection) => connection.script(text)),
    async begin() {
      const connection = await take();
      try {
        await connection.begin();
        return connection;
      } catch (thrown) {
        await connection.rollback();
        throw thrown;
      }
    },
    isPooled: () => once((connection) => connection.isPooled()),
    async close() {
      if (pool.ending || pool.ended) return;
      // The pool waits for every connection to say goodbye, which a server that hangs never does.
      const ended = new AbortController();
      const ending = pool.end().finally(() => ended.abort());
      if (await pause(clock, statementMs, ended.signal)) log.warn({}, 'database connections did not end in time');
      else await ending;
    },
  };
}

/** A connection on loan from the pool, given back whole or, when anything went wrong with it, not at all. */
class Connection implements SqlSession, OpenTransaction {
  /** pg keeps what the server told of the connection. */
  readonly #client: PoolClient & KeyedConnection;
  readonly #statementMs: number;
  readonly #clock: Clock;
  #broken: Error | undefined;
  #released = false;
  #givenUp = false;

  constructor(client: PoolClient, statementMs: number, clock: Clock) {
    this.#clock = clock;
    this.#client = client as PoolClient & KeyedConnection;
    this.#statementMs = statementMs;
    // Without a listener, a connection that ends between two statements would end the process.
    client.on('error', this.#onError);
  }

  async query(text: string, values: readonly SqlValue[] = [], deadlineMs = this.#statementMs): Promise<SqlRow[]> {
    const encoded = encodeValues(values);
    const config: QueryArrayConfig & { query_timeout: number } = {
      text,
      values: encoded,
      rowMode: 'array',
      types: AS_TEXT,
      query_timeout: deadlineMs,
    };
    const result = await this.#run(() => this.#client.query<(string | null)[]>(config));
    const columns = result.fields.map((field) => ({ name: field.name, type: field.dataTypeID }));
    return decodeRows(columns, result.rows);
  }

  async script(text: string): Promise<void> {
    await this.#run(() => this.#client.query(text));
  }

  async isPooled(): Promise<boolean> {
    const [row] = await this.query('SELECT pg_backend_pid() AS pid');
    return row?.pid !== this.#client.processID;
  }

  async begin(): Promise<void> {
    const ms = this.#statementMs;
    await this.script(
      `BEGIN; SET LOCAL statement_timeout = ${ms}; SET LOCAL lock_timeout = ${ms}; SET LOCAL idle_in_transaction_session_timeout = ${3 * ms}`,
    );
  }

  async commit(): Promise<void> {
    try {
      await this.script('COMMIT');
    } finally {
      this.release();
    }
  }

  async rollback(): Promise<void> {
    if (this.#released) return;
    if (this.#broken === undefined) {
      await this.script('ROLLBACK').catch((thrown: unknown) => {
        this.#broken ??= thrown as Error;
      });
    }
    this.release();
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    const end = (): void => {
      this.#client.off('error', this.#onError);
      this.#client.release(this.#broken);
    };
    // While the connection is still open: a pooler knows by it which of its own the statement runs on.
    if (this.#givenUp) void cancelRunning(this.#client, this.#clock).then(end);
    else end();
  }

  readonly #onError = (error: Error): void => {
    this.#broken ??= error;
  };

  async #run<T>(statement: () => Promise<T>): Promise<T> {
    try {
      return await statement();
    } catch (thrown) {
      const fault = storeFault(thrown);
      // A connection whose statement got no answer may still be running it: never to be used again.
      if (fault.code === 'STORE_UNAVAILABLE' && !isAnswer(thrown)) this.#broken ??= fault;
      this.#givenUp ||= (thrown as Error).message === GIVEN_UP;
      throw fault;
    }
  }
}

/** Whether the server itself reported the error, and said that the session goes on. */
function isAnswer(thrown: unknown): boolean {
  return (thrown as { severity?: unknown }).severity === 'ERROR';
}
