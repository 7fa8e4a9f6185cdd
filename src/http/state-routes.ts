import { VigiliaError } from '../errors.ts';
import type { RemoteView } from '../ports.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { ProcessesSchema, ProcessQuery, processView } from './process-view.ts';
import { ActorDetailSchema, ActorSchema } from './state-view.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

/** What an actor's path looks like: nothing else is asked of another process, which would cost it a row. */
const PATH = /^root(\/[^/]{1,128}){0,16}$/;
const ActorPath = Type.Object({ '*': Type.String({ minLength: 1, maxLength: 512 }) }, { additionalProperties: false });
const ELSEWHERE = ['PROCESS_SILENT', 'STORE_UNAVAILABLE'] as const;

/** The processes of this database, the actor tree of each as it is, and any actor of it by its path, with what it did. */
export function addStateRoutes(app: App, { clock, system, processes }: Pick<OpsDeps, 'clock' | 'system' | 'processes'>): void {
  app.get(
    '/api/processes',
    {
      config: { scope: 'read', summary: 'The processes that share this database, and how each gets on' },
      schema: { querystring: NoQuery, response: { 200: ProcessesSchema } },
    },
    // The directory waits for the database itself, and tells what it knows when that is away: there is no 503 here.
    async () => ({ processes: (await processes.list()).map(processView) }),
  );

  app.get(
    '/api/state',
    {
      config: { scope: 'read', summary: 'The tree of actors, as it is now; of any process', errors: ELSEWHERE },
      schema: { querystring: ProcessQuery, response: { 200: ActorSchema } },
    },
    async (request, reply) => {
      const { process } = request.query;
      if (process === undefined) return reply.send(system.tree());
      if (processes.isSelf(process)) return reply.send({ ...system.tree(), process, seenAgoMs: 0, stale: false });
      return reply.send(found(process, await withinDeadline(clock, READ_MS, processes.tree(process))));
    },
  );

  app.get(
    '/api/state/*',
    {
      config: {
        scope: 'read',
        summary: 'One actor by its path, with its past, and those below it; of any process',
        errors: ELSEWHERE,
      },
      schema: { params: ActorPath, querystring: ProcessQuery, response: { 200: ActorDetailSchema } },
    },
    async (request, reply) => {
      const path = request.params['*'];
      const { process } = request.query;
      if (!PATH.test(path)) throw absent('GET /api/state');
      if (process !== undefined && !processes.isSelf(process))
        return reply.send(found(process, await withinDeadline(clock, READ_MS, processes.actor(process, path))));
      const actor = system.find(path);
      if (actor === undefined) throw absent('GET /api/state');
      return reply.send(process === undefined ? actor : { ...actor, process, seenAgoMs: 0, stale: false });
    },
  );
}

/** @returns what another process says, with how old that is */
function found<T>(process: string, { value, at, seenAgoMs, stale }: RemoteView<T>) {
  if (value === undefined) throw absent(`GET /api/state?process=${process}`);
  return { ...value, process, at, seenAgoMs, stale };
}

function absent(where: string): VigiliaError {
  return new VigiliaError('NOT_FOUND', `There is no such actor; ${where} shows the tree.`);
}
