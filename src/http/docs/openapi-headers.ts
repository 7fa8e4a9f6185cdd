import type { JsonObject } from '../../ports.ts';

/** @returns headers of the document's own list, by their names */
export function named(...names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What is left of a token's requests; on a gateway without tokens they are left out, as of somebody who may ask without limit. */
export const RATE_HEADERS = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;

/** Headers of answers, by their names. */
export const HEADERS: JsonObject = {
  'X-Request-Id': {
    description: 'Under which the log knows the request: the one that was sent, where it is harmless.',
    schema: { type: 'string' },
  },
  ETag: { description: 'To be sent as If-None-Match.', schema: { type: 'string' } },
  'Retry-After': { description: 'In s.', schema: { type: 'integer' } },
  'RateLimit-Limit': { description: 'Requests that the token may make in a minute.', schema: { type: 'integer' } },
  'RateLimit-Remaining': { description: 'How many of them are left.', schema: { type: 'integer' } },
  'RateLimit-Reset': { description: 'When all of them are there again, in s.', schema: { type: 'integer' } },
  Location: { description: 'Where to ask what became of it.', schema: { type: 'string' } },
  'Idempotent-Replayed': {
    description: 'The request was sent before under its Idempotency-Key; this is the job that it made then.',
    schema: { type: 'string', const: 'true' },
  },
};
