import { hash } from 'node:crypto';
import type { App } from './app.ts';

/**
 * Answers to reads carry an `ETag`; who has them already is told so with 304 instead of getting them again (RFC 9110, 13.1.2). The tag is weak, since it
 * is the same however the answer is compressed. Everything else is not to be kept at all, nor what a route says is of this moment alone.
 */
export function answerOnce(app: App): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.routeOptions.config.notKept) reply.header('cache-control', 'no-store');
    const cacheControl = reply.getHeader('cache-control');
    const isRead = (request.method === 'GET' || request.method === 'HEAD') && reply.statusCode === 200;
    if (!isRead || !isWhole(payload) || /no-store/.test(String(cacheControl))) {
      if (cacheControl === undefined) reply.header('cache-control', 'no-store');
      return done(null, payload);
    }
    if (cacheControl === undefined) reply.header('cache-control', 'private, no-cache');
    const given = reply.getHeader('etag');
    const tag = typeof given === 'string' ? given : entityTag(payload);
    if (given === undefined) reply.header('etag', tag);
    // Fastify cannot answer HEAD with 304: it would name the length of nothing.
    if (request.method !== 'GET' || !isKnown(request.headers['if-none-match'], tag)) return done(null, payload);
    reply.code(304).removeHeader('content-type').removeHeader('content-length');
    done(null, null);
  });
}

function isWhole(payload: unknown): payload is string | Buffer {
  return typeof payload === 'string' || Buffer.isBuffer(payload);
}

/** @returns the tag of an answer, by its content; a route that knows it may set it itself */
export function entityTag(payload: string | Buffer): string {
  return `W/"${hash('sha1', payload, 'base64url')}"`;
}

function isKnown(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const opaque = (one: string): string => one.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((one) => opaque(one) === opaque(tag));
}
