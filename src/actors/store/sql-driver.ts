import type { SqlRow, SqlValue } from './sql-values.ts';

/** Something that runs statements, one after the other. */
export interface SqlSession {
  /**
   * Runs one statement with parameters `$1`, `$2` …
   * @returns its rows, in the statement's order
   * @throws STORE_UNAVAILABLE, STORE_REFUSED
   */
  query(text: string, values?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** Runs statements separated by semicolons, without parameters and without results. */
  script(text: string): Promise<void>;
}

/** What a statement outside a transaction is for, which says how long it may take. */
export type Work = 'ping' | 'read' | 'write' | 'upkeep';

/** An open transaction: a session that nobody else's statements come between. */
export interface OpenTransaction extends SqlSession {
  commit(): Promise<void>;
  /** Never rejects: where the database cannot be told, the connection is given up, which rolls back as well. */
  rollback(): Promise<void>;
}

/**
 * The little that the store needs of a database. Outside a transaction each statement is its own transaction and may run on any
 * connection: no session state, no named statements (PgBouncer's transaction mode).
 */
export interface SqlDriver extends SqlSession {
  readonly kind: 'pglite' | 'postgresql';
  /** How many statements and transactions wait for a connection, or their turn. */
  readonly waiting: number;
  /** @param work @default 'write' */
  query(text: string, values?: readonly SqlValue[], work?: Work): Promise<SqlRow[]>;
  begin(): Promise<OpenTransaction>;
  /** Whether something between us and the server lends its connections; such a one tells a process id that is not the server's. */
  isPooled(): Promise<boolean>;
  /** Ends all connections; statements in flight fail. */
  close(): Promise<void>;
}
