import type { ConnectionEvent } from './connection.machine.ts';
import type { FeedEvent } from './feed.machine.ts';
import type { LeaseEvent } from './lease.machine.ts';
import type { LoginEvent } from './login.machine.ts';

/** Types of the events that carry nothing. */
type Bare<E extends { readonly type: string }> = E extends unknown ? (keyof E extends 'type' ? E['type'] : never) : never;

const CONNECTION: readonly Bare<ConnectionEvent>[] = ['SUSPECT'];
const LEASE: readonly Bare<LeaseEvent>[] = ['ASK'];
const FEED: readonly Bare<FeedEvent>[] = ['RESUME'];
const LOGIN: readonly Bare<LoginEvent>[] = ['CANCEL'];

/**
 * By machine, the events that a person may send: they ask for something that the machine would do by itself sooner or later, or that its own
 * route asks for too. None carries anything, and none says that something happened which did not: a person cannot tell a machine that
 * its server is gone, that somebody has logged in, or that its lease is over.
 *
 * - `connection` `SUSPECT`: ping now
 * - `lease` `ASK`: renew it now
 * - `feed` `RESUME`: ask for what is missing now, and not when the pause is over
 * - `login` `CANCEL`: give up, and undo at Telegram what was done there
 */
export const SENDABLE_EVENTS: Readonly<Record<string, readonly string[]>> = {
  connection: CONNECTION,
  lease: LEASE,
  feed: FEED,
  login: LOGIN,
};
