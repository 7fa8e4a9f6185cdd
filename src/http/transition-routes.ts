import { TransitionSubscription } from '../actors/transition-subscription.ts';
import { callerOf } from './access.ts';
import type { App } from './app.ts';
import type { Callers } from './callers.ts';
import { EventStreams } from './event-stream.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { actorPathSchema } from './patterned.ts';
import { sseHeaders, sseReply } from './sse-wire.ts';
import { Type } from './typebox.ts';

/** Streams of transitions at a time: they are for people who look, and each makes actors tell what they do. */
const MOST_STREAMS = 10;

const TransitionsQuery = Type.Object(
  {
    actor: Type.Optional(
      actorPathSchema(
        'Of this actor, and of those below it; one that is not there yet is told of once it is. Without it, of all.',
        'root/accounts/main',
      ),
    ),
  },
  { additionalProperties: false },
);

/** What the actors of this process do, as they do it. While nobody listens, it costs nothing. */
export function addTransitionRoute(
  app: App,
  { clock, log, transitions }: Pick<OpsDeps, 'clock' | 'log' | 'transitions'>,
  callers: Callers,
): void {
  const onCut = (reason: string): void => log.debug({ reason }, 'a stream of transitions was cut off');
  const streams = new EventStreams({ onCut, callers, clock, log, most: MOST_STREAMS });
  app.addHook('preClose', async () => streams.close());

  app.get(
    '/api/transitions',
    {
      config: {
        scope: 'read',
        summary: 'What actors do, as they do it: text/event-stream',
        notes:
          'event: transition has the fields of the transitions of GET /api/state/<path>, and the path. At most 20 a second of an actor and 500 of all ' +
          'are told, and what is read too slowly is left out; event: omitted says how many of which. Nothing is kept: there is no going on after an event.',
        errors: ['TOO_MANY_STREAMS'],
        streams: true,
        produces: 'text/event-stream',
      },
      schema: { querystring: TransitionsQuery },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      sseHeaders(reply);
      if (request.method === 'HEAD') return reply.send();
      const giveBack = streams.reserve();
      const subscription = new TransitionSubscription(transitions, clock, request.query.actor);
      void streams.serve(sseReply(reply), subscription, undefined, caller).finally(giveBack);
      return reply;
    },
  );
}
