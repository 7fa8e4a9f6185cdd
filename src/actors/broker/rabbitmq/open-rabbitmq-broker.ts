import type { Clock } from '../../../clock.ts';
import type { Log } from '../../../log.ts';
import type { Broker, DependencyHealth } from '../../../ports.ts';
import { parseRabbitmqUrl, type RabbitAddress } from '../../../rabbitmq-url.ts';
import { Breaker } from '../../breaker.ts';
import { LinkStatus } from '../../link.actor.ts';
import { RabbitConnection } from './rabbit-connection.ts';
import { createRabbitmqBroker } from './rabbitmq.broker.ts';
import { SYNC_TOPOLOGY } from './sync-topology.ts';

/** How long RabbitMQ is left alone once publishing kept failing, in ms; its link tries by itself meanwhile. */
const REST_MS = 1_000;

/** The broker in RabbitMQ, and what is known of it. */
export interface OpenedRabbitmqBroker {
  readonly broker: Broker;
  readonly connection: RabbitConnection;
  readonly status: LinkStatus;
  health(): DependencyHealth;
}

interface OpenOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How long a queue may take to answer, in ms. @default 30_000 */
  readonly patienceMs?: number;
}

/** @param url as `parseRabbitmqUrl` takes it; nothing is connected before the link runs */
export function openRabbitmqBroker(url: string, { clock, log, ...patience }: OpenOptions): OpenedRabbitmqBroker {
  const breaker = new Breaker({
    name: 'rabbitmq',
    restMs: REST_MS,
    clock,
    // That a queue is missing, or is another's, says nothing against the server.
    counts: ({ code }) => code === 'BROKER_UNAVAILABLE',
    onState: (state) => log.warn({ breaker: 'rabbitmq', state }, 'breaker'),
  });
  const connection = new RabbitConnection({ address: parseRabbitmqUrl(url) as RabbitAddress, clock, log, breaker, ...patience });
  void connection.declare(SYNC_TOPOLOGY);
  const status = new LinkStatus(clock);
  const broker = createRabbitmqBroker(connection, log);
  return {
    broker: {
      ...broker,
      close: async () => {
        await broker.close();
        breaker.close();
      },
    },
    connection,
    status,
    health: () => {
      const said = status.health('rabbitmq');
      const { lost, blocked } = connection;
      const isUp = said.state === 'up';
      return {
        ...said,
        // The link hears of it with its next event, or look.
        ...(isUp && lost && { state: 'down', ...lost }),
        ...(isUp && blocked && { state: 'blocked', ...blocked }),
        breaker: breaker.state,
        ...connection.evidence(),
      };
    },
  };
}
