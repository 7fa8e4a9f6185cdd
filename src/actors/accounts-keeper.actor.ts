import { ACCOUNT_ID, checkAccountId } from '../account-id.ts';
import type { Clock } from '../clock.ts';
import type { AccountFilter } from '../config-values.ts';
import { type ErrorCode, errorRecord, toVigiliaError, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { planAccounts, type SharedAccount, type SharePlan } from '../machines/account-share.ts';
import { freeInMs } from '../machines/lease-rule.ts';
import type { AccountHealth, Accounts, LeaseRow, Store } from '../ports.ts';
import { type ChildSpec, task } from './actor.ts';
import { cancelJobsOf } from './jobs/cancel-jobs.ts';
import { Nudge } from './jobs/dispatcher.actor.ts';
import type { LeaseBoard } from './lease-board.ts';
import type { SupervisorHandle } from './supervisor-handle.ts';
import type { AccountLease } from './telegram/account-lease.ts';
import type { AccountLine } from './telegram/account-line.ts';
import type { Sessions } from './telegram/session/session-vault.ts';

/** Time between two looks at the accounts, in ms, where this is the only worker. */
const LOOK_MS = 5_000;
/** The same where other processes may change them: what a worker gives back, and what a gateway has made, is taken this soon. */
const LOOK_BESIDE_MS = 1_000;
/** How long a worker that has not looked counts among those who share the accounts, in ms. */
const WORKER_COUNTS_MS = 3 * LOOK_MS;
/** How long an account whose session cannot be opened here is left to others, in ms. */
const UNREADABLE_MS = 60_000;

/**
 * How many accounts are on their way to their first connection at once. Each takes CPU time: begun together, hundreds would be served late, the
 * first of them as late as the last, and the process would have no time for anything else until then.
 */
const OPENING_AT_ONCE = 16;
/** How long one counts among them, in ms: whatever has become of it, it does not keep the others from their turn. */
const OPENING_COUNTS_MS = 60_000;

/** What is said of sessions that are there and cannot be read: one account's trouble, and no reason to stop serving the others. */
const UNREADABLE: ReadonlySet<ErrorCode> = new Set(['SESSION_CORRUPT', 'SESSION_UNREADABLE']);

/** Who owns nothing: no installation is called so. */
const NOBODY = '';

/** What of an account runs here. */
export interface ServedAccount {
  readonly line: AccountLine;
  readonly lease: AccountLease;
  /** Its subtree. */
  readonly spec: ChildSpec;
}

export interface AccountsKeeperDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<
    Store,
    'leases' | 'checkInWorker' | 'ensureAccount' | 'makeAccount' | 'removeAccount' | 'findUnended' | 'stepJob'
  >;
  readonly board: LeaseBoard;
  /** Names this installation. */
  readonly worker: string;
  readonly filter: AccountFilter;
  readonly sessions: Sessions & { accounts(): Promise<string[]> };
  /** Whether sessions lie where all workers reach them. */
  readonly sharesSessions: boolean;
  /** Whether other processes may write to the database: a gateway that makes accounts, other workers. */
  readonly sharesDatabase: boolean;
  /**
   * @param isFirst whether there is no account at all
   * @returns accounts that there shall be without anybody making them: those that are configured, those of a simulated world
   */
  readonly given: (isFirst: boolean) => Iterable<string>;
  /** Makes what of an account runs. */
  readonly make: (id: string) => ServedAccount;
  /** Of the accounts; undefined while it does not run. */
  readonly supervisor: () => SupervisorHandle | undefined;
  /** Whether an account has its place under that supervisor: a restart of it forgets them. */
  readonly isAlive: (id: string) => boolean;
  /** Whether somebody stopped it under that supervisor, until it is resumed, or is stopping it. */
  readonly isStopped: (id: string) => boolean;
  readonly health: () => readonly AccountHealth[];
}

/**
 * Runs the accounts that this worker serves: looks at their rows every few seconds, starts the subtrees of those that it may have, stops those of
 * others. Whether it really has one the account's lease says, which is the first child of the subtree.
 */
export class AccountsKeeper implements Accounts {
  readonly #deps: AccountsKeeperDeps;
  readonly #nudge = new Nudge();
  readonly #served = new Map<string, ServedAccount>();
  readonly #stopping = new Set<string>();
  /** Accounts whose start is under way. */
  readonly #starting = new Set<string>();
  /** By account on its way to its first connection: since when, by the monotonic clock. */
  readonly #opening = new Map<string, number>();
  /** Whether some are wanted here and wait until there is room among those. */
  #areWaiting = false;
  /** By account: until when it is left to others, by the monotonic clock. */
  readonly #unreadable = new Map<string, number>();
  /** By account that nobody has: since when that is seen, by the monotonic clock. */
  #freeSince: ReadonlyMap<string, number> = new Map();
  /** What the last plan has for the next one. */
  #unevenAmong: number | undefined;
  /** Accounts whose session lies in files here. */
  #homes: ReadonlySet<string> = new Set();
  #workers = 1;
  /** The stored sessions could not be looked through the last time, and that was said. */
  #cannotLook = false;

  constructor(deps: AccountsKeeperDeps) {
    this.#deps = deps;
  }

  /** Whether the account's session lies in files of this installation. */
  readonly isHome = (id: string): boolean => this.#homes.has(id);

  /** Accounts whose session lies in files of this installation. */
  readonly homes = (): readonly string[] => [...this.#homes];

  /** Lines of the accounts that run here. */
  readonly lines = (): readonly AccountLine[] => [...this.#served.values()].map(({ line }) => line);

  /** Accounts whose lease is held here. */
  readonly heldAccounts = (): readonly string[] => [...this.#served].filter(([, { lease }]) => lease.isHeld()).map(([id]) => id);

  /** The token of an account's lease while it is held here: what is written under it is refused once somebody else has the account. */
  readonly tokenOf = (id: string): number | undefined => {
    const lease = this.#served.get(id)?.lease;
    return lease?.isHeld() ? lease.token : undefined;
  };

  readonly lineOf = (id: string): AccountLine | undefined => this.#served.get(id)?.line;

  /** Has the rows looked at now. */
  readonly look = (): void => this.#nudge.ring();

  async list(): Promise<AccountHealth[]> {
    return [...this.#deps.health()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async create(id: string): Promise<void> {
    checkAccountId(id);
    if (!(await this.#deps.store.makeAccount(id))) {
      throw new VigiliaError('ACCOUNT_EXISTS', `there is an account ${id} already`, { field: 'id' });
    }
    this.look();
  }

  async remove(id: string): Promise<number> {
    const { store, log } = this.#deps;
    const token = await store.removeAccount(id);
    this.look();
    const cancelled = await this.#cancelJobs(id, token);
    log.info({ account: id, cancelled }, 'the account is removed; what is stored of it stays');
    return cancelled;
  }

  #cancelJobs(id: string, token: number): Promise<number> {
    const { store, clock } = this.#deps;
    const error = errorRecord(new VigiliaError('ACCOUNT_REMOVED', `account ${id} was removed`));
    return cancelJobsOf(store, clock, id, token, error);
  }

  /** The child specification of what looks; ready after the first look, whatever came of it. */
  spec(): ChildSpec {
    const { clock, log, store, worker, sharesDatabase } = this.#deps;
    return {
      id: 'accounts-keeper',
      kind: 'task',
      view: () => ({ worker, workers: this.#workers, accounts: [...this.#served.keys()], held: [...this.heldAccounts()] }),
      start: (life) => ({
        logic: task(async (signal) => {
          let isAway = false;
          while (!signal.aborted) {
            const startedAt = clock.monotonic();
            let waitMs = LOOK_MS;
            try {
              const { lookInMs = LOOK_MS } = await this.#lookAround();
              waitMs = Math.min(lookInMs, sharesDatabase ? LOOK_BESIDE_MS : LOOK_MS);
              isAway = false;
              life.handled('look', clock.monotonic() - startedAt);
            } catch (thrown) {
              const error = toVigiliaError(thrown);
              if (error.code !== 'STORE_UNAVAILABLE') throw error;
              // Not that long: until it is there, nobody is served.
              waitMs = 1_000;
              if (!isAway) log.debug({ cause: error.message }, 'the accounts cannot be looked at');
              isAway = true;
            }
            life.ready();
            await this.#nudge.sleep(clock, waitMs, signal);
          }
          // The others need not wait until it is forgotten. The leases are given back by whoever holds them.
          await store.checkInWorker(worker, 0).catch(() => {});
        }),
      }),
    };
  }

  async #lookAround(): Promise<SharePlan> {
    const { clock, store, board, worker, filter, sharesSessions } = this.#deps;
    this.#forgetDead();
    const askedAt = clock.monotonic();
    this.#workers = await store.checkInWorker(worker, WORKER_COUNTS_MS);
    let all = await store.leases();
    if (await this.#ensureGiven(all)) all = await store.leases();
    const rows = all.filter(({ removed }) => !removed);
    board.note(all, askedAt);
    // Free for anybody: what this worker has, and gives back in a moment, is left over by nobody.
    const free = rows.filter((row) => freeInMs(row, NOBODY) === 0).map(({ accountId }) => accountId);
    this.#freeSince = new Map(free.map((id) => [id, this.#freeSince.get(id) ?? askedAt]));
    const mine = rows.filter((row) => this.#mayServe(row));
    // What a person stopped is his to resume, whoever serves it meanwhile: taken off and added anew it would run again unasked.
    const ours = mine.filter(({ accountId }) => !this.#served.has(accountId) || !this.#deps.isStopped(accountId));
    const plan = planAccounts(
      ours.map((row) => this.#shared(row, askedAt)),
      { worker, workers: this.#workers, limit: filter.limit, mayGiveBack: sharesSessions, unevenAmong: this.#unevenAmong },
    );
    this.#unevenAmong = plan.unevenAmong;
    const wanted = new Set(mine.map(({ accountId }) => accountId));
    for (const id of this.#served.keys()) if (!wanted.has(id) || plan.stop.includes(id)) this.#stop(id);
    const now = clock.monotonic();
    for (const [id, since] of this.#opening) if (now - since >= OPENING_COUNTS_MS) this.#opening.delete(id);
    const room = Math.max(0, OPENING_AT_ONCE - this.#opening.size);
    for (const id of plan.start.slice(0, room)) await this.#start(id);
    this.#areWaiting = plan.start.length > room;
    return plan;
  }

  #shared({ accountId, owner, expiresInMs, home }: LeaseRow, now: number): SharedAccount {
    const served = this.#served.get(accountId);
    return {
      accountId,
      owner,
      expiresInMs,
      runs: served !== undefined,
      held: served?.lease.isHeld() ?? false,
      isOnlyHere: !this.#deps.sharesSessions && (home === this.#deps.worker || this.#homes.has(accountId)),
      freeForMs: now - (this.#freeSince.get(accountId) ?? now),
    };
  }

  /** @returns undefined where it cannot be looked up: those that are known are served all the same */
  async #sessionAccounts(): Promise<readonly string[] | undefined> {
    const { sessions, log } = this.#deps;
    try {
      const found = await sessions.accounts();
      this.#cannotLook = false;
      return found;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (!UNREADABLE.has(error.code)) throw error;
      if (!this.#cannotLook) log.warn({ cause: error.message }, 'the stored sessions cannot be looked through');
      this.#cannotLook = true;
      return undefined;
    }
  }

  /** Rows of the accounts that there shall be, and of those whose sessions lie here. @returns whether any was missing */
  async #ensureGiven(rows: readonly LeaseRow[]): Promise<boolean> {
    const { store, sharesSessions, given, log } = this.#deps;
    const found = await this.#sessionAccounts();
    const withSession = found ?? [];
    if (found !== undefined) this.#homes = new Set(sharesSessions ? [] : found);
    const known = new Set(rows.map(({ accountId }) => accountId));
    const isFirst = found !== undefined && rows.length + found.length === 0;
    const missing = new Set([...given(isFirst), ...withSession].filter((id) => !known.has(id)));
    let made = false;
    for (const id of missing) {
      if (ACCOUNT_ID.test(id)) {
        await store.ensureAccount(id);
        made = true;
      } else log.warn({ account: id }, 'there is a session of an account that cannot be called so; it is not served');
    }
    return made;
  }

  /** Whether this worker is one of those that may serve it, share or not. */
  #mayServe({ accountId, home }: LeaseRow): boolean {
    const { filter, worker, sharesSessions, clock } = this.#deps;
    if (filter.only !== null && !filter.only.includes(accountId)) return false;
    // Nobody else can read another installation's files.
    if (!sharesSessions && home !== null && home !== worker && !this.#homes.has(accountId)) return false;
    const leftUntil = this.#unreadable.get(accountId);
    return leftUntil === undefined || leftUntil <= clock.monotonic();
  }

  async #start(id: string): Promise<void> {
    const { supervisor, make, log } = this.#deps;
    const handle = supervisor();
    if (handle === undefined || this.#stopping.has(id) || (await this.#leftToOthers(id))) return;
    const account = make(id);
    this.#served.set(id, account);
    log.debug({ account: id }, 'the account is wanted here');
    // Not waited for: its lease may be somebody else's for long.
    this.#starting.add(id);
    this.#opening.set(id, this.#deps.clock.monotonic());
    account.line.onState(({ state }) => {
      if (state !== 'awaiting-lease' && state !== 'connecting') this.#opened(id);
    });
    handle
      .add(account.spec)
      // A start that failed is tried again by the supervisor; one that was refused, at the next look.
      .catch((thrown: unknown) => log.debug({ account: id, cause: toVigiliaError(thrown).message }, 'the account did not start'))
      .finally(() => this.#starting.delete(id));
  }

  /** It is connected, or cannot be: the next ones are begun a few together, since each look reads all rows. */
  #opened(id: string): void {
    if (!this.#opening.delete(id)) return;
    if (this.#areWaiting && this.#opening.size <= OPENING_AT_ONCE / 2) this.look();
  }

  /** Their supervisor was started anew, and knows nothing of what was added to the one before. */
  #forgetDead(): void {
    for (const [id, { lease }] of this.#served) {
      if (this.#starting.has(id) || this.#stopping.has(id) || this.#deps.isAlive(id)) continue;
      lease.cut();
      this.#forget(id);
    }
  }

  /** Nothing of it runs any more; its breaker's timers would, for ever, and hold all of it in memory. */
  #forget(id: string): void {
    this.#served.get(id)?.line.breaker.close();
    this.#served.delete(id);
    this.#opening.delete(id);
  }

  #stop(id: string): void {
    const { supervisor, log } = this.#deps;
    if (this.#stopping.has(id)) return;
    this.#stopping.add(id);
    const gone = supervisor()?.remove(id) ?? Promise.resolve();
    gone
      .then(
        () => {
          this.#forget(id);
          log.info({ account: id }, 'the account is not served here any more');
          // Others may want its place. One that does not stop yet is looked at in a while.
          this.look();
        },
        (thrown: unknown) => log.debug({ account: id, cause: toVigiliaError(thrown).message }, 'the account does not stop yet'),
      )
      .finally(() => this.#stopping.delete(id));
  }

  /** A session that cannot be opened here may be one that another worker can open: it has the key. */
  async #leftToOthers(id: string): Promise<boolean> {
    const { sessions, sharesSessions, clock, log } = this.#deps;
    if (!sharesSessions || this.#workers < 2) return false;
    try {
      await sessions.read(id);
      return false;
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (!UNREADABLE.has(error.code)) throw error;
      this.#unreadable.set(id, clock.monotonic() + UNREADABLE_MS);
      log.warn({ account: id, cause: error.message }, 'the session cannot be opened here; the account is left to other workers');
      return true;
    }
  }
}
