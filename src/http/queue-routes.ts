import type { Static } from 'typebox';
import { causeChain } from '../errors.ts';
import type { HealthReport, JobCounts } from '../ports.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { keptAnswer } from './kept-answer.ts';
import { Type } from './typebox.ts';
import { NoQuery, nullable } from './view.ts';

/** How long the question whether the queue is healthy waits for the database, in ms. */
const HEALTH_MS = 2_000;
/** How long what was counted counts, in ms: it is asked for often, and counting reads all jobs. */
const KEPT_MS = 1_000;

const StatsSchema = Type.Object({
  waiting: Type.Integer({ description: 'Queued.' }),
  active: Type.Integer({ description: 'In processing.' }),
  completed: Type.Integer({ description: 'Ended well, and still kept.' }),
  failed: Type.Integer({ description: 'Dead letters.' }),
  delayed: Type.Integer({ description: 'Waiting for a time: another attempt, or the end of a flood wait.' }),
  paused: Type.Integer({ description: 'Waiting for their account.' }),
  total: Type.Integer({ description: 'The sum of the six.' }),
});
type Stats = Static<typeof StatsSchema>;

const HealthSchema = Type.Object({
  healthy: Type.Boolean({ description: 'Wake-ups get through, and somebody serves an account where a job waits for one.' }),
  stats: nullable(StatsSchema),
});

/** How many jobs there are, and whether they move. */
export function addQueueRoutes(app: App, { clock, log, store, health }: GatewayDeps, base: string): void {
  const counted = keptAnswer(clock, KEPT_MS, () => store.countJobs().then(statsOf));

  app.get(
    `${base}/queue/stats`,
    {
      config: { scope: 'read', summary: 'How many jobs there are, by state', errors: ['STORE_UNAVAILABLE'], notKept: true },
      schema: { querystring: NoQuery, response: { 200: StatsSchema } },
    },
    () => withinDeadline(clock, READ_MS, counted()),
  );

  app.get(
    `${base}/queue/health`,
    {
      config: { scope: 'read', summary: 'Whether jobs move: 200, or 503', notKept: true },
      schema: {
        querystring: NoQuery,
        response: { 200: HealthSchema, 503: HealthSchema },
      },
    },
    async (request, reply) => {
      try {
        const [counts, report] = await Promise.all([withinDeadline(clock, HEALTH_MS, counted()), health()]);
        const healthy = moves(counts, report);
        if (!healthy) reply.code(503).header('retry-after', '5');
        return { healthy, stats: counts };
      } catch (error) {
        log.debug({ requestId: request.id, causes: causeChain(error) }, 'the queue cannot be counted');
        return reply.code(503).header('retry-after', '5').send({ healthy: false, stats: null });
      }
    },
  );
}

function statsOf({ queued, processing, completed, failed, delayed, parked }: JobCounts): Stats {
  const counts = { waiting: queued, active: processing, completed, failed, delayed, paused: parked };
  return { ...counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0) };
}

/** Jobs move where their wake-ups get through, and somebody serves an account, or nobody has to. */
function moves({ waiting, paused }: Stats, { dependencies, accounts }: HealthReport): boolean {
  const isServed = accounts.some(({ state }) => state === 'authenticated');
  return dependencies.broker.state === 'up' && (isServed || waiting + paused === 0);
}
