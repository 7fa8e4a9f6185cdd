import type { App } from './app.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

const METHODS = 'GET, HEAD, POST, PUT, DELETE';
/** What our requests may carry, and what pages may read of our answers. */
const ASKED = 'authorization, content-type, idempotency-key, if-none-match, last-event-id, x-gateway-token, x-request-id';
const TOLD = [
  REQUEST_ID_HEADER,
  'etag',
  'idempotent-replayed',
  'link',
  'location',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
  'x-source',
].join(', ');
/** How long a browser remembers the answer to a preflight, in s. */
const REMEMBERED_S = 600;

/**
 * Lets the pages of other sites ask, where they are listed (https://fetch.spec.whatwg.org/#http-cors-protocol). No cookie is ever looked at, so
 * credentials are not allowed. Goes before the check of the token: a preflight has none.
 */
export function allowOrigins(app: App, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    reply.header('vary', 'Origin');
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header('access-control-allow-origin', origin).header('cross-origin-resource-policy', 'cross-origin');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      reply.header('access-control-expose-headers', TOLD);
      return;
    }
    reply
      .header('access-control-allow-methods', METHODS)
      .header('access-control-allow-headers', ASKED)
      .header('access-control-max-age', String(REMEMBERED_S));
    return reply.code(204).send();
  });
}
