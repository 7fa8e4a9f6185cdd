import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.ts';

/** What is said of `next` in answers. */
export const NEXT = 'What to ask next, in place of the same parameter; null when there are no more.';

/** Says where the next page is in a header too (RFC 8288), whole: the same request, with what `next` has in place of the same parameters. */
export function linkNextPages(app: App): void {
  app.addHook('preSerialization', (request, reply, payload: unknown, done) => {
    const next = (payload as { next?: unknown } | null | undefined)?.next;
    if (['GET', 'HEAD'].includes(request.method) && typeof next === 'object') linkNextPage(request, reply, next);
    done(null, payload);
  });
}

/** The same, for a route that writes its answer itself. @param next parameters of the next page; null where there is none */
export function linkNextPage(request: FastifyRequest, reply: FastifyReply, next: object | null): void {
  if (next === null) return;
  // At the first one only: what is searched for may have question marks itself.
  const at = request.url.indexOf('?');
  const path = at === -1 ? request.url : request.url.slice(0, at);
  const parameters = new URLSearchParams(at === -1 ? '' : request.url.slice(at));
  for (const [name, value] of Object.entries(next)) parameters.set(name, String(value));
  reply.header('link', `<${path}?${parameters}>; rel="next"`);
}
