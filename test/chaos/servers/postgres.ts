import { setTimeout as pause } from 'node:timers/promises';
import type { PrivatePostgres } from '../../support/postgres.ts';
import type { Subject } from '../subject.ts';

/** PostgreSQL, all of its processes. */
export function postgresSubject(server: PrivatePostgres): Subject {
  return {
    async kill(awayMs) {
      await server.kill();
      await pause(awayMs);
      await server.start();
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async restart(awayMs) {
      await server.stop('fast');
      await pause(awayMs);
      await server.start();
    },
  };
}
