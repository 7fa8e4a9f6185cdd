import { fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../../clock.ts';
import { causeChain, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { type ConnectionEvent, type ConnectionPolicy, connectionMachine } from '../../machines/connection.machine.ts';
import type { Json, JsonObject, PeerEntity, Store, Telegram, TelegramLink } from '../../ports.ts';
import type { ChildSpec, Life, Start } from '../actor.ts';
import { Seen } from '../seen.ts';
import { type Owner, onAccountOf } from '../stray.ts';
import type { AccountLease } from './account-lease.ts';
import type { AccountLine } from './account-line.ts';
import { claimUser } from './account-user.ts';
import { LOGGED_OUT, type Sessions } from './session/session-vault.ts';
import type { Turns } from './turns.ts';

/** How long an answer counts as evidence that the account is logged in, in ms: with a ping's interval, less than the 45 s in which health has to tell. */
const CONFIRMED_MS = 8_000;

/**
 * How many accounts of a process may be opening a link at the same time: a key exchange is a tenth of a second of work, in which nothing else
 * is done, and Telegram sees no hundreds of connections from one address within a second.
 */
export const OPENINGS_AT_ONCE = 16;

/** Requirement B1. */
const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 };

/** How an account logs itself in: only the simulator's own account has one. */
interface Credentials {
  readonly phone: string;
  readonly code: string;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telegram: Telegram;
  readonly store: Store;
  readonly sessions: Sessions;
  /** Whoever holds it may connect. @default nobody else could */
  readonly lease?: Pick<AccountLease, 'isHeld' | 'onCut' | 'ask'>;
  /** Of all accounts of the process, for opening a link. @default nobody has to wait */
  readonly openings?: Turns;
  /** @returns the credentials of an account that logs itself in, undefined where a person has to */
  readonly credentials: () => Credentials | undefined;
}

/** The child specification of an account's connection: ready at once, since being without a connection is a state. */
export function connectionSpec(line: AccountLine, deps: ConnectionDeps): ChildSpec {
  // Outlives a life that failed: the next one closes its link, since two on one key burn it.
  const held: HeldLink = { link: undefined, entities: [], onCut: () => {} };
  // Of the account, not of one life: a link is cut whatever has become of the life that opened it.
  deps.lease?.onCut(() => {
    const { link } = held;
    held.link = undefined;
    // Its sockets are closed before this returns.
    void link?.close();
    // The machine hears of it after whoever cut it has done what else there is to do.
    if (link) queueMicrotask(held.onCut);
  });
  return {
    id: 'connection',
    kind: 'connection',
    shutdownMs: 5_000,
    view: viewConnection,
    start: (life) => {
      line.detach();
      life.ready();
      return connectionStart(life, line, held, { ...deps, log: deps.log.child({ account: line.accountId }) });
    },
  };
}

interface HeldLink {
  link: TelegramLink | undefined;
  /** Access hashes as they were last read. */
  entities: readonly PeerEntity[];
  /** Tells the present life that its link was cut. */
  onCut: () => void;
}

function connectionStart({ path, lastWord }: Life, line: AccountLine, held: HeldLink, deps: ConnectionDeps): Start {
  const { clock, log } = deps;
  if (lastWord) log.info({ state: lastWord.state, causes: causeChain(lastWord.error) }, 'the connection starts anew');
  let current = 0;
  let send: (event: ConnectionEvent) => void = () => {};

  const closeLink = async (): Promise<void> => {
    const old = held.link;
    held.link = undefined;
    await old?.close();
  };

  const openLink = async (generation: number, signal: AbortSignal): Promise<void> => {
    current = generation;
    await closeLink();
    const open: OpenLink = (session, entities) => {
      const mayUse = deps.lease?.isHeld;
      if (mayUse?.() === false) throw leaseLost();
      const fresh = deps.telegram.open(session, entities, {
        ...(mayUse && { mayUse }),
        onDown: (error) => send({ type: 'LINK_DOWN', generation, error }),
        onUpdates: (updates, channels, order) => {
          if (generation === current) line.deliver({ updates, channels, order });
        },
      });
      held.link = fresh;
      return fresh;
    };
    const opened = await onAccountOf(generationOwner(generation), () => login(line, deps, held, signal, open));
    if (signal.aborted) await opened.close();
  };

  /** What GramJS lets go costs the link it happened on, and no more: the library cannot be trusted with it any longer, the actor can. */
  const generationOwner = (generation: number): Owner => ({
    path: `${path}#${generation}`,
    take: (cause) => {
      if (generation !== current || held.link === undefined) return false;
      const error = new VigiliaError('TELEGRAM_GENERATION', 'the client library let a failure go', { cause });
      send({ type: 'LINK_DOWN', generation, error });
      return true;
    },
  });

  /** Whoever asked for the logout under way. */
  let asker: { resolve(): void; reject(error: unknown): void } | undefined;
  let isLoggingOut = false;
  line.obey({
    loggedIn: () => send({ type: 'LOGGED_IN' }),
    logOut: () =>
      new Promise<void>((resolve, reject) => {
        asker?.reject(new VigiliaError('LOGIN_WRONG_STEP', 'somebody else is logging the account out'));
        const own = { resolve, reject };
        asker = own;
        isLoggingOut = false;
        send({ type: 'LOG_OUT' });
        if (isLoggingOut) return;
        // It failed a moment ago, or is just being left by what it was in.
        if (asker === own) asker = undefined;
        reject(new VigiliaError('TELEGRAM_OFFLINE', `account ${line.accountId} has no connection at the moment`));
      }),
  });

  /** What Telegram has forgotten is not used again; the sessions stay where they are. */
  const logOut = async (): Promise<void> => {
    isLoggingOut = true;
    try {
      await liveLink().logOut();
      await deps.sessions.write(line.accountId, LOGGED_OUT);
      log.info({}, 'logged out');
      asker?.resolve();
    } catch (error) {
      asker?.reject(error);
      throw error;
    } finally {
      asker = undefined;
    }
  };

  const authenticated = new Seen(clock);
  /**
   * A pong says that a server is there, not that the account is logged in: a session that was revoked answers pings for ever. So an account of
   * which nothing was heard lately asks where it stands. What the answer means for the link, the line tells; any other failure means nothing.
   */
  const confirmLogin = async (): Promise<void> => {
    const longAgo = Number.POSITIVE_INFINITY;
    const answeredAgo = Math.min(line.health().lastRpcAgeMs ?? longAgo, authenticated.ageMs ?? longAgo);
    if (answeredAgo < CONFIRMED_MS) return;
    await line
      .state()
      .catch((error: unknown) => log.debug({ cause: toVigiliaError(error).message }, 'the login was not confirmed'));
  };

  const liveLink = (): TelegramLink => {
    if (!held.link) throw new VigiliaError('TELEGRAM_OFFLINE', 'there is no link');
    return held.link;
  };

  let endTurn: (() => void) | undefined;
  const logic = connectionMachine.provide({
    actors: {
      takeTurn: fromPromise<void>(async ({ signal }) => {
        const end = await deps.openings?.take(signal);
        // Granted in the very moment in which it was not wanted any more.
        if (signal.aborted) end?.();
        else endTurn = end;
      }),
      openLink: fromPromise<void, { generation: number }>(async ({ input, signal, self }) => {
        send = (event) => self._parent?.send(event);
        held.onCut = () => send({ type: 'LINK_DOWN', generation: input.generation, error: leaseLost() });
        await openLink(input.generation, signal);
      }),
      closeLink: fromPromise<void>(closeLink),
      ping: fromPromise<void>(async () => {
        await liveLink().ping();
        line.notePong();
        log.debug({}, 'pong');
        void confirmLogin();
      }),
      catchUp: fromPromise<void>(() => line.catchUp()),
      logOut: fromPromise<void>(logOut),
    },
    actions: {
      endTurn: () => {
        endTurn?.();
        endTurn = undefined;
      },
      tellConnecting: ({ context }) => {
        line.setState('connecting', context.lastError);
        log.info(
          { generation: context.generation, attempt: context.attempt },
          context.attempt === 0 ? 'connecting' : 'reconnecting',
        );
      },
      tellAuthenticated: ({ context }) => {
        const { generation } = context;
        line.setState('authenticated');
        authenticated.note();
        line.attach(liveLink(), {
          onTrouble: (error) => send({ type: 'LINK_DOWN', generation, error }),
          onSilence: () => send({ type: 'SUSPECT' }),
        });
        log.info({ generation }, 'connected');
      },
      tellLive: () => {
        line.setState('authenticated');
        log.debug({}, 'live');
      },
      tellPostponed: ({ context: { catchUpPauseMs: pauseMs }, event }) => {
        const cause = toVigiliaError((event as { error?: unknown }).error).message;
        // Calls work, and what was missed is not known: its health says both.
        line.setState(
          'authenticated',
          `what was missed could not be asked for, and is again in ${Math.ceil(pauseMs / 1000)} s: ${cause}`,
        );
        log.warn({ pauseMs, cause }, 'the channels could not be asked for; trying again later');
      },
      tellUnavailable: () => line.detach(),
      tellDisconnected: ({ context }) => {
        line.setState('disconnected', context.lastError);
        log.warn(
          { cause: context.lastError?.message, code: context.lastError?.code, nextDelayMs: context.delayMs },
          'disconnected',
        );
      },
      tellBackoff: ({ context }) => line.setState('backoff', context.lastError),
      tellReauth: ({ context }) => {
        const { lastError } = context;
        line.setState('reauth-required', lastError);
        const told = { cause: lastError?.message, code: lastError?.code, todo: `vigilia login --account ${line.accountId}` };
        // Nobody logged in yet, or somebody logged out: that is no failure.
        if (lastError?.code === 'SESSION_MISSING') log.warn(told, 'a person has to log in');
        else log.error(told, 'a person has to log in');
      },
      tellDeactivated: ({ context }) => {
        line.setState('deactivated', context.lastError);
        log.error({ cause: context.lastError?.message, code: context.lastError?.code }, 'Telegram has deactivated the account');
      },
      tellStopping: () => {
        line.setState('stopping');
        log.info({}, 'stopping');
      },
      tellConflict: ({ context }) => {
        line.setState('conflict', context.lastError);
        log.error(
          { cause: context.lastError?.message, code: context.lastError?.code },
          'the session was used from two places and is burnt',
        );
      },
      tellLeaseLost: ({ context }) => {
        const { lastError } = context;
        line.setState('lease-lost', lastError);
        const isTaken = lastError?.code === 'SESSION_FENCED';
        log.warn(
          { cause: lastError?.message, code: lastError?.code },
          isTaken ? 'another worker has taken over this account' : 'disconnected: the lease of the account is not held',
        );
        // The database knows what became of it; not inside an action, since the answer may end this machine.
        queueMicrotask(() => deps.lease?.ask());
      },
      tellLoggedIn: () => {
        line.setState('connecting');
        log.info({}, 'a new session: connecting with it');
      },
    },
  });
  const policy: ConnectionPolicy = {
    now: () => clock.now(),
    backoffMs: (attempt) => backoffDelayMs(BACKOFF, attempt, deps.random),
  };
  return { logic, input: policy };
}

function leaseLost(): VigiliaError {
  return new VigiliaError('LEASE_LOST', 'the lease of the account is not held');
}

/** Access hashes as stored, or as they were when the database was last there: without it, Telegram can be reached all the same. */
async function knownEntities(accountId: string, { store, log }: ConnectionDeps, held: HeldLink): Promise<readonly PeerEntity[]> {
  try {
    // Whatever is stored of the account from here on refers to its row.
    await store.ensureAccount(accountId);
    held.entities = await store.entities(accountId);
  } catch (thrown) {
    const error = toVigiliaError(thrown);
    if (error.code !== 'STORE_UNAVAILABLE') throw error;
    log.warn({ cause: error.message }, 'connecting without the database');
  }
  return held.entities;
}

type OpenLink = (session: string, entities: readonly PeerEntity[]) => TelegramLink;

/**
 * Opens a link and has Telegram confirm the login.
 * A stored session that Telegram refuses is never replaced by a new login: that is a person's decision.
 * @throws SESSION_MISSING, SESSION_CORRUPT, ACCOUNT_OF_ANOTHER, TELEGRAM_REAUTH, or why the connection failed
 */
async function login(
  line: AccountLine,
  deps: ConnectionDeps,
  held: HeldLink,
  signal: AbortSignal,
  open: OpenLink,
): Promise<TelegramLink> {
  const { accountId } = line;
  const stored = await deps.sessions.read(accountId);
  if (stored === LOGGED_OUT) {
    throw new VigiliaError('SESSION_MISSING', `account ${accountId} was logged out: it has to be logged in`);
  }
  const credentials = stored === undefined ? deps.credentials() : undefined;
  if (stored === undefined && !credentials) {
    throw new VigiliaError('SESSION_MISSING', `account ${accountId} has no session yet: it has to be logged in`);
  }
  const entities = await knownEntities(accountId, deps, held);
  signal.throwIfAborted();
  const link = open(stored ?? '', entities);
  await link.connect();
  if (credentials) {
    const codeHash = await link.sendCode(credentials.phone);
    await link.signIn(credentials.phone, codeHash, credentials.code);
  }
  const [standing, userId] = await Promise.all([link.state(), link.userId()]);
  // Known by now, it needs no database.
  if (line.userId !== userId) await claimUser(deps.store, accountId, userId);
  line.userId = userId;
  line.standing = standing;
  const session = link.session();
  // A login by a person may have saved another one meanwhile: ours is older.
  signal.throwIfAborted();
  // Also after a login that moved to another data centre: nothing but us keeps it.
  if (session !== stored) await deps.sessions.write(accountId, session);
  return link;
}

/** What `/api/state` shows of a connection. */
function viewConnection(snapshot: Snapshot<unknown>): JsonObject {
  if (!('context' in snapshot)) return {};
  const { generation, attempt, lastError, lastPongAt, delayMs } = snapshot.context as Record<string, Json>;
  return { generation, attempt, lastError, lastPongAt, delayMs } as JsonObject;
}
