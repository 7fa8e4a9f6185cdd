import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Scope } from '../config-values.ts';
import type { ErrorCode } from '../errors.ts';
import type { Caller } from './callers.ts';

/** The Fastify application whose handlers get their types from the routes' schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least scope whose token opens the route; `public` needs none. A route without one needs `read`. */
    scope?: Scope | 'public';
    /** Set on the public routes that tell those more who are known; the others do not look at a token at all. */
    knowsCaller?: true;
    /** What the route is for, in a few words. */
    summary?: string;
    /** What there is to know besides, in sentences. */
    notes?: string;
    /** What it may answer beside what every route may; see `COMMON_ERRORS`. */
    errors?: readonly ErrorCode[];
    /** Set on the routes whose answers go on until somebody ends them: how long they took says nothing. */
    streams?: true;
    /** Set on the routes whose clients go on in another protocol. */
    upgrades?: true;
    /** Set on the routes whose answers are of this moment alone: nobody keeps them, and they have no `ETag`. */
    notKept?: true;
    /** What a success has for a body. @default application/json */
    produces?: 'text/event-stream' | 'text/plain' | 'text/html';
    /** Request headers that it looks at, by name, and what they are for. */
    headers?: Readonly<Record<string, string>>;
    /** Set on the routes that refuse the other methods of a path. */
    refusesMethod?: true;
  }
  interface FastifyRequest {
    /** What the request's token allows; null without a valid one. Everything where no tokens are configured. */
    scope: Scope | null;
    /** Who asks; null without a valid token. */
    caller: Caller | null;
  }
}
