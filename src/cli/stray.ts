import { currentOwner } from '../actors/stray.ts';
import { causeChain } from '../errors.ts';
import type { Log } from '../log.ts';

/**
 * Failures that nobody awaited. Each goes to the actor on whose account the failing code ran, whose supervisor then decides as about any
 * other failure. One that belongs to no actor means that the program is not what it believes to be: it stops in order, and whoever watches
 * it starts it anew.
 */
export function onStray(log: Log, giveUp: () => void): void {
  const hear = (error: unknown, what: string): void => {
    const owner = currentOwner();
    if (owner === undefined) {
      log.fatal({ err: error, causes: causeChain(error) }, what);
      giveUp();
      return;
    }
    const fields = { actor: owner.path, causes: causeChain(error) };
    if (owner.take(error)) log.error({ ...fields, err: error }, `${what}; its actor answers for it`);
    else log.warn(fields, `${what}, of a life that is over`);
  };
  process.on('unhandledRejection', (error) => hear(error, 'an unhandled rejection'));
  process.on('uncaughtException', (error) => hear(error, 'an uncaught exception'));
}
