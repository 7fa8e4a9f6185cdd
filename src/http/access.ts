import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SCOPES } from '../config-values.ts';
import { VigiliaError } from '../errors.ts';
import type { AllowanceAnswer } from '../ports.ts';
import type { App } from './app.ts';
import type { Caller, Callers } from './callers.ts';

export interface AccessDeps {
  readonly callers: Callers;
  /** Origins of other sites whose pages may ask. */
  readonly corsOrigins: readonly string[];
  /** Requests of one token in a minute; 0: without limit. */
  readonly rateLimit: number;
}

/**
 * Lets a request in, or refuses it before its body is read.
 *
 * With tokens: `X-Gateway-Token`, or `Authorization: Bearer`, whose scope reaches the route's; public routes need none.
 * Without tokens, on loopback: everything is allowed, but `Host` and `Origin` have to be this machine's, so that neither another site's
 * page nor a rebound DNS name can ask. Without tokens, off loopback (the worker's listener only): public routes alone.
 */
export function guardAccess(app: App, { callers, corsOrigins, rateLimit }: AccessDeps): void {
  app.decorateRequest('scope', null);
  app.decorateRequest('caller', null);
  // No promise where none is needed: with `AsyncLocalStorage` in use, each one is dear, and these would be with every request.
  app.addHook('onRequest', (request, reply, done) => {
    const { local } = callers;
    if (local) {
      const refusal = otherSite(request.headers, corsOrigins);
      if (refusal === undefined) {
        request.caller = local;
        request.scope = local.scope;
      }
      done(refusal);
      return;
    }
    const given = isLookedAt(request) ? tokenOf(request.headers) : undefined;
    const caller = given === undefined ? null : callers.recognize(given, request.ip);
    try {
      const admitted = caller === undefined ? identify(request, reply, given ?? '') : admit(request, reply, caller);
      if (admitted === undefined) done();
      else admitted.then(() => done(), done);
    } catch (error) {
      done(error as Error);
    }
  });

  async function identify(request: FastifyRequest, reply: FastifyReply, given: string): Promise<void> {
    await admit(request, reply, await knownAs(given, request.ip, scopeOf(request) === 'public'));
  }

  /** @returns a promise where its requests are counted */
  function admit(request: FastifyRequest, reply: FastifyReply, caller: Caller | null): Promise<void> | undefined {
    const needed = scopeOf(request);
    request.caller = caller;
    request.scope = caller?.scope ?? null;
    if (needed === 'public') return undefined;
    if (caller === null) throw new VigiliaError('UNAUTHORIZED', 'A valid X-Gateway-Token or Authorization: Bearer is needed.');
    const spending = callers.spend(caller);
    if (spending !== undefined) return spend(reply, caller, needed, spending);
    requireScope(caller, needed);
    return undefined;
  }

  async function spend(
    reply: FastifyReply,
    caller: Caller,
    needed: Caller['scope'],
    spending: Promise<AllowanceAnswer>,
  ): Promise<void> {
    const spent = await spending;
    reply
      .header('ratelimit-limit', String(rateLimit))
      .header('ratelimit-remaining', String(spent.remaining))
      .header('ratelimit-reset', String(Math.ceil(spent.fullAfterMs / 1000)));
    requireGranted(spent);
    requireScope(caller, needed);
  }

  /** A public route does not care who asks, nor whether that can be known. */
  async function knownAs(given: string, address: string, isPublic: boolean): Promise<Caller | null> {
    try {
      return await callers.identify(given, address);
    } catch (error) {
      if (isPublic) return null;
      throw error;
    }
  }
}

/** Whether it matters who asks. */
function isLookedAt({ routeOptions: { config } }: FastifyRequest): boolean {
  return config.scope !== 'public' || config.knowsCaller === true;
}

function scopeOf(request: FastifyRequest): Caller['scope'] | 'public' {
  return request.routeOptions.config.scope ?? 'read';
}

/** @returns who asks, on a route that lets nobody in who is not known @throws UNAUTHORIZED */
export function callerOf({ caller }: Pick<FastifyRequest, 'caller'>): Caller {
  if (caller === null) throw new VigiliaError('UNAUTHORIZED', 'Nobody is known to ask.');
  return caller;
}

/** @throws RATE_LIMITED */
export function requireGranted({ granted, retryAfterMs }: AllowanceAnswer): void {
  if (!granted) throw new VigiliaError('RATE_LIMITED', 'The token has used up its requests of this minute.', { retryAfterMs });
}

/** @throws FORBIDDEN */
export function requireScope(caller: Caller, needed: Caller['scope']): void {
  if (SCOPES.indexOf(caller.scope) >= SCOPES.indexOf(needed)) return;
  throw new VigiliaError('FORBIDDEN', `This needs a token of scope ${needed}; yours is ${caller.scope}.`);
}

/** True for localhost, 127.0.0.1 and [::1], with any port or none. */
function isOwnHost(value: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(value);
}

/** @returns why a request may come from a page of another site, or was brought here by a rebound name */
function otherSite({ host, origin }: IncomingHttpHeaders, corsOrigins: readonly string[]): VigiliaError | undefined {
  if (host === undefined || !isOwnHost(host)) {
    return new VigiliaError('HOST_NOT_ALLOWED', 'Without configured tokens the Host has to be localhost, 127.0.0.1 or [::1].');
  }
  if (origin === undefined || corsOrigins.includes(origin)) return undefined;
  if (/^https?:\/\//i.test(origin) && isOwnHost(origin.replace(/^https?:\/\//i, ''))) return undefined;
  return new VigiliaError('HOST_NOT_ALLOWED', 'Without configured tokens no other site may ask: the Origin is not this machine.');
}

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-gateway-token'];
  if (typeof own === 'string') return own;
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}
