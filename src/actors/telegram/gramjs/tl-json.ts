import type { Json, JsonObject } from '../../../ports.ts';

interface TlObject {
  readonly className: string;
  readonly originalArgs: Readonly<Record<string, unknown>>;
}

function isTlObject(value: unknown): value is TlObject {
  return typeof value === 'object' && value !== null && 'className' in value && 'originalArgs' in value;
}

/**
 * A TL object as JSON: its class under `_`, its fields under GramJS's names. Flags that are off and absent fields are left out,
 * 64-bit integers become decimal strings, bytes base64.
 */
function tlToJson(object: unknown): JsonObject {
  return splitTl(object, NONE).rest;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * A TL object as JSON (see `tlToJson` above), in two parts.
 * @param names fields of it, not of what is in it, to be kept apart
 * @returns the class with the other fields, and those fields
 */
export function splitTl(object: unknown, names: ReadonlySet<string>): { readonly rest: JsonObject; readonly taken: JsonObject } {
  const rest: Record<string, Json> = {};
  const taken: Record<string, Json> = {};
  if (!isTlObject(object)) return { rest, taken };
  rest._ = object.className;
  for (const [name, value] of Object.entries(object.originalArgs)) {
    if (value === null || value === undefined || value === false || isFlags(name)) continue;
    (names.has(name) ? taken : rest)[name] = toJson(value);
  }
  return { rest, taken };
}

/** `flags` and `flags2` only say which other fields are there. */
function isFlags(name: string): boolean {
  return name === 'flags' || name === 'flags2';
}

function toJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return null;
      if (Buffer.isBuffer(value)) return value.toString('base64');
      if (Array.isArray(value)) return value.map(toJson);
      if (isTlObject(value)) return tlToJson(value);
      // What is left is big-integer's.
      return String(value);
    default:
      return null;
  }
}
