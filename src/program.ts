import { randomBytes } from 'node:crypto';
import { createMemoryBroker } from './actors/broker/memory.broker.ts';
import { createMemoryCache } from './actors/cache/memory.cache.ts';
import { createNoneCache } from './actors/cache/none.cache.ts';
import { createWindowReader } from './actors/cache/window-reader.ts';
import { healthReporter } from './actors/health.ts';
import type { Action } from './actors/jobs/action.ts';
import { getChannels } from './actors/jobs/actions/get-channels.ts';
import { syncMessages } from './actors/jobs/actions/sync-messages.ts';
import { consumerSpec } from './actors/jobs/consumer.actor.ts';
import { dispatcherSpec, Nudge } from './actors/jobs/dispatcher.actor.ts';
import { createIntake } from './actors/jobs/intake.ts';
import { listenerSpec } from './actors/listener.actor.ts';
import { Registry } from './actors/registry.ts';
import { SimulatorDesk, simulatorSpec } from './actors/simulator-process.actor.ts';
import { openStore, type StoreOptions } from './actors/store/open-store.ts';
import { gateStore } from './actors/store/store-gate.ts';
import { LinkStatus, storeLinkSpec } from './actors/store/store-link.actor.ts';
import { type ActorSystem, startSystem } from './actors/system.ts';
import { AccountLine } from './actors/telegram/account-line.ts';
import { connectionSpec } from './actors/telegram/connection.actor.ts';
import { gramJsTelegram } from './actors/telegram/gramjs/gramjs-telegram.ts';
import { sessionFiles } from './actors/telegram/session-file.ts';
import { simulatedTelegram } from './actors/telegram/simulated-telegram.ts';
import { updatesSpec } from './actors/telegram/updates.actor.ts';
import { type Clock, systemClock, systemRandom } from './clock.ts';
import type { Config } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { VigiliaError } from './errors.ts';
import { notesOf, sayWhatRuns, sayWhatToTry } from './first-words.ts';
import { API_BASE, buildGateway, buildOps } from './http/server.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { Telegram, World } from './ports.ts';
import { treeOf } from './tree.ts';
import { worldOf, worldPlace } from './worlds.ts';

/** The account that this version serves. */
const ACCOUNT = 'main';
/** DC of the simulator's own server. */
const SIMULATOR_DC = 2;
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
  stop(): Promise<void>;
}

/**
 * Puts the whole program together for a configuration and starts it. Nothing below knows which adapter it talks to.
 * @throws DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, STORE_UNAVAILABLE (embedded database not to be opened)
 */
export async function startProgram(config: Config, host: ProgramHost, log: Log): Promise<Program> {
  const clock = systemClock;
  const random = systemRandom;
  const dataDir = openDataDir(config.dataDir, { pid: host.pid, startedAt: clock.now() });
  try {
    const setup = await assemble(config, host, log, dataDir, clock, random);
    const ended = setup.system.ended.then(async (failure) => {
      await setup.release();
      dataDir.close();
      return failure;
    });
    return {
      started: setup.system.started,
      ended,
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

async function assemble(
  config: Config,
  host: ProgramHost,
  log: Log,
  dataDir: DataDir,
  clock: typeof systemClock,
  random: typeof systemRandom,
): Promise<{ readonly system: ActorSystem; readonly release: () => Promise<void> }> {
  const place = worldPlace(config.telegram);
  const desk = config.telegram.kind === 'simulated' ? new SimulatorDesk(clock) : undefined;
  const world = (): World => worldOf(config.telegram, desk?.worldId);
  // First of all: a new embedded database takes seconds to make.
  sayWhatRuns(config, host.version, host.pid, log, dataDir.path);
  const embeddedStore: StoreOptions = { kind: 'pglite', dataDir: dataDir.file('worlds', place, 'pglite') };
  const storeOptions = config.database ? ({ kind: 'postgresql', ...config.database } as const) : embeddedStore;
  const store = gateStore(await openStore(storeOptions, { clock, log }));
  const broker = createMemoryBroker(log);
  // Another process would not see what this one writes, so a shared database goes without an in-process cache.
  const cache = config.database ? createNoneCache() : createMemoryCache(clock);
  const registry = new Registry(clock);
  const deps = { clock, random, log, registry };
  const actions = new Map<string, Action>([syncMessages, getChannels].map((action) => [action.name, action]));
  const nudge = new Nudge();
  const line = new AccountLine(ACCOUNT, clock);
  const storeStatus = new LinkStatus(clock);
  const lines = config.role === 'gateway' ? [] : [line];
  const health = healthReporter({
    clock,
    version: host.version,
    role: config.role,
    world,
    lines,
    unseen: config.role === 'gateway' ? [ACCOUNT] : [],
    store,
    storeStatus,
    broker,
    cache,
    simulator: desk,
    notes: notesOf(config),
  });
  let system: ActorSystem | undefined;
  const view = {
    tree: () =>
      system?.tree() ?? { path: 'root', kind: 'supervisor', state: 'starting', since: clock.now(), restarts: 0, children: [] },
    find: (path: string) => system?.find(path),
  };
  const metrics = createMetrics({ store, system: view, health }, clock, log);
  const opsDeps = { clock, log, tokens: config.tokens, store, system: view, health, metrics };
  const account = {
    id: ACCOUNT,
    children: [
      connectionSpec(line, {
        clock,
        random,
        log,
        store,
        telegram: telegramOf(config, desk, { clock, log }),
        sessions: sessionFiles(dataDir.file('worlds', place, 'sessions'), config.sessionKey),
        credentials: () => desk?.accounts[0],
      }),
      updatesSpec(line, { clock, random, log, store, cache }),
      consumerSpec(line, { clock, random, log, store, cache, actions, broker, owner: dataDir.installationId, nudge: nudge.ring }),
    ],
  };
  const gateway = () =>
    buildGateway({
      ...opsDeps,
      host: config.http.host,
      intake: createIntake({ clock, entropy: randomBytes, store, actions, defaultAccount: ACCOUNT, nudge: nudge.ring }),
      reader: createWindowReader(cache, store, clock, log),
    });
  const announce = (url: string): void => {
    dataDir.announce(url);
    if (config.role !== 'worker') sayWhatToTry(config, log, url, url + API_BASE, desk?.info?.channels[0]?.username);
  };
  system = startSystem(
    treeOf(
      config.role,
      {
        simulator: desk && simulatorOf(config, desk, host.entry, dataDir.file('worlds', place, 'simulator'), { clock, log }),
        store: storeLinkSpec(storeStatus, { random, log, store, world }),
        dispatcher: dispatcherSpec(nudge, { clock, log, store, broker, accounts: [ACCOUNT] }),
        accounts: [account],
        http: listenerSpec('http', { ...config.http, variable: 'HTTP_PORT' }, gateway, announce, log),
        ops: listenerSpec(
          'ops',
          { ...config.ops, variable: 'OPS_PORT' },
          () => buildOps({ ...opsDeps, host: config.ops.host }),
          announce,
          log,
        ),
      },
      deps,
    ),
    deps,
  );
  return {
    system,
    release: async () => {
      await broker.close();
      await cache.close();
      await store.close();
    },
  };
}

function telegramOf(
  { telegram }: Config,
  desk: SimulatorDesk | undefined,
  deps: { readonly clock: typeof systemClock; readonly log: Log },
): Telegram {
  switch (telegram.kind) {
    case 'telegram':
      return gramJsTelegram(telegram, deps);
    case 'server': {
      const { host, port, keyPem, dc } = telegram;
      return gramJsTelegram({ ...telegram, server: { host, port, dcId: dc, publicKeyPem: keyPem } }, deps);
    }
    case 'simulated':
      return simulatedTelegram(
        () => desk?.info && { ...desk.info.address, publicKeyPem: desk.info.publicKeyPem },
        (address) => gramJsTelegram({ ...SIMULATOR_CREDENTIALS, server: { ...address, dcId: SIMULATOR_DC } }, deps),
      );
  }
}

function simulatorOf(
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
