import type { Static } from 'typebox';
import { VigiliaError } from '../errors.ts';
import type { DeadLetterCount, Job, JobFilter, JsonObject } from '../ports.ts';
import { askerOf } from './act-view.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { DeadLetterFilterSchema, DeadLettersQuerySchema, deadLetterFilter, deadLettersQuery, pageOfJobs } from './job-query.ts';
import { HistorySchema, historyOf, JobPathSchema } from './job-routes.ts';
import { JobSchema, jobView, ListedJobSchema, listedJobView } from './job-view.ts';
import { NEXT } from './next-link.ts';
import { Type } from './typebox.ts';
import { bodyIsOptional, NoBody, NoQuery, NothingSchema, nullable } from './view.ts';

/** Lines of its history that a dead letter shows itself. */
const LINES_SHOWN = 1_000;

/** Where a dead letter comes from. Only jobs are kept here: a foreign message that never became one is in the broker's dead-letter queue. */
const KIND = { kind: Type.Literal('job', { description: 'What has failed; only jobs are kept here.' }) };
const ListedSchema = Type.Object({ ...KIND, ...ListedJobSchema.properties });
const WholeSchema = Type.Object({ ...KIND, ...JobSchema.properties, history: HistorySchema });

const Many = {
  filter: Type.Optional(DeadLetterFilterSchema),
  all: Type.Boolean({ default: false, description: 'Without a filter it has to be said that all are meant.' }),
  limit: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 100,
    description: 'How many at most; ask again while any are left.',
  }),
};
const ManySchema = Type.Object(Many, { additionalProperties: false });

const left = nullable(
  Type.Integer({ description: 'How many more fit, counted up to 10,000; null where they could not be counted.' }),
);

/** Dead letters: jobs that failed for good. Search them, have them done again, or delete them. */
export function addDeadLetterRoutes(app: App, deps: GatewayDeps, base: string): void {
  const { clock, store, desk, health, acts } = deps;
  const route = `${base}/dead-letters`;

  const dead = async (id: string): Promise<Job> => {
    const job = await withinDeadline(clock, READ_MS, store.findJob(id));
    if (job?.status === 'failed') return job;
    throw new VigiliaError('NOT_FOUND', `There is no dead letter ${id}.`, { field: 'id' });
  };

  // Whoever asks waits no longer than this; the work goes on, and what came of it is written down when it has ended.
  const witnessed = <T>(
    act: 'purge' | 'replay',
    what: JsonObject,
    request: Parameters<typeof askerOf>[0],
    work: () => Promise<T>,
    detail: (result: T) => JsonObject,
  ): Promise<T> => withinDeadline(clock, READ_MS, acts.witness(act, what, askerOf(request), work, detail));

  const meant = async ({ filter, all }: Static<typeof ManySchema>): Promise<JobFilter> => {
    const given = Object.keys(filter ?? {}).length > 0;
    if (given === all) {
      const reason = given ? 'cannot be true beside a filter' : 'has to be true where no filter says which are meant';
      throw new VigiliaError('INVALID_REQUEST', `all: ${reason}.`, { field: 'all' });
    }
    return deadLetterFilter(filter ?? {}, deps);
  };

  app.get(
    route,
    {
      config: { scope: 'read', summary: 'Dead letters, the last one first', errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'] },
      schema: {
        querystring: DeadLettersQuerySchema,
        response: {
          200: Type.Object({
            deadLetters: Type.Array(ListedSchema),
            next: nullable(Type.Object({ cursor: Type.String() }, { description: NEXT })),
          }),
        },
      },
    },
    async (request) => {
      const query = await deadLettersQuery(request.query, deps);
      const listed = await withinDeadline(clock, READ_MS, store.listJobs({ ...query, limit: query.limit + 1 }));
      const { jobs, next } = pageOfJobs(listed, query);
      const { accounts } = await health();
      return { deadLetters: jobs.map((job) => ({ kind: 'job' as const, ...listedJobView(job, accounts) })), next };
    },
  );

  app.get(
    `${route}/:id`,
    {
      config: { scope: 'read', summary: 'A dead letter with its whole history', errors: ['STORE_UNAVAILABLE'] },
      schema: { params: JobPathSchema, querystring: NoQuery, response: { 200: WholeSchema } },
    },
    async (request) => {
      const job = await dead(request.params.id);
      const history = await historyOf(deps, job.id, { after: 0, limit: LINES_SHOWN });
      return { kind: 'job' as const, ...jobView(job, (await health()).accounts), history };
    },
  );

  app.post(
    `${route}/:id/replay`,
    {
      config: {
        scope: 'write',
        summary: 'Have a dead letter done again, its history kept',
        errors: ['JOB_NOT_RETRIABLE', 'UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'],
      },
      schema: { params: JobPathSchema, querystring: NoQuery, body: NoBody, response: { 202: JobSchema } },
      preValidation: bodyIsOptional,
    },
    async (request, reply) => {
      const letter = await dead(request.params.id);
      const { id } = letter;
      const job = await witnessed(
        'replay',
        theOne(letter),
        request,
        () => desk.retry(id),
        () => ({ done: 1 }),
      );
      return reply.code(202).send(jobView(job, (await health()).accounts));
    },
  );

  app.post(
    `${route}/replay`,
    {
      config: {
        scope: 'write',
        summary: 'Have those that fit done again, the oldest first',
        errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'],
      },
      schema: {
        body: ManySchema,
        querystring: NoQuery,
        response: { 202: Type.Object({ replayed: Type.Integer({ description: 'How many are done again.' }), left }) },
      },
    },
    async (request, reply) => {
      const filter = await meant(request.body);
      const work = () => desk.replay(filter, request.body.limit);
      const { done, left } = await witnessed('replay', asked(filter), request, work, counted);
      return reply.code(202).send({ replayed: done, left });
    },
  );

  app.post(
    `${route}/purge`,
    {
      config: {
        scope: 'admin',
        summary: 'Delete those that fit with their history, the oldest first',
        errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'],
      },
      schema: {
        body: ManySchema,
        querystring: NoQuery,
        response: { 200: Type.Object({ purged: Type.Integer({ description: 'How many were deleted.' }), left }) },
      },
    },
    async (request) => {
      const filter = await meant(request.body);
      const work = () => desk.purge(filter, request.body.limit);
      // What was deleted has no history any more: the list of acts keeps who deleted what.
      const { done, left } = await witnessed('purge', asked(filter), request, work, counted);
      return { purged: done, left };
    },
  );

  app.delete(
    `${route}/:id`,
    {
      config: { scope: 'admin', summary: 'Delete a dead letter with its history', errors: ['ANSWER_OWED', 'STORE_UNAVAILABLE'] },
      schema: { params: JobPathSchema, querystring: NoQuery, response: { 204: NothingSchema } },
    },
    async (request, reply) => {
      const letter = await dead(request.params.id);
      const { id } = letter;
      const work = async () => {
        const counts = await desk.purge({ id }, 1);
        if (counts.done > 0) return counts;
        await dead(id);
        throw new VigiliaError('ANSWER_OWED', `Who asked for ${id} over RabbitMQ was not answered yet.`, { field: 'id' });
      };
      await witnessed('purge', theOne(letter), request, work, counted);
      return reply.code(204).send(null);
    },
  );
}

/** What is written down of which dead letters were meant. */
function asked(filter: JobFilter): JsonObject {
  return { filter: filter as JsonObject };
}

/** The same of a single one: after a purge nothing else tells of it. */
function theOne({ id, action, accountId, error }: Job): JsonObject {
  return { filter: { id }, action, account: accountId, error: error?.code ?? null };
}

/** What is written down of what was done to them. */
function counted({ done, left }: DeadLetterCount): JsonObject {
  return { done, left };
}
