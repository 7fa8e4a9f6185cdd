import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { ActorDetailSchema, ActorSchema } from './state-view.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

const ActorPath = Type.Object({ '*': Type.String({ minLength: 1, maxLength: 512 }) }, { additionalProperties: false });

/** The actor tree as it is, and any actor of it by its path, with what it did. */
export function addStateRoutes(app: App, { system }: Pick<OpsDeps, 'system'>): void {
  app.get(
    '/api/state',
    {
      config: { scope: 'read', summary: 'The tree of actors, as it is now' },
      schema: { querystring: NoQuery, response: { 200: ActorSchema } },
    },
    async (_request, reply) => reply.send(system.tree()),
  );

  app.get(
    '/api/state/*',
    {
      config: { scope: 'read', summary: 'One actor by its path, with its past, and those below it' },
      schema: { params: ActorPath, querystring: NoQuery, response: { 200: ActorDetailSchema } },
    },
    async (request, reply) => {
      const path = request.params['*'];
      const found = system.find(path);
      if (found === undefined) throw new VigiliaError('NOT_FOUND', 'There is no such actor; GET /api/state shows the tree.');
      return reply.send(found);
    },
  );
}
