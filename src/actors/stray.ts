import { AsyncLocalStorage } from 'node:async_hooks';

/** Who answers for the code that runs now. */
export interface Owner {
  /** `root/accounts/main/connection`. */
  readonly path: string;
  /**
   * Takes a failure that nobody awaited.
   * @returns false when the life it belongs to is over already: then it hurts nobody any more
   */
  readonly take: (error: unknown) => boolean;
}

const owners = new AsyncLocalStorage<Owner>();

/**
 * Runs something on an owner's account: whatever it sets going, in timers, promises and sockets, belongs to that owner too.
 * An actor's failures reach its supervisor through XState only when they happen inside a step or in a promise it waits for; the others are
 * found by this, when Node tells of them.
 */
export function onAccountOf<T>(owner: Owner, work: () => T): T {
  return owners.run(owner, work);
}

/** @returns who answers for the code that runs now: in a handler of `unhandledRejection` or `uncaughtException`, for what failed */
export function currentOwner(): Owner | undefined {
  return owners.getStore();
}
