import { fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { type ConnectionEvent, type ConnectionPolicy, connectionMachine } from '../../machines/connection.machine.ts';
import type { Json, JsonObject, PeerEntity, Store, Telegram, TelegramLink } from '../../ports.ts';
import type { ChildSpec, Start } from '../actor.ts';
import type { AccountLine } from './account-line.ts';
import type { SessionFiles } from './session-file.ts';

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
  readonly sessions: SessionFiles;
  /** @returns the credentials of an account that logs itself in, undefined where a person has to */
  readonly credentials: () => Credentials | undefined;
}

/** The child specification of an account's connection: ready at once, since being without a connection is a state. */
export function connectionSpec(line: AccountLine, deps: ConnectionDeps): ChildSpec {
  // Outlives a life that failed: the next one closes its link, since two on one key burn it.
  const held: HeldLink = { link: undefined, entities: [] };
  return {
    id: 'connection',
    kind: 'connection',
    shutdownMs: 5_000,
    view: viewConnection,
    start: (life) => {
      line.detach();
      life.ready();
      return connectionStart(line, held, { ...deps, log: deps.log.child({ account: line.accountId }) });
    },
  };
}

interface HeldLink {
  link: TelegramLink | undefined;
  /** Access hashes as they were last read. */
  entities: readonly PeerEntity[];
}

function connectionStart(line: AccountLine, held: HeldLink, deps: ConnectionDeps): Start {
  const { clock, log } = deps;
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
    const opened = await login(line, deps, held, signal, (session, entities) => {
      const fresh = deps.telegram.open(session, entities, {
        onDown: (error) => send({ type: 'LINK_DOWN', generation, error }),
        onUpdates: (updates, channels) => {
          if (generation === current) line.deliver({ updates, channels });
        },
      });
      held.link = fresh;
      return fresh;
    });
    if (signal.aborted) await opened.close();
  };

  const liveLink = (): TelegramLink => {
    if (!held.link) throw new VigiliaError('TELEGRAM_OFFLINE', 'there is no link');
    return held.link;
  };

  const logic = connectionMachine.provide({
    actors: {
      openLink: fromPromise<void, { generation: number }>(async ({ input, signal, self }) => {
        send = (event) => self._parent?.send(event);
        await openLink(input.generation, signal);
      }),
      closeLink: fromPromise<void>(closeLink),
      ping: fromPromise<void>(async () => {
        await liveLink().ping();
        line.notePong();
        log.debug({}, 'pong');
      }),
      catchUp: fromPromise<void>(() => catchUp(line)),
    },
    actions: {
      tellConnecting: ({ context }) => {
        line.setState('connecting', context.lastError?.message);
        log.info(
          { generation: context.generation, attempt: context.attempt },
          context.attempt === 0 ? 'connecting' : 'reconnecting',
        );
      },
      tellAuthenticated: ({ context }) => {
        const { generation } = context;
        line.setState('authenticated');
        line.attach(liveLink(), {
          onTrouble: (error) => send({ type: 'LINK_DOWN', generation, error }),
          onSilence: () => send({ type: 'SUSPECT' }),
        });
        log.info({ generation }, 'connected');
      },
      tellLive: () => log.debug({}, 'live'),
      tellPostponed: ({ context }) =>
        log.warn({ pauseMs: context.catchUpPauseMs }, 'the channels could not be asked for; trying again later'),
      tellUnavailable: () => line.detach(),
      tellDisconnected: ({ context }) => {
        line.setState('disconnected', context.lastError?.message);
        log.warn(
          { cause: context.lastError?.message, code: context.lastError?.code, nextDelayMs: context.delayMs },
          'disconnected',
        );
      },
      tellBackoff: ({ context }) => line.setState('backoff', context.lastError?.message),
      tellReauth: ({ context }) => {
        line.setState('reauth-required', context.lastError?.message);
        log.error({ cause: context.lastError?.message, code: context.lastError?.code }, 'a person has to log in again');
      },
      tellStopping: () => {
        line.setState('stopping');
        log.info({}, 'stopping');
      },
      tellConflict: ({ context }) => {
        line.setState('conflict', context.lastError?.message);
        log.error(
          { cause: context.lastError?.message, code: context.lastError?.code },
          'the session was used from two places and is burnt',
        );
      },
    },
  });
  const policy: ConnectionPolicy = {
    now: () => clock.now(),
    backoffMs: (attempt) => backoffDelayMs(BACKOFF, attempt, deps.random),
  };
  return { logic, input: policy };
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
 * @throws SESSION_MISSING, SESSION_CORRUPT, TELEGRAM_REAUTH, or why the connection failed
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
  await link.state();
  const session = link.session();
  // Also after a login that moved to another data centre: nothing but us keeps it.
  if (session !== stored) await deps.sessions.write(accountId, session);
  return link;
}

/**
 * What is done on every connection before it counts as live: the account's channels, their access hashes and where they stand go the way of
 * all updates, in their order. A channel that has moved on while we were away shows as a gap by that.
 */
async function catchUp(line: AccountLine): Promise<void> {
  const found = await line.dialogs();
  const updates = found.flatMap(({ channel, pts }) =>
    pts === null ? [] : [{ type: 'position' as const, chatId: channel.chatId, pts }],
  );
  line.deliver({ updates, channels: found.map(({ channel, entity }) => ({ channel, entity })) });
}

/** What `/api/state` shows of a connection. */
function viewConnection(snapshot: Snapshot<unknown>): JsonObject {
  if (!('context' in snapshot)) return {};
  const { generation, attempt, lastError, lastPongAt, delayMs } = snapshot.context as Record<string, Json>;
  return { generation, attempt, lastError, lastPongAt, delayMs } as JsonObject;
}
