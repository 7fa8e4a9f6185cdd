import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { Scope } from '../config-values.ts';
import { type ErrorCode, VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import { bodyIsOptional } from './view.ts';

/** A route as its table has it. */
export interface RouteRow {
  readonly method: string;
  /** Fastify's template, e.g. `/api/telegram-gateway/jobs/:id`. */
  readonly path: string;
  readonly scope: Scope | 'public';
  readonly summary: string;
  /** What it may answer beside {@link COMMON_ERRORS}. */
  readonly errors: readonly ErrorCode[];
  /** What its requests and answers look like, as it was given to Fastify. */
  readonly schema: FastifySchema;
  readonly config: FastifyContextConfig;
  /** Whether a request without a body is as good as one with an empty object. */
  readonly bodyIsOptional: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** What the application answers to. */
    readonly routeTable: readonly RouteRow[];
  }
}

/** What any route may answer. */
export const COMMON_ERRORS = [
  'INVALID_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'HOST_NOT_ALLOWED',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'HEADERS_TOO_LARGE',
  'INVALID_JSON',
  'RATE_LIMITED',
  'INTERNAL',
  'AUTH_KEYS_UNAVAILABLE',
] as const satisfies readonly ErrorCode[];

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];

/** Notes every route that is added from now on. @returns the growing table, in the order of adding */
export function collectRoutes(app: App): readonly RouteRow[] {
  const rows: RouteRow[] = [];
  app.addHook('onRoute', ({ method, url, config, schema, preValidation }) => {
    if (config?.refusesMethod === true) return;
    for (const one of [method].flat()) {
      // Fastify adds a HEAD route to each GET route by itself.
      if (one === 'HEAD') continue;
      rows.push({
        method: one,
        path: url,
        scope: config?.scope ?? 'read',
        summary: config?.summary ?? '',
        errors: config?.errors ?? [],
        schema: schema ?? {},
        config: config ?? {},
        bodyIsOptional: preValidation === bodyIsOptional,
      });
    }
  });
  return rows;
}

/** Answers the other methods of each path in the table with 405 and `Allow`; Fastify would say 404. */
export function refuseOtherMethods(app: App, rows: readonly RouteRow[]): void {
  for (const path of new Set(rows.map((row) => row.path))) {
    const same = rows.filter((row) => row.path === path);
    const known = same.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const allow = known.join(', ');
    const scope = same[0]?.scope ?? 'read';
    const refuse = async (method: string): Promise<never> => {
      throw new VigiliaError('METHOD_NOT_ALLOWED', `${method} is not for this path; it knows ${allow}.`);
    };
    app.route({
      method: METHODS.filter((method) => !known.includes(method)),
      url: path,
      config: { scope, refusesMethod: true },
      // In the first hook, so that no body is read.
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        await refuse(request.method);
      },
      handler: (request) => refuse(request.method),
    });
  }
}
