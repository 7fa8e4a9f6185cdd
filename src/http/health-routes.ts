import { isLoopback } from '../config-values.ts';
import { causeChain, VigiliaError } from '../errors.ts';
import type { HealthReport } from '../ports.ts';
import type { App } from './app.ts';
import { withinDeadline } from './deadline.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { AliveSchema, HealthSchema } from './health-view.ts';
import { keptAnswer } from './kept-answer.ts';
import { NoQuery } from './view.ts';

/** How long the store has to write, and the rest of the program to report. */
const ANSWER_MS = 2_000;
/** How long a proof counts: probes come often, and each would be a write. */
const PROOF_KEPT_MS = 1_000;

/**
 * `/health/live`: the process runs. `/health/ready`: it can accept a job, which is a write. `/health`: what it can serve, with the evidence;
 * off loopback, without a token, its status alone.
 * @param isClosing whether the listener takes its leave: then it is not ready any more
 */
export function addHealthRoutes(app: App, { clock, log, host, store, health }: OpsDeps, isClosing: () => boolean): void {
  const exposed = !isLoopback(host);

  app.get(
    '/health/live',
    {
      config: { scope: 'public', summary: 'The process runs', notKept: true },
      schema: { querystring: NoQuery, response: { 200: AliveSchema } },
    },
    async () => ({ status: 'ok' as const }),
  );

  const proof = keptAnswer(clock, PROOF_KEPT_MS, () => store.proveWrite());

  app.get(
    '/health/ready',
    {
      config: { scope: 'public', summary: 'Jobs can be accepted', errors: ['STORE_UNAVAILABLE'], notKept: true },
      schema: { querystring: NoQuery, response: { 200: AliveSchema } },
    },
    async () => {
      if (isClosing()) throw new VigiliaError('STORE_UNAVAILABLE', 'the process is stopping');
      try {
        await withinDeadline(clock, ANSWER_MS, proof());
      } catch (error) {
        log.debug({ causes: causeChain(error) }, 'not ready');
        throw new VigiliaError('STORE_UNAVAILABLE', 'the store takes no writes', { cause: error, retryAfterMs: ANSWER_MS });
      }
      return { status: 'ok' as const };
    },
  );

  app.get(
    '/health',
    {
      config: {
        scope: 'public',
        knowsCaller: true,
        summary: 'What can be served now, with the evidence',
        errors: ['STORE_UNAVAILABLE'],
        notKept: true,
      },
      schema: { querystring: NoQuery, response: { 200: HealthSchema, 503: HealthSchema } },
    },
    async (request, reply) => {
      const report: HealthReport = await withinDeadline(clock, ANSWER_MS, Promise.resolve(health()));
      reply.code(report.status === 'down' ? 503 : 200);
      if (report.status === 'down') reply.header('retry-after', '5');
      return exposed && request.scope === null ? { status: report.status } : report;
    },
  );
}
