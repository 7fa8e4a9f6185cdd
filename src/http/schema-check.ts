import type { FastifySchemaCompiler } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { VigiliaError } from '../errors.ts';
import { Compile } from './typebox.ts';

/**
 * Checks bodies, paths and query strings against their schemas: defaults are filled in, unknown fields are refused, and nothing is
 * converted, but for whole numbers and booleans in query strings, which are text by nature.
 */
export const schemaCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = Compile(schema);
  const fields = (schema as { properties?: Record<string, { type?: string }> }).properties ?? {};
  return (input: unknown) => {
    // Fastify gives null for a body that is not there.
    const given = httpPart === 'body' ? (input ?? undefined) : input;
    const read = httpPart === 'querystring' && isRecord(given) ? fromText(given, fields) : given;
    const value = check.Default(read) as Static<TSchema>;
    return check.Check(value) ? { value } : { error: refusal(check.Errors(value), httpPart ?? 'request') };
  };
};

function fromText(query: Record<string, unknown>, fields: Record<string, { type?: string }>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const type = Object.hasOwn(fields, name) ? fields[name]?.type : undefined;
      if (type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return [name, Number(value)];
      if (type === 'boolean' && (value === 'true' || value === 'false')) return [name, value === 'true'];
      return [name, value];
    }),
  );
}

interface SchemaFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function refusal(faults: readonly SchemaFault[], part: string): VigiliaError {
  const unknown = faults.find(({ keyword }) => keyword === 'additionalProperties');
  if (unknown !== undefined) {
    const name = (unknown.params as { additionalProperties?: readonly string[] }).additionalProperties?.[0] ?? '';
    return refused(joined(unknown.instancePath, name), `there is no such field in the ${PARTS[part] ?? part}`);
  }
  const missing = faults.find(({ keyword }) => keyword === 'required');
  if (missing !== undefined) {
    const name = (missing.params as { requiredProperties?: readonly string[] }).requiredProperties?.[0] ?? '';
    return refused(joined(missing.instancePath, name), 'is missing');
  }
  // Of a choice, the sum says more than the first of its faults.
  const fault = faults.find(({ keyword }) => keyword === 'anyOf') ?? faults[0];
  if (fault === undefined) return refused('', 'does not fit');
  const reasons =
    fault.keyword === 'anyOf' ? faults.filter(({ keyword }) => keyword !== 'anyOf').map(reasonOf) : [reasonOf(fault)];
  const reason = [...new Set(reasons)].join(', or ');
  return refused(joined(fault.instancePath, ''), reason, part);
}

function reasonOf({ keyword, message, params }: SchemaFault): string {
  const { type } = params as { type?: string };
  return keyword === 'type' && type !== undefined ? `must be ${TYPES[type] ?? type}` : message;
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'a JSON object',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
};
const PARTS: Readonly<Record<string, string>> = { body: 'body', querystring: 'query', params: 'path' };

function refused(field: string, reason: string, part = 'body'): VigiliaError {
  const shown = field.length > 64 ? `${field.slice(0, 64)}…` : field;
  if (shown === '') return new VigiliaError('INVALID_REQUEST', `The ${PARTS[part] ?? part} ${reason}.`);
  return new VigiliaError('INVALID_REQUEST', `${shown}: ${reason}.`, { field: shown });
}

/** A JSON pointer and a name under it as a dotted path. */
function joined(pointer: string, name: string): string {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return [...parts, name].filter((part) => part !== '').join('.');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
