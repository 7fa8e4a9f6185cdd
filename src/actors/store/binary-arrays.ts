import { VigiliaError } from '../../errors.ts';
import type { Json } from '../../ports.ts';
import { encodeJson, encodeText } from './stored-text.ts';

// Columns of many rows, as parameters in the wire's binary form of an array (`array_recv` of PostgreSQL's src/backend/utils/adt/arrayfuncs.c):
// next to the text form nothing is quoted, escaped or parsed, on either side. Measured in decision 10.

/** A parameter in PostgreSQL's binary form. */
export interface Binary {
  readonly binary: Uint8Array;
}

const INT8_OID = 20;
const INT4_OID = 23;
const TEXT_OID = 25;
const TIMESTAMPTZ_OID = 1184;
const JSON_OID = 114;

/** Of an array of one dimension: dimensions, flags, element type, elements, lower bound; 4 bytes each. */
const HEADER_BYTES = 20;
/** An element's length, in front of it; -1 is NULL. */
const LENGTH_BYTES = 4;
/** UTF-8 takes at most so many bytes for a UTF-16 code unit. */
const BYTES_A_UNIT = 3;
/** 2000-01-01T00:00:00Z, from which PostgreSQL counts, in s since the Unix epoch. */
const POSTGRES_EPOCH_S = 946_684_800;

/** An `int4[]`. @throws STORE_REFUSED for what is not a whole number of 32 bits */
export function int4Array(values: readonly (number | null)[]): Binary {
  const array = openArray(INT4_OID, values.length, 4 * values.length);
  for (const value of values) {
    if (value === null) writeNull(array);
    else {
      if (value !== (value | 0)) throw new VigiliaError('STORE_REFUSED', `${value} cannot be stored as an integer of 32 bits`);
      array.view.setInt32(array.at, 4);
      array.view.setInt32(array.at + 4, value);
      array.at += 8;
    }
  }
  return closeArray(array);
}

/** An `int8[]`. @throws STORE_REFUSED for what is not a safe integer */
export function int8Array(values: readonly (number | null)[]): Binary {
  return eightByteArray(INT8_OID, values, (value) => value);
}

/** A `timestamptz[]` from seconds since the Unix epoch, as MTProto counts. @throws STORE_REFUSED for what is not a whole second within reach */
export function mtprotoDateArray(seconds: readonly (number | null)[]): Binary {
  return eightByteArray(TIMESTAMPTZ_OID, seconds, (value) => (value - POSTGRES_EPOCH_S) * 1_000_000);
}

/** A `text[]`, escaped as stored text. */
export function textArray(values: readonly (string | null)[]): Binary {
  return stringArray(
    TEXT_OID,
    values.map((value) => (value === null ? null : encodeText(value))),
  );
}

/** A `json[]`, escaped as stored text; null is JSON's null, not SQL's. */
export function jsonArray(values: readonly Json[]): Binary {
  return stringArray(JSON_OID, values.map(encodeJson));
}

interface OpenArray {
  readonly bytes: Buffer;
  /** Of the same bytes: the engine compiles its methods into the loop, which it does not with the buffer's. */
  readonly view: DataView;
  at: number;
}

function openArray(elementOid: number, count: number, elementBytes: number): OpenArray {
  // Of its own and not of Node's pool, so that it can be given away to another thread. Bytes that are not written are never touched.
  const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + count * LENGTH_BYTES + elementBytes);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, count === 0 ? 0 : 1);
  // Whether there are NULLs: read by nobody, each element says so itself.
  view.setInt32(4, 0);
  view.setInt32(8, elementOid);
  // An array without elements has no dimension either.
  if (count === 0) return { bytes, view, at: 12 };
  view.setInt32(12, count);
  view.setInt32(16, 1);
  return { bytes, view, at: HEADER_BYTES };
}

function closeArray({ bytes, at }: OpenArray): Binary {
  return { binary: bytes.subarray(0, at) };
}

function writeNull(array: OpenArray): void {
  array.view.setInt32(array.at, -1);
  array.at += LENGTH_BYTES;
}

function eightByteArray(oid: number, values: readonly (number | null)[], convert: (value: number) => number): Binary {
  const array = openArray(oid, values.length, 8 * values.length);
  for (const value of values) {
    if (value === null) writeNull(array);
    else {
      const number = convert(value);
      if (!Number.isInteger(value) || !Number.isSafeInteger(number))
        throw new VigiliaError('STORE_REFUSED', `${value} cannot be stored as a whole number`);
      const high = Math.floor(number / 2 ** 32);
      array.view.setInt32(array.at, 8);
      array.view.setInt32(array.at + 4, high);
      array.view.setUint32(array.at + 8, number - high * 2 ** 32);
      array.at += 12;
    }
  }
  return closeArray(array);
}

function stringArray(oid: number, values: readonly (string | null)[]): Binary {
  const units = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
  const array = openArray(oid, values.length, BYTES_A_UNIT * units);
  for (const value of values) {
    if (value === null) writeNull(array);
    else {
      const from = array.at + LENGTH_BYTES;
      const lengthBytes = array.bytes.write(value, from, 'utf8');
      array.view.setInt32(array.at, lengthBytes);
      array.at = from + lengthBytes;
    }
  }
  return closeArray(array);
}
