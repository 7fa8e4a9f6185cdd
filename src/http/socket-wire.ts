import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { dataOfFrames, EVENT_VERSION } from '../actors/events/told-event.ts';
import type { JsonObject } from '../ports.ts';
import { type EventWire, RETRY_MS } from './event-wire.ts';

/** Codes of https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 and, from 4000 on, 4000 and the HTTP status. */
export const CLOSE = { goingAway: 1001, internal: 1011, tryAgain: 1013 } as const;

const CLOSE_CODES = {
  slow: CLOSE.tryAgain,
  'store-unavailable': CLOSE.tryAgain,
  stopping: CLOSE.goingAway,
  'token-revoked': 4401,
  'token-expired': 4401,
} as const;

/** Says something that is no event. */
export function say(socket: WebSocket, topic: string, fields: JsonObject): void {
  socket.send(JSON.stringify({ version: EVENT_VERSION, topic, ...fields }));
}

/** A WebSocket that events are written to, one a message, as the data of the same event of `text/event-stream`. */
export function socketWire(socket: WebSocket, raw: Duplex, gone: AbortSignal): EventWire {
  return {
    gone,
    get isFull() {
      return raw.writableNeedDrain;
    },
    begin: (position) => say(socket, 'subscribed', { id: position ?? null }),
    write(frames) {
      raw.cork();
      for (const data of dataOfFrames(frames)) socket.send(data);
      raw.uncork();
      return !raw.writableNeedDrain;
    },
    onDrain(listener) {
      raw.once('drain', listener);
      return () => raw.off('drain', listener);
    },
    beat: (position) => say(socket, 'heartbeat', { id: position ?? null }),
    end(reason, position) {
      say(socket, 'closed', { id: position ?? null, reason, retryMs: RETRY_MS });
      socket.close(CLOSE_CODES[reason], reason);
    },
    destroy: () => socket.terminate(),
  };
}
