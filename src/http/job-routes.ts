import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { JobSchema, jobView } from './job-view.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

const JobPath = Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }) }, { additionalProperties: false });

/** What became of a request. */
export function addJobRoutes(app: App, { clock, store, health }: GatewayDeps, base: string): void {
  app.get(
    `${base}/jobs/:id`,
    {
      config: { scope: 'read', summary: 'A job: its state, progress and result', errors: ['STORE_UNAVAILABLE'] },
      schema: { params: JobPath, querystring: NoQuery, response: { 200: JobSchema } },
    },
    async (request) => {
      const job = await withinDeadline(clock, READ_MS, store.findJob(request.params.id));
      if (job === undefined) throw new VigiliaError('NOT_FOUND', `There is no job ${request.params.id}.`, { field: 'id' });
      return jobView(job, (await health()).accounts);
    },
  );
}
