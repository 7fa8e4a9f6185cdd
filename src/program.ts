import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
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
import { API_BASE, buildGateway, buildOps } from './http/server.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { Telegram, World } from './ports.ts';
import { treeOf } from './tree.ts';

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
  const place = worldPlace(config);
  const desk = config.telegram.kind === 'simulated' ? new SimulatorDesk(clock) : undefined;
  const world = (): World => worldOf(config, desk);
  // First of all: a new embedded database takes seconds to make.
  sayWhatRuns(config, host, log, dataDir.path);
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
    if (config.role !== 'worker') sayWhatToTry(config, log, url, desk);
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

/** Each world has its own place in the data directory, so that going from one to another mixes nothing up. */
function worldPlace({ telegram }: Config): string {
  switch (telegram.kind) {
    case 'telegram':
      return 'telegram';
    case 'server':
      return `server-${fingerprint(telegram.keyPem)}`;
    case 'simulated':
      return telegram.world === null ? 'simulator-demo' : `simulator-${sha256(realpathSync(telegram.world)).slice(0, 12)}`;
  }
}

function worldOf({ telegram }: Config, desk: SimulatorDesk | undefined): World {
  if (telegram.kind === 'telegram') return { kind: 'telegram', id: 'telegram' };
  if (telegram.kind === 'server') return { kind: 'server', id: fingerprint(telegram.keyPem) };
  return { kind: 'simulator', id: desk?.worldId ?? 'unknown' };
}

/** The same of a server's key wherever it is computed: the first 16 hex digits of the SHA-256 of its DER form. */
function fingerprint(publicKeyPem: string): string {
  return sha256(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' })).slice(0, 16);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
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

/** What people have to know of this version, shown by `/health`. */
function notesOf({ telegram, rabbitmqUrl, redisUrl, role }: Config): string[] {
  const notes = [
    'Gaps in the pushed updates are seen and counted, but not yet filled: what was posted while the account was away arrives with the next sync-messages.',
  ];
  if (telegram.kind === 'simulated') notes.push('Telegram is simulated: nothing here comes from or goes to Telegram.');
  if (telegram.kind === 'server') notes.push('What answers as Telegram is the server of TELEGRAM_SERVER.');
  if (rabbitmqUrl) notes.push('RABBITMQ_URL is set but not used by this version: jobs are found through the database.');
  if (redisUrl) notes.push('REDIS_URL is set but not used by this version: reads go to the database.');
  if (role === 'gateway') notes.push('A gateway of its own does not see its workers in this version: ask their ops listeners.');
  return notes;
}

function sayWhatRuns(config: Config, host: ProgramHost, log: Log, dataDir: string): void {
  for (const warning of config.warnings) log.warn({}, warning);
  const where = config.database ? 'PostgreSQL' : 'embedded database (PGlite)';
  log.info({ role: config.role, pid: host.pid, dataDir }, `Vigília ${host.version}: ${where}, in-process broker`);
  if (config.telegram.kind === 'simulated') {
    const world = config.telegram.world ?? 'the built-in demo world';
    log.warn(
      { world },
      'Telegram is SIMULATED: a real MTProto server on loopback; set TELEGRAM_API_ID and TELEGRAM_API_HASH for Telegram',
    );
  }
  for (const note of notesOf(config)) log.debug({}, note);
}

/** Commands to copy into a shell, each a line of its own. */
function sayWhatToTry(config: Config, log: Log, url: string, desk: SimulatorDesk | undefined): void {
  const channel = desk?.info?.channels[0]?.username ?? 'durov';
  const token = config.tokens.length > 0 ? "-H 'X-Gateway-Token: YOUR_TOKEN' " : '';
  const body = `-H 'content-type: application/json' -d '{"channelId":"${channel}","limit":200}'`;
  log.info({}, `try: curl ${token}-X POST '${url}${API_BASE}/sync-messages' ${body}`);
  log.info({}, `then: curl ${token}'${url}${API_BASE}/channels/${channel}/messages?limit=5'`);
  log.info({}, `and: curl ${token}'${url}/health'`);
}
