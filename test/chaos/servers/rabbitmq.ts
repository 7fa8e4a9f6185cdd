import { setTimeout as pause } from 'node:timers/promises';
import type { PrivateRabbitmq } from '../../support/rabbitmq.ts';
import type { Subject } from '../subject.ts';

/** RabbitMQ, which comes back with what it had on disk. */
export function rabbitmqSubject(server: PrivateRabbitmq): Subject {
  return {
    async kill(awayMs) {
      await server.kill();
      await pause(awayMs);
      await server.start();
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async restart(awayMs) {
      await server.ctl('stop');
      await server.kill();
      await pause(awayMs);
      await server.start();
    },
  };
}
