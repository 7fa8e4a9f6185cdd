import type { FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { nameSchema } from './patterned.ts';
import { Type } from './typebox.ts';

/** @returns a schema that takes null too */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** @param ms since the Unix epoch @returns ISO 8601, UTC */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** @returns ISO 8601, or null for null */
export function isoTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}

/** An account's id, as requests name it. */
export const AccountIdSchema = nameSchema('Which Telegram account shall do it; without it one is chosen.');

/** An account whose view of what is stored is asked for. */
export const SeenBySchema = nameSchema(
  'Only what is of channels that this account has met; without it everything that is stored.',
);

/** A channel, as paths name it. */
export const ChannelPathSchema = Type.Object(
  {
    id: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Numeric id, username with or without @, or a t.me link (URL-encoded).',
    }),
  },
  { additionalProperties: false },
);

/** The query of a route that takes none. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

/** The body of a route that needs none. */
export const NoBody = Type.Object({}, { additionalProperties: false });

/** What 204 has for a body. */
export const NothingSchema = Type.Null();

/** Goes before the check of a body all of whose fields are optional: then the body is too. */
export async function bodyIsOptional(request: FastifyRequest): Promise<void> {
  if (request.headers['content-type'] === undefined) request.body ??= {};
}
