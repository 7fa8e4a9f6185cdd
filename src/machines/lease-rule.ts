/** How long a lease lasts without being renewed, in ms, by the database's clock. */
export const LEASE_MS = 15_000;
/** How often it is renewed, in ms. */
export const RENEW_MS = 5_000;
/** Pause after a renewal, or a taking, that failed, in ms. */
export const RETRY_MS = 1_000;
/**
 * By how much the owner lets go before the database does, in ms: clocks that differ in rate by less than a fifteenth cannot make two owners.
 * @see ops/decisions/0016-one-owner-of-a-session.md
 */
export const MARGIN_MS = 1_000;
/** How long Telegram may keep a socket whose owner is gone without a word, in ms: the `disconnect_delay` of the pings. */
export const DEAD_SOCKET_MS = 40_000;
/** How long the database may take over a renewal, in ms: shorter than what is left of the lease when the second one in a row is tried. */
export const RENEWAL_TIMEOUT_MS = 4_000;
/** Evidence older than this says nothing any more, in ms (requirement A12: two periods). */
export const EVIDENCE_COUNTS_MS = 2 * RENEW_MS;

/** A moment by both clocks of a process, in ms. */
export interface Moment {
  readonly monotonic: number;
  /** Wall-clock time, since the Unix epoch. */
  readonly wall: number;
}

/** A lease as its row has it. */
export interface LeaseState {
  /** Null where nobody has it. */
  readonly owner: string | null;
  /** How long it lasts by the database's clock, in ms; negative once it is over, null where nobody has it. */
  readonly expiresInMs: number | null;
}

/**
 * In how many ms somebody may take a lease; 0: now. Its own owner may always: the lock on the data directory proves that whoever held it under
 * this name is gone, and its sockets with it. Others wait until it is over, and then for the socket that Telegram may still keep.
 */
export function freeInMs({ owner, expiresInMs }: LeaseState, who: string): number {
  if (owner === null || owner === who || expiresInMs === null) return 0;
  return Math.max(0, expiresInMs + DEAD_SOCKET_MS);
}

/** How long somebody believes in a lease that nobody else can have, in ms: the longest that a timer takes. */
const UNCONTESTED_MS = 2 ** 31 - 1;

/**
 * Until when whoever asked for a lease may believe in it, counted from before it asked: the database counts from later on.
 * By both clocks, since the monotonic one stands still while a machine is suspended.
 * @param isContested whether others could take it: not where the database lies in a folder that this process has locked for as long as it lives
 */
export function believedUntil(askedAt: Moment, isContested: boolean): Moment {
  const forMs = isContested ? LEASE_MS - MARGIN_MS : UNCONTESTED_MS;
  return { monotonic: askedAt.monotonic + forMs, wall: askedAt.wall + forMs };
}

/** Whether a lease that is believed in until then may be acted on now. */
export function stillBelieved(until: Moment, now: Moment): boolean {
  return now.monotonic < until.monotonic && now.wall < until.wall;
}

/** When to renew, in ms from now: all of a process at the same ticks of its clock, so that one statement does for all. */
export function renewInMs(monotonic: number): number {
  return RENEW_MS - (((monotonic % RENEW_MS) + RENEW_MS) % RENEW_MS);
}
