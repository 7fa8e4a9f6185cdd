import type { EncodedValue, SqlColumn } from './sql-values.ts';

/** Where the database of a PGlite thread lives: a folder, or nowhere but in memory. */
export interface PgliteHostData {
  /** Absolute path of the database's folder, or null for a database that ends with its thread. */
  readonly folder: string | null;
}

/** What the driver asks of the thread; it answers in order. */
export type PgliteRequest =
  | { readonly id: number; readonly kind: 'query'; readonly text: string; readonly values: readonly EncodedValue[] }
  | { readonly id: number; readonly kind: 'script'; readonly text: string }
  | { readonly id: number; readonly kind: 'close' };

/** What the thread says: once that it is open (request 0) or why not, then one reply a request. */
export type PgliteReply =
  | {
      readonly id: number;
      readonly ok: true;
      readonly columns: readonly SqlColumn[];
      readonly rows: readonly (readonly (string | null)[])[];
    }
  | { readonly id: number; readonly ok: false; readonly message: string; readonly code: string | undefined };
