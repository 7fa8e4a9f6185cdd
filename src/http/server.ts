import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import { guardAccess } from './access.ts';
import { addAccountRoutes } from './account-routes.ts';
import { addActRoutes } from './act-routes.ts';
import { answerOnce } from './answer-once.ts';
import { API_BASE } from './api-base.ts';
import type { App } from './app.ts';
import { addCallerRoute } from './caller-routes.ts';
import { Callers } from './callers.ts';
import { addChannelRoutes } from './channel-routes.ts';
import { compressAnswers } from './compression.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { allowOrigins } from './cors.ts';
import { addDeadLetterRoutes } from './dead-letter-routes.ts';
import { addDocsRoutes } from './docs/docs-routes.ts';
import { answerErrors, answerOnSocket, replyError } from './error-reply.ts';
import { addEventRoutes } from './event-routes.ts';
import { addFollowRoutes } from './follow-routes.ts';
import type { GatewayDeps, OpsDeps } from './gateway-deps.ts';
import { closeGracefully } from './graceful-close.ts';
import { addHealthRoutes } from './health-routes.ts';
import { addIndexRoute } from './index-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { lateJwtCheck } from './late-jwt-check.ts';
import { addMachineRoutes } from './machine-routes.ts';
import { addMetricsRoutes } from './metrics-routes.ts';
import { linkNextPages } from './next-link.ts';
import { addQueueRoutes } from './queue-routes.ts';
import { REQUEST_ID_HEADER, requestId } from './request-id.ts';
import { collectRoutes, type RouteRow, refuseOtherMethods } from './route-table.ts';
import { addSafeHeaders } from './safe-headers.ts';
import { schemaCompiler } from './schema-check.ts';
import { addSearchRoutes } from './search-routes.ts';
import { addStateRoutes } from './state-routes.ts';
import { refuseStrayBodies } from './stray-body.ts';
import { addSyncRoutes } from './sync-routes.ts';
import { addTransitionRoute } from './transition-routes.ts';

/** Largest body, in bytes. */
const BODY_LIMIT = 2 ** 20;

/**
 * The gateway's application: `app.listen({host, port})` starts it, `app.close()` lets the requests in hand finish, closes idle connections
 * and refuses new ones; `inject` asks it without a socket.
 */
export function buildGateway(deps: GatewayDeps): App {
  return buildApp(deps, (app, routes, callers) => {
    addConsoleRoutes(app, routes, deps.console);
    addSyncRoutes(app, deps, API_BASE);
    addJobRoutes(app, deps, API_BASE);
    addDeadLetterRoutes(app, deps, API_BASE);
    addQueueRoutes(app, deps, API_BASE);
    addChannelRoutes(app, deps, API_BASE);
    addFollowRoutes(app, deps, API_BASE);
    addSearchRoutes(app, deps, API_BASE);
    addEventRoutes(app, deps, callers, API_BASE);
    addAccountRoutes(app, deps, API_BASE);
  });
}

/** The worker's listener for its operators: health, metrics and state. */
export function buildOps(deps: OpsDeps): App {
  return buildApp(deps, addIndexRoute);
}

type AddRoutes = (app: App, routes: readonly RouteRow[], callers: Callers) => void;

function buildApp(deps: OpsDeps, addOwnRoutes: AddRoutes): App {
  const { log, access } = deps;
  const arrival = deps.arrival ?? { headersMs: 10_000, requestMs: 30_000, checkEveryMs: 5_000 };
  const app: App = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    genReqId: requestId,
    requestIdHeader: false,
    requestTimeout: arrival.requestMs,
    http: { headersTimeout: arrival.headersMs, connectionsCheckingInterval: arrival.checkEveryMs },
    // While it closes, what still arrives on an open connection is answered as ever, and the connection closed after it.
    return503OnClosing: false,
    trustProxy: access.trustedProxies.length > 0 && [...access.trustedProxies],
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    clientErrorHandler: answerOnSocket,
    frameworkErrors: (error, request, reply) => void replyError(error, request, reply, log),
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(schemaCompiler);
  // The views decide what is told; a second serializer by schema could only drop or bend it.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeContentTypeParser('text/plain');
  // Hooks with a callback: one that is a promise costs several times as much, with each request.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
  addSafeHeaders(app);
  const isClosing = closeGracefully(app);
  allowOrigins(app, access.corsOrigins);
  const jwt = access.jwt === null ? undefined : lateJwtCheck(access.jwt, deps);
  const callers = new Callers({ ...deps, ...access, jwt });
  guardAccess(app, { callers, ...access });
  answerErrors(app, log);
  linkNextPages(app);
  answerOnce(app);
  compressAnswers(app);
  app.addHook('onResponse', (request, reply, done) => {
    const fields = { requestId: request.id, method: request.method, route: request.routeOptions.url, status: reply.statusCode };
    log.debug({ ...fields, tookMs: Math.round(reply.elapsedTime) }, 'answered');
    done();
  });

  refuseStrayBodies(app);
  const routes = collectRoutes(app);
  app.decorate('routeTable', routes);
  addOwnRoutes(app, routes, callers);
  addHealthRoutes(app, deps, isClosing);
  addMetricsRoutes(app, deps);
  addStateRoutes(app, deps);
  addActRoutes(app, deps);
  addTransitionRoute(app, deps, callers);
  addCallerRoute(app);
  addMachineRoutes(app, deps);
  addDocsRoutes(app, routes, callers);
  refuseOtherMethods(app, routes);
  return app;
}
