import type { IncomingHttpHeaders } from 'node:http';
import type { CutReason } from '../ports.ts';
import { callerOf } from './access.ts';
import type { App } from './app.ts';
import type { Callers } from './callers.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import { EventStreams } from './event-stream.ts';
import { MOST_TOPICS, readWish } from './event-wish.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { addSocketRoute } from './socket-route.ts';
import { sseHeaders, sseReply } from './sse-wire.ts';
import { Type } from './typebox.ts';

const MOST_STREAMS = 2_000;

const EventsQuery = Type.Object(
  {
    topics: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: `Patterns of topics with commas between them, at most ${MOST_TOPICS}: message.*,job.completed. Without them, all events.`,
        examples: ['message.*'],
      }),
    ),
    channelId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'Only what is about this channel: id, username or t.me link.' }),
    ),
    lastEventId: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Goes on after this event, where the header Last-Event-ID cannot be set; 0 for all.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What happens, pushed as it happens, as Server-Sent Events and over WebSocket. `docs/events.md` tells of each. */
export function addEventRoutes(app: App, deps: GatewayDeps, callers: Callers, base: string): void {
  const { clock, log, events } = deps;
  const onCut = (reason: CutReason): void => events.hub.noteCutOff(reason);
  const streams = new EventStreams({ onCut, callers, clock, log, most: deps.mostStreams ?? MOST_STREAMS });
  app.addHook('preClose', async () => streams.close());

  app.get(
    `${base}/events`,
    {
      config: {
        scope: 'read',
        summary: 'What happens, as it happens: text/event-stream',
        errors: ['INVALID_CHANNEL', 'TOO_MANY_STREAMS', 'STORE_UNAVAILABLE'],
        streams: true,
        produces: 'text/event-stream',
        headers: { 'Last-Event-ID': 'Goes on after this event; an EventSource sends it by itself when it comes back.' },
      },
      schema: { querystring: EventsQuery },
    },
    async (request, reply) => {
      const { topics, channelId, lastEventId } = request.query;
      const caller = callerOf(request);
      const patterns = topics === undefined ? [] : topics.split(',').map((pattern) => pattern.trim());
      const wants = await readWish(deps, patterns, channelId);
      sseHeaders(reply);
      if (request.method === 'HEAD') return reply.send();
      const giveBack = streams.reserve();
      const after = positionOf(request.headers) ?? lastEventId;
      const subscription = events.subscribe({ after, wants });
      let from: number | undefined;
      try {
        from = await withinDeadline(clock, READ_MS, subscription.begin());
      } catch (error) {
        subscription.close();
        giveBack();
        reply.removeHeader('content-type');
        throw error;
      }
      void streams.serve(sseReply(reply), subscription, from, caller).finally(giveBack);
      return reply;
    },
  );

  addSocketRoute(app, deps, { callers, streams }, base);
}

/** @returns the id that an EventSource sends when it comes back; NaN for one that is none of ours, undefined where there is none */
function positionOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers['last-event-id'];
  if (typeof given !== 'string' || given === '') return undefined;
  return /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
}
