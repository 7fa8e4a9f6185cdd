import { connect } from 'node:net';
import type { Clock } from '../../clock.ts';

/** The code of a cancel request, in the place of a protocol version. */
const CANCEL_REQUEST = 80_877_102;

/** Nobody waits longer for a server to take the request. */
const CANCEL_MS = 1000;

/** Until then it may hang up by itself, in ms. */
const HANG_UP_MS = 600_000;

/** A connection, and by what the server, or the pooler before it, knows it. */
export interface KeyedConnection {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/**
 * Asks the server to end what a connection runs, over a connection of its own, as the protocol wants it: never encrypted, never answered
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS). Without it a statement that nobody waits for goes
 * on, and one that waits for a lock holds a connection of the server for as long as the lock is held.
 * @returns resolves when the server has taken the request, cannot be reached, or takes longer than a second; never rejects
 */
export async function cancelRunning({ host, port, processID, secretKey }: KeyedConnection, clock: Clock): Promise<void> {
  if (processID === null || secretKey === null) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(CANCEL_REQUEST, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  await new Promise<void>((resolve) => {
    const timer = clock.setTimeout(resolve, CANCEL_MS);
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    // The other side hangs up: PgBouncer 1.18 ends, with all its clients, when this one does so before it.
    socket.setTimeout(HANG_UP_MS, () => socket.destroy()).unref();
    socket
      .on('error', () => {})
      .on('close', () => {
        clock.clearTimeout(timer);
        resolve();
      });
    socket.resume().write(request);
  });
}
