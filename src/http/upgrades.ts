import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { App } from './app.ts';

/** How long a client that was answered may take to go, in ms. */
const LINGER_MS = 2_000;

/** A connection whose client wants to speak another protocol from here on. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What came after the request already. */
  readonly head: Buffer;
  /** Takes the connection out of HTTP: from then on it belongs to whoever asks, and so does its end. */
  take(): void;
}

/**
 * Has requests for an upgrade go the way of all others, with all hooks, checks and errors; a handler that wants to may then take the connection.
 * Whoever does not, answers as ever, and the connection is closed after it.
 * @returns what is known of a request's upgrade; undefined for one that asks for none
 */
export function routeUpgrades(app: App, clock: Clock): (request: IncomingMessage) => Upgrade | undefined {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();
  app.server.on('upgrade', (request, socket, head) => {
    // Node has let go of the socket: whatever happens to it is ours to notice.
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Parameters<typeof response.assignSocket>[0]);
    const end = (): void => {
      socket.end();
      // Nothing of Node's looks after it any more, and a listener that closes waits for it.
      const late = clock.setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => clock.clearTimeout(late));
    };
    response.once('finish', end);
    upgrades.set(request, {
      socket,
      head,
      take() {
        response.off('finish', end);
        response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
        // As far as HTTP goes, this was all.
        response.emit('close');
      },
    });
    app.routing(request, response);
  });
  return (request) => upgrades.get(request);
}
