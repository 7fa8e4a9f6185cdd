import Type from 'typebox';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { NoQuery } from './view.ts';

const ActorPath = Type.Object({ '*': Type.String({ minLength: 1, maxLength: 512 }) }, { additionalProperties: false });

/** The actor tree as it is, and any actor of it by its path. */
export function addStateRoutes(app: App, { system }: Pick<OpsDeps, 'system'>): void {
  app.get(
    '/api/state',
    { config: { scope: 'read', summary: 'The tree of actors, as it is now' }, schema: { querystring: NoQuery } },
    async (_request, reply) => reply.header('cache-control', 'no-store').send(system.tree()),
  );

  app.get(
    '/api/state/*',
    {
      config: { scope: 'read', summary: 'One actor and those below it, by its path' },
      schema: { params: ActorPath, querystring: NoQuery },
    },
    async (request, reply) => {
      const path = request.params['*'];
      const found = system.find(path);
      if (found === undefined) throw new VigiliaError('NOT_FOUND', 'There is no such actor; GET /api/state shows the tree.');
      return reply.header('cache-control', 'no-store').send(found);
    },
  );
}
