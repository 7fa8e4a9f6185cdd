import { freeInMs, type LeaseState } from './lease-rule.ts';

/** An account as a worker sees it when it looks around. */
export interface SharedAccount extends LeaseState {
  readonly accountId: string;
  /** Whether this worker runs its subtree. */
  readonly runs: boolean;
  /** Whether this worker believes in its lease now. */
  readonly held: boolean;
  /** Whether nobody but this worker can serve it: its session lies in files here. */
  readonly isOnlyHere: boolean;
  /** For how long this worker has seen that anybody may have it, and nobody has, in ms. */
  readonly freeForMs: number;
}

/** Who looks. */
export interface ShareView {
  /** Its installation id. */
  readonly worker: string;
  /** How many share the accounts, itself counted. */
  readonly workers: number;
  /** Accounts it serves at most. */
  readonly limit: number;
  /** Whether others can serve what it gives back: their sessions lie where all reach them. */
  readonly mayGiveBack: boolean;
  /** Among how many workers it has taken what no other wanted; undefined where it has not. */
  readonly unevenAmong: number | undefined;
}

/** What to do about the accounts now. */
export interface SharePlan {
  readonly start: readonly string[];
  readonly stop: readonly string[];
  /** When a free place here may be filled next, in ms from now; undefined where nothing is known to become free. */
  readonly lookInMs: number | undefined;
  /** For the next look's view. */
  readonly unevenAmong: number | undefined;
}

/** What all others have left alone for so long is left over, in ms: each of them has looked several times. */
export const LEFT_OVER_MS = 10_000;

/**
 * How workers share accounts, without talking to each other: a worker takes what is free while it has fewer than its share, which is all accounts
 * divided by the workers there are, rounded up. One that has more gives back half of the surplus at each look, so that newcomers are served soon and
 * Telegram sees no storm of logins. What was its own before a crash, or cannot be anybody else's, it takes whatever its share is.
 * Shares are no law: workers differ in what they may serve, how much, and which sessions they can open, and none knows of the others'. So whoever
 * can takes what nobody has wanted for a while, and gives none back to even things out before workers have come or gone.
 * Which ones: those that rank highest by a hash of worker and account, so that two workers that look at once want different ones.
 * @param accounts those this worker may serve, each once
 */
export function planAccounts(accounts: readonly SharedAccount[], view: ShareView): SharePlan {
  const { worker, workers, limit } = view;
  const ranked = [...accounts].sort((a, b) => rankOf(worker, b.accountId) - rankOf(worker, a.accountId));
  const isOwn = ({ owner }: SharedAccount): boolean => owner === worker;
  // Somebody else was faster: it is his until he gives it back.
  const beaten = ranked.filter((one) => one.runs && !one.held && !isOwn(one) && freeInMs(one, worker) > 0);
  const running = ranked.filter((one) => one.runs && !beaten.includes(one));
  const isMine = (one: SharedAccount): boolean => isOwn(one) || (one.isOnlyHere && freeInMs(one, worker) === 0);
  const own = ranked.filter((one) => !one.runs && isMine(one)).slice(0, Math.max(0, limit - running.length));
  const share = Math.min(limit, Math.ceil(accounts.length / Math.max(1, workers)));
  const places = Math.max(0, share - running.length - own.length);
  const others = ranked.filter((one) => !one.runs && !isMine(one));
  const open = others.filter((one) => freeInMs(one, worker) === 0);
  const free = open.slice(0, places);
  const room = Math.max(0, limit - running.length - own.length - free.length);
  const leftOver = open.slice(places).filter(({ freeForMs }) => freeForMs >= LEFT_OVER_MS);
  const taken = leftOver.slice(0, room);
  const unevenAmong = taken.length > 0 ? workers : view.unevenAmong === workers ? workers : undefined;
  const evens = view.mayGiveBack && workers > 1 && unevenAmong === undefined;
  const surplus = running.length + own.length - (evens ? share : limit);
  const givenBack = surplus > 0 ? running.slice(-Math.ceil(surplus / 2)) : [];
  const waits = free.length < places ? others.map((one) => freeInMs(one, worker)).filter((ms) => ms > 0) : [];
  return {
    start: [...own, ...free, ...taken].map(({ accountId }) => accountId),
    stop: [...beaten, ...givenBack].map(({ accountId }) => accountId),
    lookInMs: waits.length > 0 ? Math.min(...waits) : undefined,
    unevenAmong,
  };
}

/** FNV-1a of both names, stirred: what ranks high for one worker ranks anywhere for another. */
function rankOf(worker: string, accountId: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${worker} ${accountId}`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
