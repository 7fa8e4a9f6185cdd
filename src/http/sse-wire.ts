import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { EVENT_VERSION, frameOf } from '../actors/events/told-event.ts';
import { type EventWire, RETRY_MS } from './event-wire.ts';

/** The headers of a stream of Server-Sent Events; proxies are asked not to hold it back. */
export function sseHeaders(reply: FastifyReply): void {
  reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no');
}

/** Takes a reply out of Fastify's hands, with the headers that it has so far. @returns it as a stream of Server-Sent Events */
export function sseReply(reply: FastifyReply): EventWire {
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
  reply.hijack();
  return sseWire(reply.raw);
}

/** A response as a stream of Server-Sent Events. */
function sseWire(response: ServerResponse): EventWire {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  response.once('close', leave);
  if (response.destroyed || response.socket === null) leave();
  const idLine = (position: number | undefined): string => (position === undefined ? '' : `id: ${position}\n`);
  return {
    gone: gone.signal,
    get isFull() {
      return response.writableNeedDrain;
    },
    begin(position) {
      response.socket?.setNoDelay(true).setTimeout(0);
      response.writeHead(200);
      // An id without data moves where the client resumes, and is no event.
      response.write(`retry: ${RETRY_MS}\n${idLine(position)}\n`);
    },
    write: (frames) => response.write(frames),
    onDrain(listener) {
      response.once('drain', listener);
      return () => response.off('drain', listener);
    },
    beat: (position) => void response.write(`: heartbeat\n${idLine(position)}\n`),
    end(reason, position) {
      const data = { version: EVENT_VERSION, id: position ?? null, topic: 'closed', reason, retryMs: RETRY_MS };
      response.end(frameOf(null, 'closed', data));
    },
    destroy: () => void response.destroy(),
  };
}
