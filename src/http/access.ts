import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback, SCOPES, type Scope, type Token } from '../config-values.ts';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';

/**
 * Lets a request in, or refuses it before its body is read.
 *
 * With tokens: `X-Gateway-Token`, or `Authorization: Bearer`, whose scope reaches the route's; public routes need none.
 * Without tokens, on loopback: everything is allowed, but `Host` and `Origin` have to be this machine's, so that neither another site's
 * page nor a rebound DNS name can ask. Without tokens, off loopback (the worker's listener only): public routes alone.
 * @param host where the application listens
 */
export function guardAccess(app: App, tokens: readonly Token[], host: string): void {
  const known = tokens.map(({ scope, token }) => ({ scope, hash: digest(token) }));
  const open = known.length === 0 && isLoopback(host);
  app.decorateRequest('scope', null);
  app.addHook('onRequest', async (request) => {
    if (open) {
      refuseOtherSites(request.headers);
      request.scope = 'admin';
      return;
    }
    const given = tokenOf(request.headers);
    request.scope = given === undefined ? null : scopeOf(given, known);
    const needed = request.routeOptions.config.scope ?? 'read';
    if (needed === 'public') return;
    if (request.scope === null)
      throw new VigiliaError('UNAUTHORIZED', 'A valid X-Gateway-Token or Authorization: Bearer is needed.');
    if (SCOPES.indexOf(request.scope) < SCOPES.indexOf(needed)) {
      throw new VigiliaError('FORBIDDEN', `This needs a token of scope ${needed}; yours is ${request.scope}.`);
    }
  });
}

/** True for localhost, 127.0.0.1 and [::1], with any port or none. */
function isOwnHost(value: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(value);
}

function refuseOtherSites({ host, origin }: IncomingHttpHeaders): void {
  if (host === undefined || !isOwnHost(host)) {
    throw new VigiliaError('HOST_NOT_ALLOWED', 'Without configured tokens the Host has to be localhost, 127.0.0.1 or [::1].');
  }
  if (origin !== undefined && !(/^https?:\/\//i.test(origin) && isOwnHost(origin.replace(/^https?:\/\//i, '')))) {
    throw new VigiliaError(
      'HOST_NOT_ALLOWED',
      'Without configured tokens no other site may ask: the Origin is not this machine.',
    );
  }
}

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-gateway-token'];
  if (typeof own === 'string') return own;
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Compares with every token, found or not: the time tells nothing but their number. */
function scopeOf(given: string, known: readonly { readonly scope: Scope; readonly hash: Buffer }[]): Scope | null {
  const hash = digest(given);
  let found: Scope | null = null;
  for (const token of known) if (timingSafeEqual(hash, token.hash)) found = token.scope;
  return found;
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
