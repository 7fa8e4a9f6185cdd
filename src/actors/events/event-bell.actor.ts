import { aborted, type Clock } from '../../clock.ts';
import { type ChildSpec, task } from '../actor.ts';
import type { RabbitConnection } from '../broker/rabbitmq/rabbit-connection.ts';
import { EVENTS_EXCHANGE } from '../broker/rabbitmq/sync-topology.ts';

/** Least time between two strokes while somebody listens, in ms: as often as the database is asked without a bell, and no more. */
const PACE_MS = 5;
/** The same while nobody does: who begins to listen looks for himself. */
const IDLE_MS = 1_000;

export interface EventBellDeps {
  readonly clock: Clock;
  readonly connection: Pick<RabbitConnection, 'consume'>;
  /** Names this process's queue; of all processes no other one's. */
  readonly name: string;
  /** Whether anybody listens here. */
  readonly isWanted: () => boolean;
  /** Whether events get their places in this process, which knows of them sooner then. */
  readonly isPlacedHere: () => boolean;
}

/**
 * Tells who follows the stream in this process that another one has let it grow: what that one publishes to other programs comes here too, in a queue
 * that goes with the connection. Nothing is read of it. The queue holds one message and drops what was before, so that any number of events are one
 * stroke; and it is held back until the next stroke may be. Without RabbitMQ the database is asked as often as ever.
 * @param ring the stream has grown
 */
export function eventBellSpec(ring: () => void, deps: EventBellDeps): ChildSpec {
  const { clock, connection, name, isWanted, isPlacedHere } = deps;
  return {
    id: 'event-bell',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        const subscription = await connection.consume({
          queue: {
            name: `telegram.gateway.${name}`,
            type: 'exclusive',
            arguments: { 'x-max-length': 1, 'x-overflow': 'drop-head' },
            bindings: [{ exchange: EVENTS_EXCHANGE, pattern: '#' }],
          },
          prefetch: 1,
          onDelivery: (delivery) => {
            const isWaitedFor = isWanted();
            if (isWaitedFor && !isPlacedHere()) ring();
            clock.setTimeout(() => delivery.ack(), isWaitedFor ? PACE_MS : IDLE_MS);
          },
        });
        await aborted(signal);
        await subscription.end();
      }),
    }),
  };
}
