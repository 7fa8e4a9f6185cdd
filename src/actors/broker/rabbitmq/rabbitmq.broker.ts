import { causeChain, toVigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { Broker } from '../../../ports.ts';
import type { RabbitConnection } from './rabbit-connection.ts';
import { accountQueue } from './sync-topology.ts';

/** Wake-ups of an account on their way here: each is settled as soon as it has come. */
const PREFETCH = 64;

/**
 * Wake-ups through RabbitMQ: each account has a queue, which lasts while it is consumed, and a day longer. A wake-up is confirmed; it is done with as soon as its
 * consumer was told, since the rows say what is due.
 */
export function createRabbitmqBroker(connection: RabbitConnection, log: Log): Broker {
  return {
    kind: 'rabbitmq',
    isReady: () => connection.isUsable,
    async wake(accountId, jobId) {
      const queue = accountQueue(accountId);
      const publish = (): Promise<void> =>
        connection.publish({
          exchange: '',
          routingKey: queue.name,
          body: Buffer.from(JSON.stringify({ jobId })),
          mandatory: true,
          messageId: jobId,
          type: 'wake-up',
        });
      try {
        await publish();
      } catch (thrown) {
        if (toVigiliaError(thrown).code !== 'BROKER_UNROUTABLE') throw thrown;
        // Nobody has consumed it yet, or somebody has deleted it.
        await connection.ensure(queue);
        await publish();
      }
    },
    async consume(accountId, onWake) {
      const subscription = await connection.consume({
        queue: accountQueue(accountId),
        prefetch: PREFETCH,
        onDelivery: (delivery) => {
          const jobId = readJobId(delivery.body);
          if (jobId === undefined)
            log.warn({ account: accountId }, 'something that is no wake-up was in the queue of an account');
          try {
            if (jobId !== undefined) onWake(jobId);
          } catch (thrown) {
            log.error({ jobId, causes: causeChain(thrown) }, 'a consumer of wake-ups failed');
          }
          delivery.ack();
        },
      });
      return () => subscription.end();
    },
    close: () => connection.close(),
  };
}

function readJobId(body: Buffer): string | undefined {
  try {
    const { jobId } = JSON.parse(body.toString('utf8')) as { readonly jobId?: unknown };
    return typeof jobId === 'string' ? jobId : undefined;
  } catch {
    return undefined;
  }
}
