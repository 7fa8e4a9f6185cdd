import { VigiliaError } from '../errors.ts';
import type { Act, ActQuery } from '../ports.ts';
import { ActBody, ActReportSchema, ActsQuerySchema, ActsSchema, actView, askerOf } from './act-view.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { LAST_SECOND, refused } from './moment.ts';
import { NoQuery } from './view.ts';

/** What people do to actors: restart, stop and start them, send them what they take. Each is written down, and here is the list. */
export function addActRoutes(app: App, { clock, store, acts }: Pick<OpsDeps, 'clock' | 'store' | 'acts'>): void {
  app.post(
    '/api/acts',
    {
      config: {
        scope: 'admin',
        summary: 'Restart, stop or resume an actor or a branch, or send it an event that it takes now',
        notes:
          'GET /api/state/<path> lists under acts what one may do with an actor as it is. 200: it is done. 202: it takes longer, or it is the ' +
          'listener itself, which is restarted once this answer is out; GET /api/acts has what comes of it.',
        errors: ['SUPERVISION_REFUSED', 'EVENT_NOT_TAKEN', 'ACT_EXPIRED', 'ACT_UNKNOWN', 'STORE_UNAVAILABLE'],
      },
      schema: { body: ActBody, querystring: NoQuery, response: { 200: ActReportSchema, 202: ActReportSchema } },
    },
    async (request, reply) => {
      const { act, event } = request.body;
      if ((act === 'send') !== (event !== undefined)) {
        const why = act === 'send' ? 'event: a send has to name its event.' : `event: only a send has one, and this is a ${act}.`;
        throw new VigiliaError('INVALID_REQUEST', why, { field: 'event' });
      }
      const report = await acts.perform(request.body, askerOf(request));
      const { begin } = report;
      // Where whoever asked has gone meanwhile, there is no answer to wait for.
      if (begin && reply.raw.destroyed) begin();
      else if (begin) reply.raw.once('close', begin);
      const view = { ...actView(report.act), audited: report.audited };
      return report.act.outcome === 'done' ? reply.code(200).send(view) : reply.code(202).send(view);
    },
  );

  app.get(
    '/api/acts',
    {
      config: {
        scope: 'admin',
        summary: 'What people did to actors and dead letters, the last one first',
        errors: ['STORE_UNAVAILABLE'],
      },
      schema: { querystring: ActsQuerySchema, response: { 200: ActsSchema } },
    },
    async (request) => {
      const query = queryOf(request.query);
      const found = await withinDeadline(clock, READ_MS, store.listActs({ ...query, limit: query.limit + 1 }));
      return { acts: found.slice(0, query.limit).map(actView), next: nextOf(found, query.limit) };
    },
  );
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const CURSOR = new RegExp(`^(\\d{1,15})\\.(${UUID})$`);

function queryOf(given: { actor?: string; process?: string; cursor?: string; limit: number }): ActQuery {
  const { cursor, ...query } = given;
  if (cursor === undefined) return query;
  const [, at, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined || Number(at) > LAST_SECOND * 1_000)
    throw refused('cursor', 'is not one that a page gave');
  return { ...query, after: { at: Number(at), id } };
}

function nextOf(found: readonly Act[], limit: number): { readonly cursor: string } | null {
  const last = found[limit - 1];
  if (found.length <= limit || last === undefined) return null;
  return { cursor: Buffer.from(`${last.at}.${last.id}`).toString('base64url') };
}
