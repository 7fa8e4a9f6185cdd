import { VigiliaError } from '../../errors.ts';
import type { Json } from '../../ports.ts';
import type { Binary } from './binary-arrays.ts';
import { decodeJson, decodeText, encodeJson, encodeText } from './stored-text.ts';

/** A parameter that is in PostgreSQL's own text form already. */
export interface Literal {
  readonly literal: string;
}

type Scalar = null | boolean | number | string | Literal;

/** What a statement takes: strings are escaped as stored text, arrays become PostgreSQL's array literals. */
export type SqlValue = Scalar | Binary | readonly Scalar[];

/** A parameter as it goes to the database: in PostgreSQL's text form, or its binary form. */
export type EncodedValue = string | Uint8Array | null;

/** One row as it comes back: text, json and jsonb unescaped, numbers and booleans parsed, whatever else in PostgreSQL's text form. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** A column of a result. */
export interface SqlColumn {
  readonly name: string;
  /** The type's object id (`pg_type.oid`). */
  readonly type: number;
}

/** A jsonb parameter; null stays SQL's NULL, not JSON's. */
export function json(value: Json | undefined): Literal | null {
  return value === null || value === undefined ? null : { literal: encodeJson(value) };
}

/** A timestamptz parameter from ms since the Unix epoch. */
export function instant(ms: number | null): Literal | null {
  return ms === null ? null : { literal: new Date(ms).toISOString() };
}

/** A timestamptz parameter from seconds since the Unix epoch, as MTProto counts. */
export function mtprotoDate(seconds: number | null): Literal | null {
  return seconds === null ? null : instant(seconds * 1000);
}

/**
 * SQL that reads a timestamptz as whole ms since the Unix epoch, under the column's own name.
 * The client does not parse dates itself: their text depends on the server's DateStyle, which a pooled session may not set.
 */
export function epochMs(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::int8 AS ${column}`;
}

/** SQL that reads a timestamptz as whole seconds since the Unix epoch, under the column's own name. */
export function epochSeconds(column: string): string {
  return `floor(extract(epoch FROM ${column}))::int8 AS ${column}`;
}

/** Parameters as they go over the wire, the same for every driver. */
export function encodeValues(values: readonly SqlValue[]): EncodedValue[] {
  return values.map((value) => {
    if (Array.isArray(value)) return arrayLiteral(value);
    const single = value as Scalar | Binary;
    return typeof single === 'object' && single !== null && 'binary' in single ? single.binary : encodeScalar(single);
  });
}

/** Rows out of PostgreSQL's text form. */
export function decodeRows(columns: readonly SqlColumn[], rows: readonly (readonly (string | null)[])[]): SqlRow[] {
  return rows.map((row) => {
    const decoded: Record<string, unknown> = {};
    columns.forEach((column, at) => {
      const text = row[at];
      decoded[column.name] = text === null || text === undefined ? null : decodeScalar(column.type, text);
    });
    return decoded;
  });
}

function encodeScalar(value: Scalar): string | null {
  switch (typeof value) {
    case 'string':
      return encodeText(value);
    case 'number':
      if (!Number.isFinite(value)) throw new VigiliaError('STORE_REFUSED', `${value} cannot be stored as a number`);
      return String(value);
    case 'boolean':
      return value ? 't' : 'f';
    default:
      return value === null ? null : value.literal;
  }
}

function arrayLiteral(values: readonly Scalar[]): string {
  const elements = values.map((value) => {
    const text = encodeScalar(value);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${elements.join(',')}}`;
}

const BOOL = 16;
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const TEXT = 25;
const JSON_TEXT = 114;
const JSONB = 3802;

function decodeScalar(type: number, text: string): unknown {
  switch (type) {
    case TEXT:
      return decodeText(text);
    case JSON_TEXT:
    case JSONB:
      return decodeJson(text);
    case BOOL:
      return text === 't';
    case INT2:
    case INT4:
    case INT8: {
      const number = Number(text);
      if (!Number.isSafeInteger(number))
        throw new VigiliaError('STORE_REFUSED', `${text} is read as a number, but is not a safe one`);
      return number;
    }
    default:
      return text;
  }
}
