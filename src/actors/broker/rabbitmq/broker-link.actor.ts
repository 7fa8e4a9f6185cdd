import type { Clock } from '../../../clock.ts';
import type { ChildSpec } from '../../actor.ts';
import { type LinkDeps, type LinkStatus, linkSpec } from '../../link.actor.ts';
import type { RabbitConnection } from './rabbit-connection.ts';

/** A connection that is lost sooner than this would be lost again at once: it is left to the next look, in ms. */
const RASH_MS = 1_000;

/** The link to RabbitMQ: it makes the connection, asks it every few seconds, and hears at once when it is lost. Without it jobs are accepted, and wait. */
export function brokerLinkSpec(
  connection: RabbitConnection,
  status: LinkStatus,
  deps: LinkDeps & { readonly clock: Clock },
): ChildSpec {
  const { clock } = deps;
  const check = (): Promise<number> => connection.check();
  const prepare = async (): Promise<number> => {
    await connection.connect();
    return check();
  };
  const onDown = (): void => connection.drop();
  const watch = (lost: (error: unknown) => void): (() => void) => {
    const since = clock.monotonic();
    return connection.onLost((error) => {
      if (clock.monotonic() - since >= RASH_MS) lost(error);
    });
  };
  const link = linkSpec({ id: 'broker', name: 'broker', kind: 'rabbitmq', prepare, check, onDown, watch }, status, deps);
  return { ...link, queued: () => connection.queued };
}
