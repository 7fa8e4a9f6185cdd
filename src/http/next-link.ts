import type { App } from './app.ts';

/** Says where the next page is in a header too (RFC 8288), whole: the same request, with what `next` has in place of the same parameters. */
export function linkNextPages(app: App): void {
  app.addHook('preSerialization', async (request, reply, payload: unknown) => {
    const next = (payload as { next?: unknown } | null | undefined)?.next;
    if (!['GET', 'HEAD'].includes(request.method) || typeof next !== 'object' || next === null) return payload;
    const [path = '', query] = request.url.split('?');
    const parameters = new URLSearchParams(query);
    for (const [name, value] of Object.entries(next)) parameters.set(name, String(value));
    reply.header('link', `<${path}?${parameters}>; rel="next"`);
    return payload;
  });
}
