import { VigiliaError } from '../errors.ts';
import type { Job } from '../ports.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { JobsQuerySchema, jobsQuery, pageOfJobs } from './job-query.ts';
import { JobEventSchema, JobSchema, jobEventView, jobView, ListedJobSchema, listedJobView } from './job-view.ts';
import { NEXT } from './next-link.ts';
import { nameSchema } from './patterned.ts';
import { Type } from './typebox.ts';
import { bodyIsOptional, NoBody, NoQuery, nullable } from './view.ts';

/** A job, as paths name it. */
export const JobPathSchema = Type.Object({ id: nameSchema('Its jobId.') }, { additionalProperties: false });

const HistoryQuery = Type.Object(
  {
    after: Type.Integer({ minimum: 0, default: 0, description: "The page before's next.after." }),
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 200, description: 'How many a page has.' }),
  },
  { additionalProperties: false },
);

/** A part of a job's history, in the order in which it happened. */
export const HistorySchema = Type.Object({
  events: Type.Array(JobEventSchema),
  next: nullable(Type.Object({ after: Type.Integer() }, { description: NEXT })),
});

/** Jobs: what became of a request, which ones there are, and what people do with them. */
export function addJobRoutes(app: App, deps: GatewayDeps, base: string): void {
  const { clock, store, desk, health } = deps;

  const found = async (id: string): Promise<Job> => {
    const job = await withinDeadline(clock, READ_MS, store.findJob(id));
    if (job === undefined) throw new VigiliaError('NOT_FOUND', `There is no job ${id}.`, { field: 'id' });
    return job;
  };

  app.get(
    `${base}/jobs`,
    {
      config: { scope: 'read', summary: 'Jobs, newest first', errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'] },
      schema: {
        querystring: JobsQuerySchema,
        response: {
          200: Type.Object({
            jobs: Type.Array(ListedJobSchema),
            next: nullable(Type.Object({ cursor: Type.String() }, { description: NEXT })),
          }),
        },
      },
    },
    async (request) => {
      const query = await jobsQuery(request.query, deps);
      const listed = await withinDeadline(clock, READ_MS, store.listJobs({ ...query, limit: query.limit + 1 }));
      const { jobs, next } = pageOfJobs(listed, query);
      const { accounts } = await health();
      return { jobs: jobs.map((job) => listedJobView(job, accounts)), next };
    },
  );

  app.get(
    `${base}/jobs/:id`,
    {
      config: { scope: 'read', summary: 'A job: its state, progress and result', errors: ['STORE_UNAVAILABLE'] },
      schema: { params: JobPathSchema, querystring: NoQuery, response: { 200: JobSchema } },
    },
    async (request) => jobView(await found(request.params.id), (await health()).accounts),
  );

  app.get(
    `${base}/jobs/:id/history`,
    {
      config: { scope: 'read', summary: 'All that happened to a job, in its order', errors: ['STORE_UNAVAILABLE'] },
      schema: { params: JobPathSchema, querystring: HistoryQuery, response: { 200: HistorySchema } },
    },
    async (request) => {
      const { id } = await found(request.params.id);
      return historyOf(deps, id, request.query);
    },
  );

  app.post(
    `${base}/jobs/:id/cancel`,
    {
      config: {
        scope: 'write',
        summary: 'Cancel a job: one that runs ends with its next commit (202), any other at once (200)',
        errors: ['JOB_ENDED', 'STORE_UNAVAILABLE'],
      },
      schema: { params: JobPathSchema, querystring: NoQuery, body: NoBody, response: { 200: JobSchema, 202: JobSchema } },
      preValidation: bodyIsOptional,
    },
    async (request, reply) => {
      const job = await withinDeadline(clock, READ_MS, desk.cancel(request.params.id));
      return reply.code(job.endedAt === null ? 202 : 200).send(jobView(job, (await health()).accounts));
    },
  );

  app.post(
    `${base}/jobs/:id/retry`,
    {
      config: {
        scope: 'write',
        summary: 'Have a failed or cancelled job done again, its history kept',
        errors: ['JOB_NOT_RETRIABLE', 'UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'],
      },
      schema: { params: JobPathSchema, querystring: NoQuery, body: NoBody, response: { 202: JobSchema } },
      preValidation: bodyIsOptional,
    },
    async (request, reply) => {
      const job = await withinDeadline(clock, READ_MS, desk.retry(request.params.id));
      return reply.code(202).send(jobView(job, (await health()).accounts));
    },
  );
}

/** @returns a part of a job's history, and what asks for the next one */
export async function historyOf(
  { clock, store }: Pick<GatewayDeps, 'clock' | 'store'>,
  id: string,
  { after, limit }: { readonly after: number; readonly limit: number },
) {
  const found = await withinDeadline(clock, READ_MS, store.jobEvents(id, { after, limit: limit + 1 }));
  const events = found.slice(0, limit);
  const last = events.at(-1);
  return { events: events.map(jobEventView), next: found.length > limit && last !== undefined ? { after: last.id } : null };
}
