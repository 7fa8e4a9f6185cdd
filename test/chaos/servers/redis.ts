import { setTimeout as pause } from 'node:timers/promises';
import type { PrivateRedis } from '../../support/redis.ts';
import type { Subject } from '../subject.ts';

/** Redis, which keeps nothing over its end: it is a cache. */
export function redisSubject(server: PrivateRedis): Subject {
  return {
    async kill(awayMs) {
      await server.kill();
      await pause(awayMs);
      await server.start();
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async restart(awayMs) {
      // The connection over which it is told ends with it.
      await server.ask((client) => client.shutdown('NOSAVE')).catch(() => {});
      await server.kill();
      await pause(awayMs);
      await server.start();
    },
  };
}
