import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ActionName } from './action-names.ts';
import { AccountsKeeper, type ServedAccount } from './actors/accounts-keeper.actor.ts';
import { ActDesk } from './actors/acts/act-desk.ts';
import { actsSpec } from './actors/acts/acts.actor.ts';
import { RemoteActs } from './actors/acts/remote-acts.ts';
import { createMemoryBroker } from './actors/broker/memory.broker.ts';
import { brokerLinkSpec } from './actors/broker/rabbitmq/broker-link.actor.ts';
import { openRabbitmqBroker } from './actors/broker/rabbitmq/open-rabbitmq-broker.ts';
import { createMemoryCache } from './actors/cache/memory.cache.ts';
import { createMemoryCounter } from './actors/cache/memory.counter.ts';
import { createNoneCache } from './actors/cache/none.cache.ts';
import { cacheLinkSpec } from './actors/cache/redis/cache-link.actor.ts';
import { openRedisCache } from './actors/cache/redis/open-redis-cache.ts';
import { createSharedCounter } from './actors/cache/shared-counter.ts';
import { createWindowReader } from './actors/cache/window-reader.ts';
import { eventBellSpec } from './actors/events/event-bell.actor.ts';
import { EventParts } from './actors/events/event-parts.ts';
import { accountHealth, allAccounts, healthReporter } from './actors/health.ts';
import { accountChoice } from './actors/jobs/account-choice.ts';
import type { Action } from './actors/jobs/action.ts';
import { getChannels } from './actors/jobs/actions/get-channels.ts';
import { syncMessages } from './actors/jobs/actions/sync-messages.ts';
import { consumerSpec } from './actors/jobs/consumer.actor.ts';
import { dispatcherSpec, Nudge } from './actors/jobs/dispatcher.actor.ts';
import { ForeignPrograms } from './actors/jobs/foreign-programs.ts';
import { createIntake } from './actors/jobs/intake.ts';
import { createJobDesk } from './actors/jobs/job-desk.ts';
import { LeaseBoard } from './actors/lease-board.ts';
import { leaseWatchSpec } from './actors/lease-watch.actor.ts';
import { LinkStatus } from './actors/link.actor.ts';
import { type ListensOn, listenerSpec, proveAddress } from './actors/listener.actor.ts';
import { Patience } from './actors/patience.ts';
import { type ProcessIdentity, presenceSpec } from './actors/processes/presence.actor.ts';
import { ProcessDirectory } from './actors/processes/process-directory.ts';
import { Registry } from './actors/registry.ts';
import { SaidOnce } from './actors/said-once.ts';
import { SimulatorDesk, simulatorSpec } from './actors/simulator-process.actor.ts';
import { openStore, type StoreOptions } from './actors/store/open-store.ts';
import { RetentionTally, retentionSpec } from './actors/store/retention.actor.ts';
import { gateStore } from './actors/store/store-gate.ts';
import { storeLinkSpec } from './actors/store/store-link.actor.ts';
import { type ActorSystem, startSystem } from './actors/system.ts';
import { AccountLease } from './actors/telegram/account-lease.ts';
import { AccountLine } from './actors/telegram/account-line.ts';
import { claimUser } from './actors/telegram/account-user.ts';
import { boxSpec } from './actors/telegram/box.actor.ts';
import { connectionSpec, OPENINGS_AT_ONCE } from './actors/telegram/connection.actor.ts';
import { feedsSpec } from './actors/telegram/feeds.ts';
import { lateTelegram } from './actors/telegram/late-telegram.ts';
import { leaseSpec } from './actors/telegram/lease.actor.ts';
import { LeaseRenewals } from './actors/telegram/lease-renewals.ts';
import { LoginDesk } from './actors/telegram/login-desk.ts';
import { loginErrandsSpec } from './actors/telegram/login-errands.ts';
import { RemoteLogins, routedLogins } from './actors/telegram/remote-logins.ts';
import { simulatedTelegram } from './actors/telegram/simulated-telegram.ts';
import { Turns } from './actors/telegram/turns.ts';
import { type Clock, systemClock, systemRandom } from './clock.ts';
import type { Config } from './config.ts';
import type { Token } from './config-values.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { entropyPool } from './entropy.ts';
import { VigiliaError } from './errors.ts';
import { notesOf, sayWhatRuns, sayWhatToTry } from './first-words.ts';
import { GatewayTokens, type TokenChange } from './gateway-tokens.ts';
import { API_BASE } from './http/api-base.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { AccountHealth, HealthReport, LoginTelegram, ProcessFigures, Telegram, World } from './ports.ts';
import { ProcessGauge } from './process-gauge.ts';
import { DEFAULT_ACCOUNT, openSessionVault } from './session-program.ts';
import { inWords } from './simulator/control.ts';
import { accountSpec, treeOf } from './tree.ts';
import { worldOf, worldPlace } from './worlds.ts';

/** What jobs do here. */
const ACTIONS: Readonly<Record<ActionName, Action>> = { 'sync-messages': syncMessages, 'get-channels': getChannels };
const ACCOUNT = DEFAULT_ACCOUNT;
/** DC of the simulator's own server. */
const SIMULATOR_DC = 2;
/** How long the gateway waits for the first answers of all its servers together, in ms: then it answers without them. */
const FIRST_ANSWERS_MS = 1_000;
/** What GramJS wants to have and a simulator does not look at. */
const SIMULATOR_CREDENTIALS = { apiId: 1, apiHash: 'simulator' };

/** What a process is, besides its configuration. */
export interface ProgramHost {
  readonly version: string;
  readonly pid: number;
  /** The file that runs as `vigilia`: the simulator is started from it. */
  readonly entry: string;
}

/** A started program. */
export interface Program {
  /** Resolves when everything is up for the first time. @throws the reason when the start failed */
  readonly started: Promise<void>;
  /** Resolves when it has ended and given everything back: undefined after `stop()`, else why it gave up. */
  readonly ended: Promise<VigiliaError | undefined>;
  /**
   * From now on these are the gateway's tokens: what was let in with another one is ended.
   * @throws CONFIG_INVALID when there are none and there were some: a gateway does not open itself to everybody while it runs
   */
  replaceTokens(tokens: readonly Token[]): TokenChange;
  stop(): Promise<void>;
}

/**
 * Puts the whole program together for a configuration and starts it. Nothing below knows which adapter it talks to.
 * What takes long to load is loaded where it is needed and while something else is waited for: GramJS while the simulator and the
 * database start, HTTP while the account connects; a gateway never loads GramJS.
 * @throws DATA_DIR_LOCKED, DATA_DIR_UNUSABLE
 */
export async function startProgram(config: Config, host: ProgramHost, log: Log): Promise<Program> {
  const clock = systemClock;
  const random = systemRandom;
  const dataDir = openDataDir(config.dataDir, { pid: host.pid, startedAt: clock.now() });
  try {
    await proveAddress(config.role === 'worker' ? opsAt(config) : httpAt(config));
    const setup = await assemble(config, host, log, dataDir, clock, random);
    const ended = setup.system.ended.then(async (failure) => {
      await setup.release();
      dataDir.close();
      return failure;
    });
    return {
      started: setup.system.started,
      ended,
      replaceTokens: setup.replaceTokens,
      stop: () =>
        setup.system
          .stop()
          .then(() => ended)
          .then(() => {}),
    };
  } catch (error) {
    dataDir.close();
    throw error;
  }
}

const httpAt = ({ http }: Config): ListensOn => ({ ...http, variable: 'HTTP_PORT' });
const opsAt = ({ ops }: Config): ListensOn => ({ ...ops, variable: 'OPS_PORT' });

async function assemble(
  config: Config,
  host: ProgramHost,
  log: Log,
  dataDir: DataDir,
  clock: typeof systemClock,
  random: typeof systemRandom,
): Promise<{
  readonly system: ActorSystem;
  readonly replaceTokens: Program['replaceTokens'];
  readonly release: () => Promise<void>;
}> {
  const place = worldPlace(config.telegram);
  const desk = config.telegram.kind === 'simulated' ? new SimulatorDesk(clock) : undefined;
  // A key's fingerprint is computed once: the world is looked at with every report.
  const fixedWorld = config.telegram.kind === 'simulated' ? undefined : worldOf(config.telegram, undefined);
  const world = (): World => fixedWorld ?? worldOf(config.telegram, desk?.worldId);
  // First of all: a new embedded database takes seconds to make.
  sayWhatRuns(config, host.version, host.pid, log, dataDir.path);
  const embeddedStore: StoreOptions = { kind: 'pglite', dataDir: dataDir.file('worlds', place, 'pglite') };
  const storeOptions = config.database ? ({ kind: 'postgresql', ...config.database } as const) : embeddedStore;
  const events = new EventParts(gateStore(await openStore(storeOptions, { clock, log })), {
    clock,
    log,
    owner: dataDir.installationId,
  });
  const { store } = events;
  const sharedSessions = config.sessionStore === 'database' ? store : undefined;
  const sessions = openSessionVault(config, dataDir.path, sharedSessions, { clock, log, tokenOf: (id) => keeper.tokenOf(id) });
  const rabbit = config.rabbitmqUrl === null ? undefined : openRabbitmqBroker(config.rabbitmqUrl, { clock, log });
  const broker = rabbit?.broker ?? createMemoryBroker(log);
  const redis = config.redisUrl === null ? undefined : openRedisCache(config.redisUrl, { clock, log });
  // Another process would not see what this one writes, so a shared database goes without an in-process cache.
  const cache = redis?.cache ?? (config.database ? createNoneCache() : createMemoryCache(clock));
  const registry = new Registry(clock);
  const deps = { clock, random, log, registry };
  const actions = new Map<string, Action>(Object.entries(ACTIONS));
  const nudge = new Nudge();
  rabbit?.connection.onUp(nudge.ring);
  const storeStatus = new LinkStatus(clock);
  const glance = (path: string) => registry.glance(path);
  const patienceMs = new Patience(clock, FIRST_ANSWERS_MS).leftMs;
  const health = (): HealthReport => report();
  const board = new LeaseBoard(clock);
  const keeper = new AccountsKeeper({
    clock,
    log,
    store,
    board,
    worker: dataDir.installationId,
    filter: config.accounts,
    sessions,
    sharesSessions: sharedSessions !== undefined,
    sharesDatabase: config.database !== null,
    given: (isFirst) => config.accounts.only ?? selfMadeAccounts(desk)?.keys() ?? (isFirst ? [ACCOUNT] : []),
    make: (id) => serve(id),
    supervisor: () => system?.supervisor('root/accounts'),
    isAlive: (id) => registry.glance(`root/accounts/${id}`) !== undefined,
    isStopped: (id) => ['stopping', 'suspended'].includes(registry.glance(`root/accounts/${id}`)?.state ?? ''),
    health: () => health().accounts,
  });
  const obstacles = new SaidOnce();
  const renewals = new LeaseRenewals(store, dataDir.installationId, clock, keeper.homes);
  const report = healthReporter({
    clock,
    version: host.version,
    role: config.role,
    world,
    lines: keeper.lines,
    find: glance,
    board: () => (config.role === 'worker' ? [] : board.accounts()),
    store,
    storeStatus,
    cacheHealth: redis?.health,
    brokerHealth: rabbit && (() => ({ ...rabbit.health(), ...foreign?.tally.evidence() })),
    broker,
    cache,
    simulator: desk,
    notes: notesOf(config),
  });
  let system: ActorSystem | undefined;
  // Whoever looks inside is an actor of the tree, or is asked by one.
  const running = (): ActorSystem => {
    if (!system) throw new VigiliaError('INTERNAL', 'nobody looks inside before there is something to see');
    return system;
  };
  const view = { tree: () => running().tree(), find: (path: string) => running().find(path) };
  const gauge = new ProcessGauge(clock);
  const figures = (): ProcessFigures => gauge.figures();
  const self: ProcessIdentity = {
    id: dataDir.installationId,
    role: config.role,
    host: hostname(),
    pid: host.pid,
    version: host.version,
  };
  const others = config.database ? store : undefined;
  const processes = new ProcessDirectory({ clock, store: others, self, figures, heldAccounts: keeper.heldAccounts });
  const remoteActs = config.database ? new RemoteActs({ clock, store }) : undefined;
  const acts = new ActDesk({ clock, log, registry, process: dataDir.installationId, remote: remoteActs });
  const retention = new RetentionTally();
  // Counts over all lives of the listeners.
  let metrics: Promise<Metrics> | undefined;
  const loadMetrics = async (): Promise<Metrics> => {
    const { createMetrics } = await import('./metrics.ts');
    return createMetrics(
      {
        store,
        system: view,
        health,
        figures,
        events: () => events.source.hub.figures,
        retention: () => retention.figures,
      },
      clock,
      log,
    );
  };
  const tokens = new GatewayTokens(config.tokens);
  const ownCounter = createMemoryCounter(clock);
  const counter = redis ? createSharedCounter(redis.counter, ownCounter, { clock, log }) : ownCounter;
  const opsDeps = async () => {
    metrics ??= loadMetrics();
    const { access } = config;
    return {
      clock,
      log,
      tokens,
      access,
      counter,
      store,
      system: view,
      processes,
      acts,
      transitions: registry.transitions,
      health,
      metrics: await metrics,
    };
  };
  let telegram: Promise<Telegram & LoginTelegram> | undefined;
  const loadTelegram = (): Promise<Telegram & LoginTelegram> => {
    telegram ??= telegramOf(config, desk, { clock, log });
    return telegram;
  };
  const owner = dataDir.installationId;
  const openings = new Turns(OPENINGS_AT_ONCE);
  function serve(id: string): ServedAccount {
    const line = events.announce(new AccountLine(id, clock, random, log));
    const lease = new AccountLease(id, clock, config.database !== null);
    // Who reads of its health elsewhere shall hear of it soon.
    line.onServing(lease.ask);
    const credentials = () => selfMadeAccounts(desk)?.get(id);
    const raiseToken = (account: string) => store.raiseToken(account, owner, lease.token ?? 0);
    const children = [
      leaseSpec(lease, line, {
        clock,
        log,
        store,
        renewals,
        owner,
        isHome: keeper.isHome,
        evidence: () => accountHealth(line, glance),
        obstacles,
      }),
      connectionSpec(line, {
        clock,
        random,
        log,
        store,
        telegram: lateTelegram(loadTelegram),
        sessions,
        lease,
        openings,
        credentials,
      }),
      boxSpec(line, { clock, random, log, store, cache, registry }),
      feedsSpec(deps),
      consumerSpec(line, {
        clock,
        random,
        log,
        store,
        cache,
        actions,
        broker,
        raiseToken,
        onSuperseded: lease.ask,
        nudge: nudge.ring,
      }),
    ];
    return { line, lease, spec: accountSpec({ id, children }, deps) };
  }
  const isHeld = (id: string): boolean => keeper.heldAccounts().includes(id);
  const loginDesk = new LoginDesk({
    clock,
    random,
    log,
    telegram: loadTelegram,
    sessions,
    claimUser: (id, userId) => claimUser(store, id, userId),
    // Without its lease, its session is not for this process to write.
    targetOf: (id) => (isHeld(id) ? keeper.lineOf(id) : undefined),
    exists: async (id) => (await store.listAccounts()).includes(id),
    supervisor: () => system?.supervisor('root/logins'),
    isAlive: (id) => registry.glance(`root/logins/${id}`) !== undefined,
  });
  const logins = config.database ? routedLogins(loginDesk, new RemoteLogins({ clock, store }), isHeld) : loginDesk;
  const choose = accountChoice({ clock, store, accounts: () => health().accounts, defaultAccount: ACCOUNT });
  const intake = createIntake({
    clock,
    entropy: entropyPool(),
    store,
    actions,
    defaultAccount: ACCOUNT,
    choose,
    nudge: nudge.ring,
  });
  const gateway = async () => {
    const { buildGateway } = await import('./http/server.ts');
    return buildGateway({
      ...(await opsDeps()),
      host: config.http.host,
      intake,
      desk: createJobDesk({ clock, store, checkAccount: intake.checkAccount, nudge: nudge.ring }),
      reader: createWindowReader(cache, store, clock, log),
      events: events.source,
      logins,
      accounts: keeper,
    });
  };
  const ops = async () => {
    const { buildOps } = await import('./http/server.ts');
    return buildOps({ ...(await opsDeps()), host: config.ops.host });
  };
  const announce = (url: string): void => {
    dataDir.announce(url);
    if (config.role === 'worker') return;
    const people = desk?.accounts.slice(0, 3).map(inWords) ?? [];
    sayWhatToTry(config, log, url, url + API_BASE, { channel: desk?.info?.channels[0]?.username, people });
  };
  // A worker's own health tells of the accounts that it serves; other workers' can do what other programs ask for too.
  const everyAccount = (): readonly AccountHealth[] => allAccounts(health().accounts, board.accounts());
  const foreign: ForeignPrograms | undefined =
    rabbit && config.role !== 'gateway'
      ? new ForeignPrograms({
          clock,
          random,
          log,
          store,
          connection: rabbit.connection,
          events,
          rules: { actions, allowed: config.rabbitmqActions },
          checkAccount: intake.checkAccount,
          choose: accountChoice({ clock, store, accounts: everyAccount, defaultAccount: ACCOUNT }),
          nudge: nudge.ring,
        })
      : undefined;
  // A gateway wakes through the broker whoever serves the account, a worker its own.
  const wokenAccounts = config.role === 'gateway' ? () => board.accounts().map(({ id }) => id) : keeper.heldAccounts;
  system = startSystem(
    treeOf(
      config.role,
      {
        simulator: desk && simulatorOf(config, desk, host.entry, dataDir.file('worlds', place, 'simulator'), { clock, log }),
        store: storeLinkSpec(storeStatus, { random, log, patienceMs, store, world }),
        cache: redis && cacheLinkSpec(redis.cache, redis.status, { random, log, patienceMs }),
        broker: rabbit && brokerLinkSpec(rabbit.connection, rabbit.status, { clock, random, log, patienceMs }),
        foreign,
        retention: retentionSpec({ clock, log, store, keepMessagesMs: config.keepMessagesMs, tally: retention }),
        dispatcher: dispatcherSpec(nudge, { clock, log, store, broker, accounts: wokenAccounts }),
        sequencer: events.sequencer,
        announcer: events.announcer,
        events: events.reader,
        eventBell:
          rabbit && config.database && config.role !== 'worker'
            ? eventBellSpec(events.ring, {
                clock,
                connection: rabbit.connection,
                name: randomUUID(),
                isWanted: events.isWanted,
                isPlacedHere: () => events.right.held !== undefined,
              })
            : undefined,
        keeper: keeper.spec(),
        loginErrands: config.database ? loginErrandsSpec({ clock, log, store, worker: owner, logins: loginDesk }) : undefined,
        acts: actsSpec({
          clock,
          log,
          store,
          trail: acts.trail,
          process: owner,
          sharesDatabase: config.database !== null,
          carryOut: acts.carryOut,
        }),
        presence: others && presenceSpec({ clock, log, store: others, self, figures, system: view }),
        leaseWatch: leaseWatchSpec({ clock, log, store, board }),
        http: listenerSpec('http', httpAt(config), gateway, announce, log),
        ops: listenerSpec('ops', opsAt(config), ops, announce, log),
      },
      deps,
    ),
    deps,
  );
  readAhead(config, loadTelegram).catch(() => {});
  return {
    system,
    replaceTokens: (given) => {
      if (given.length === 0 && tokens.size > 0)
        throw new VigiliaError('CONFIG_INVALID', 'there are no tokens any more: a gateway that has some does not go on without');
      return tokens.replace(given);
    },
    release: async () => {
      gauge.close();
      await broker.close();
      await cache.close();
      await store.close();
    },
  };
}

/**
 * Accounts that log themselves in: those of our own simulated world that need nothing but a code, in its order. The first is the default one.
 * @returns undefined where Telegram is not ours
 */
function selfMadeAccounts(desk: SimulatorDesk | undefined): ReadonlyMap<string, SimulatorDesk['accounts'][number]> | undefined {
  const simple = desk?.accounts.filter(({ password }) => password === null);
  return simple && new Map(simple.map((account, index) => [index === 0 ? ACCOUNT : `${ACCOUNT}-${index + 1}`, account]));
}

/** Loads code while the simulator and the embedded database start, in a process and a thread of their own. Whoever needs it hears of a failure. */
async function readAhead({ role, database }: Config, loadTelegram: () => Promise<Telegram>): Promise<void> {
  if (role === 'gateway') return;
  await loadTelegram();
  // A server's database is up by now, and the account goes before those who ask.
  if (!database) await import('./http/server.ts');
}

/** The port as the configuration wants it. What loads GramJS is a promise, since it takes a fifth of a second. */
export async function telegramOf(
  { telegram }: Config,
  desk: SimulatorDesk | undefined,
  deps: { readonly clock: typeof systemClock; readonly log: Log },
): Promise<Telegram & LoginTelegram> {
  const { gramJsTelegram } = await import('./actors/telegram/gramjs/gramjs-telegram.ts');
  switch (telegram.kind) {
    case 'telegram':
      return gramJsTelegram(telegram, deps);
    case 'server': {
      const { host, port, keyPem, dc } = telegram;
      return gramJsTelegram({ ...telegram, server: { host, port, dcId: dc, publicKeyPem: keyPem } }, deps);
    }
    case 'simulated':
      return simulatedTelegram(
        () => desk?.info && { ...desk.info.address, publicKeyPem: desk.info.publicKeyPem, dataCentres: desk.info.dataCentres },
        (address) => gramJsTelegram({ ...SIMULATOR_CREDENTIALS, server: { ...address, dcId: SIMULATOR_DC } }, deps),
      );
  }
}

/** The child specification of the simulator's process, for a simulated Telegram. */
export function simulatorOf(
  { telegram, logLevel }: Config,
  desk: SimulatorDesk,
  entry: string,
  folder: string,
  deps: { readonly clock: Clock; readonly log: Log },
) {
  if (telegram.kind !== 'simulated') throw new VigiliaError('INTERNAL', 'only a simulated Telegram has a simulator');
  const world = telegram.world === null ? [] : ['--world', telegram.world];
  const args = ['simulator', ...world, '--data', folder, '--port', String(telegram.port), '--rate', String(telegram.rate)];
  return simulatorSpec(desk, { entry, args: [...args, '--log-level', logLevel] }, deps);
}
