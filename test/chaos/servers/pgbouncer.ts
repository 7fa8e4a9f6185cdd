import { setTimeout as pause } from 'node:timers/promises';
import type { PrivatePgbouncer } from '../../support/pgbouncer.ts';
import type { Subject } from '../subject.ts';

/** How long it may wait for transactions to end before it stops, in ms. */
const STOP_MS = 5_000;

/** PgBouncer, in transaction mode, with the settings that are shipped. */
export function pgbouncerSubject(server: PrivatePgbouncer): Subject {
  const end = async (signal: NodeJS.Signals, awayMs: number): Promise<void> => {
    server.signal(signal);
    const late = setTimeout(() => server.signal('SIGKILL'), STOP_MS);
    await server.ended();
    clearTimeout(late);
    await pause(awayMs);
    await server.start();
  };
  return {
    kill: (awayMs) => end('SIGKILL', awayMs),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    restart: (awayMs) => end('SIGINT', awayMs),
  };
}
