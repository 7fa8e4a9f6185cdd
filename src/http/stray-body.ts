import type { FastifyRequest } from 'fastify';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';

const WITH_BODIES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * A route that takes no body refuses one that says something: whoever sent it means something by it, and would believe that it was heard. An empty object,
 * which some clients send with everything, says nothing. To be called before there are routes.
 */
export function refuseStrayBodies(app: App): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.body !== undefined || ![route.method].flat().some((method) => WITH_BODIES.has(method))) return;
    route.preValidation = [...[route.preValidation ?? []].flat(), refuse];
  });
}

function refuse(request: FastifyRequest, _reply: unknown, done: (error?: VigiliaError) => void): void {
  const { body, routeOptions } = request;
  const saysNothing =
    body === undefined || body === null || (typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0);
  if (saysNothing || routeOptions.config.refusesMethod) {
    done();
    return;
  }
  const [field] = typeof body === 'object' ? Object.keys(body) : [];
  const advice = hasQuery(routeOptions.schema) ? ' What it takes stands in the query string.' : '';
  const where = field === undefined ? {} : { field: field.slice(0, 64) };
  done(new VigiliaError('INVALID_REQUEST', `This route takes no body.${advice}`, where));
}

function hasQuery(schema: FastifyRequest['routeOptions']['schema']): boolean {
  const { properties = {} } = (schema?.querystring ?? {}) as { readonly properties?: object };
  return Object.keys(properties).length > 0;
}
