import type { FastifySchemaCompiler } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { refusalOf } from './schema-faults.ts';
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
    return check.Check(value) ? { value } : { error: refusalOf(check.Errors(value), schema, httpPart ?? 'request') };
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
