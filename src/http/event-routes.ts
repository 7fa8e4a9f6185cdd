import type { IncomingHttpHeaders } from 'node:http';
import { eventFilter, TOPIC_PATTERN } from '../actors/events/event-filter.ts';
import { parseChannelRef } from '../channel-ref.ts';
import { VigiliaError } from '../errors.ts';
import type { ChatId } from '../ports.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import { EventStreams } from './event-stream.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { Type } from './typebox.ts';

const MOST_STREAMS = 2_000;
/** Patterns of topics in one request. */
const MOST_TOPICS = 32;

const EventsQuery = Type.Object(
  {
    topics: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: `Patterns of topics with commas between them, at most ${MOST_TOPICS}: message.*,job.completed. Without them, all events.`,
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

/** What happens, pushed as it happens (Server-Sent Events). `docs/events.md` tells of each. */
export function addEventRoutes(app: App, deps: GatewayDeps, base: string): void {
  const { clock, log, events, reader } = deps;
  const streams = new EventStreams(events.hub, deps.mostStreams ?? MOST_STREAMS, clock, log);
  app.addHook('preClose', async () => streams.close());

  const channelOf = async (named: string): Promise<ChatId> => {
    const ref = parseChannelRef(named, 'channelId');
    if (ref.kind === 'id') return ref.chatId;
    const channel = await withinDeadline(clock, READ_MS, reader.channel(ref));
    if (channel) return channel.chatId;
    throw new VigiliaError('NOT_FOUND', 'This channel is not stored; ask for it with get-channels or sync-messages.', {
      field: 'channelId',
    });
  };

  app.get(
    `${base}/events`,
    {
      config: {
        scope: 'read',
        summary: 'What happens, as it happens: text/event-stream',
        errors: ['INVALID_CHANNEL', 'TOO_MANY_STREAMS', 'STORE_UNAVAILABLE'],
        streams: true,
      },
      schema: { querystring: EventsQuery },
    },
    async (request, reply) => {
      const { topics, channelId, lastEventId } = request.query;
      const wish = {
        topics: topicsOf(topics),
        channelId: channelId === undefined ? null : await channelOf(channelId),
      };
      reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no');
      if (request.method === 'HEAD') return reply.send();
      const giveBack = streams.reserve();
      const after = positionOf(request.headers) ?? lastEventId;
      const subscription = events.subscribe({ after, wants: eventFilter(wish) });
      let from: number | undefined;
      try {
        from = await withinDeadline(clock, READ_MS, subscription.begin());
      } catch (error) {
        subscription.close();
        giveBack();
        reply.removeHeader('content-type');
        throw error;
      }
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      void streams.serve(reply.raw, subscription, from).finally(giveBack);
      return reply;
    },
  );
}

function topicsOf(text: string | undefined): string[] {
  if (text === undefined) return [];
  const patterns = text.split(',').map((pattern) => pattern.trim());
  const wrong = patterns.find((pattern) => !new RegExp(TOPIC_PATTERN).test(pattern));
  if (wrong !== undefined || patterns.length > MOST_TOPICS) {
    const why = wrong === undefined ? `are more than ${MOST_TOPICS}` : `: ${JSON.stringify(wrong)} is no pattern of topics`;
    throw new VigiliaError('INVALID_REQUEST', `topics${why}.`, { field: 'topics' });
  }
  return patterns;
}

/** @returns the id that an EventSource sends when it comes back; NaN for one that is none of ours, undefined where there is none */
function positionOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers['last-event-id'];
  if (typeof given !== 'string' || given === '') return undefined;
  return /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
}
