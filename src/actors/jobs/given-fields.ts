import { VigiliaError } from '../../errors.ts';
import type { Json, JsonObject } from '../../ports.ts';

/** Longest name of a channel that is looked at, in characters, as in the gateway. */
const MOST_NAME = 256;

/** @throws INVALID_REQUEST when there is a field that is none of these */
export function knowFields(given: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw refused(unknown, 'there is no such field in the parameters');
}

/** @returns how a channel is named: a text or a whole number @throws INVALID_REQUEST */
export function channelField(given: JsonObject, name: string): string | number {
  const value = field(given, name);
  if (value === undefined) throw refused(name, 'is missing');
  if (typeof value === 'string' && value !== '' && [...value].length <= MOST_NAME) return value;
  if (Number.isInteger(value)) return value as number;
  throw refused(name, `must be a string of 1 to ${MOST_NAME} characters, or a whole number`);
}

/** @throws INVALID_REQUEST */
export function integerField(
  given: JsonObject,
  name: string,
  { least, most, byDefault }: { readonly least: number; readonly most: number; readonly byDefault: number },
): number {
  const value = field(given, name);
  if (value === undefined) return byDefault;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw refused(name, `must be a whole number from ${least} to ${most}`);
}

/** @throws INVALID_REQUEST */
export function booleanField(given: JsonObject, name: string, byDefault: boolean): boolean {
  const value = field(given, name);
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value;
  throw refused(name, 'must be true or false');
}

function field(given: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

function refused(name: string, reason: string): VigiliaError {
  const shown = `params.${name.length > 64 ? `${name.slice(0, 64)}…` : name}`;
  return new VigiliaError('INVALID_REQUEST', `${shown}: ${reason}.`, { field: shown });
}
