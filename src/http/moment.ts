import { VigiliaError } from '../errors.ts';
import { Type } from './typebox.ts';

/** A moment in a query: with its offset, since nobody knows the sender's zone. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** The end of the year 9999, in s since the Unix epoch: no time here is later, and databases take little beyond. */
export const LAST_SECOND = 253_402_300_799;

/** @param which of what, as a sentence @returns the schema of a moment in a query */
export function momentSchema(which: string) {
  return Type.String({ maxLength: 40, description: `${which} ISO 8601 with an offset, e.g. 2024-05-06T07:08:09Z.` });
}

/** A time from one moment on and before another, in ms since the Unix epoch. @throws INVALID_REQUEST */
export function rangeOf(
  from: string | undefined,
  to: string | undefined,
): { readonly from?: number; readonly to?: number } | undefined {
  if (from === undefined && to === undefined) return undefined;
  const range = {
    ...(from !== undefined && { from: momentOf(from, 'from') }),
    ...(to !== undefined && { to: momentOf(to, 'to') }),
  };
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) throw refused('to', 'is before from');
  return range;
}

function momentOf(text: string, field: string): number {
  const ms = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw refused(field, 'must be a time in ISO 8601 with an offset, as 2024-05-06T07:08:09Z');
  return ms;
}

/** @returns what to throw where a part of a query is not what it may be */
export function refused(field: string, reason: string): VigiliaError {
  return new VigiliaError('INVALID_REQUEST', `${field}: ${reason}.`, { field });
}
