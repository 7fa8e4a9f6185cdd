import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocketServer } from 'ws';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import type { Callers } from './callers.ts';
import { EventSocket } from './event-socket.ts';
import type { EventStreams } from './event-stream.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { routeUpgrades } from './upgrades.ts';
import { NoQuery } from './view.ts';

/** The largest message that is read, in bytes: whoever says more is cut off. */
const LARGEST_MESSAGE = 16 * 1024;
/** Sockets at a time whose client has not said yet who it is. */
const MOST_STRANGERS = 200;
/** How long a client may take to answer the end of a socket, in ms. */
const LINGER_MS = 2_000;

/** `…/ws`: the same events over WebSocket (RFC 6455), for those who cannot read `text/event-stream` with a header. */
export function addSocketRoute(
  app: App,
  deps: GatewayDeps,
  { callers, streams }: { readonly callers: Callers; readonly streams: EventStreams },
  base: string,
): void {
  const { clock, access } = deps;
  const upgradeOf = routeUpgrades(app, clock);
  const sockets = new Set<EventSocket>();
  let strangers = 0;
  let closing = false;
  let server: Promise<WebSocketServer> | undefined;
  const loadServer = async (): Promise<WebSocketServer> => {
    const { WebSocketServer: Server } = await import('ws');
    return new Server({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: LARGEST_MESSAGE });
  };
  app.addHook('preClose', async () => {
    closing = true;
    const open = [...sockets];
    for (const socket of open) socket.close();
    const late = clock.setTimeout(() => {
      for (const socket of open) socket.destroy();
    }, LINGER_MS);
    await Promise.all(open.map(({ gone }) => gone));
    clock.clearTimeout(late);
  });

  app.get(
    `${base}/ws`,
    {
      config: {
        // Who it is, is said in the first message: a browser can send no header along.
        scope: 'public',
        knowsCaller: true,
        summary: 'What happens, as it happens, over WebSocket; the first message says who listens',
        notes:
          'Say `{"type":"subscribe","token":"…","topics":["message.*"],"channelId":"…","lastEventId":41}` within 5 s; all but `type` may be left out where no token is needed. ' +
          'Each event is one message: what stands behind `data:` in the stream of `…/events`. Saying `subscribe` again takes the place of the one before. ' +
          'The gateway says `welcome`, `subscribed`, `heartbeat`, `closed` and `error` besides. Close codes: 1001 it stops, 1013 come back, 4000 and the HTTP status for what is wrong.',
        errors: ['UPGRADE_REQUIRED', 'TOO_MANY_STREAMS'],
        streams: true,
        upgrades: true,
      },
      schema: { querystring: NoQuery },
    },
    async (request, reply) => {
      if (!callers.local) refuseForeignPage(request.headers, access.corsOrigins);
      const upgrade = upgradeOf(request.raw);
      if (upgrade === undefined || request.headers.upgrade?.toLowerCase() !== 'websocket') {
        reply.header('upgrade', 'websocket');
        throw new VigiliaError('UPGRADE_REQUIRED', 'This path speaks WebSocket; without it, events are at …/events.');
      }
      if (strangers >= MOST_STRANGERS)
        throw new VigiliaError('TOO_MANY_STREAMS', 'too many sockets have not said yet who they are', { retryAfterMs: 5_000 });
      server ??= loadServer();
      const webSockets = await server;
      // The listener still takes connections while the open sockets go, and would wait for one more for ever. Nothing may be awaited from here on.
      if (closing) throw new VigiliaError('TOO_MANY_STREAMS', 'the gateway is stopping', { retryAfterMs: LINGER_MS });
      reply.hijack();
      upgrade.take();
      const { caller, ip } = request;
      webSockets.handleUpgrade(request.raw, upgrade.socket, upgrade.head, (webSocket) => {
        strangers += 1;
        const socket = new EventSocket(webSocket, upgrade.socket, { ...deps, callers, streams, caller, address: ip });
        sockets.add(socket);
        void socket.greeted.then(() => {
          strangers -= 1;
        });
        void socket.gone.then(() => sockets.delete(socket));
      });
      return reply;
    },
  );
}

/** A page may only listen where it came from, or where it is listed: no other check of a browser stops a WebSocket. @throws HOST_NOT_ALLOWED */
function refuseForeignPage({ host, origin }: IncomingHttpHeaders, listed: readonly string[]): void {
  if (origin === undefined || listed.includes(origin)) return;
  if (URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase()) return;
  throw new VigiliaError('HOST_NOT_ALLOWED', 'The Origin is another site, and CORS_ORIGINS does not list it.');
}
