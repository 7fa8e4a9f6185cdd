import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPTED = /^[A-Za-z0-9_-]{1,64}$/;

/** The header by which a request is found again in the log, inwards and outwards. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** @returns the caller's own id where it is harmless, else a new one */
export function requestId(message: Pick<IncomingMessage, 'headers'>): string {
  const given = message.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}
