import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { boxSpec } from '../../src/actors/telegram/box.actor.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { feedsSpec } from '../../src/actors/telegram/feeds.ts';
import { gramJsTelegram } from '../../src/actors/telegram/gramjs/gramjs-telegram.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { ChatId, Store } from '../../src/ports.ts';
import { SimulatorProcess, temporaryFolder } from '../simulator/simulator-process.ts';

export const PHONES = ['15550000001', '15550000002'] as const;
export const GROUP = 'Friends';
export const CHANNELS = ['alpha', 'beta', 'gamma'] as const;

const WORLD = {
  accounts: PHONES.map((phone) => ({ phone, code: '12345' })),
  channels: [
    { username: 'alpha', messages: 20 },
    { username: 'beta', messages: 20, kind: 'supergroup' },
    { username: 'gamma', messages: 0 },
  ],
  groups: [{ title: GROUP, members: PHONES, messages: 4 }],
  chats: [{ members: PHONES, messages: 4 }],
};

/** One account's life: what a worker runs of it. */
export interface AccountLife {
  readonly line: AccountLine;
  readonly system: ActorSystem;
  readonly registry: Registry;
}

/** A simulator that can be killed and comes back as it was, and accounts that share its channels and one store. */
export class StormHouse {
  simulator: SimulatorProcess;
  readonly store: Store;
  readonly #folder: { readonly path: string; remove(): void };
  readonly #worldPath: string;

  private constructor(simulator: SimulatorProcess, store: Store, folder: { path: string; remove(): void }, worldPath: string) {
    this.simulator = simulator;
    this.store = store;
    this.#folder = folder;
    this.#worldPath = worldPath;
  }

  static async start(store: Store): Promise<StormHouse> {
    const folder = temporaryFolder();
    const worldPath = join(folder.path, 'world');
    mkdirSync(worldPath);
    writeFileSync(join(worldPath, 'world.json'), JSON.stringify(WORLD));
    const simulator = await SimulatorProcess.start({ dataDir: join(folder.path, 'data'), worldPath });
    return new StormHouse(simulator, store, folder, worldPath);
  }

  get control() {
    return this.simulator.control;
  }

  /** SIGKILL, and a new process over what the old one had written, on the same port. */
  async restartSimulator(): Promise<void> {
    const { port } = this.simulator.info.address;
    await this.simulator.kill();
    this.simulator = await SimulatorProcess.start({ dataDir: join(this.#folder.path, 'data'), worldPath: this.#worldPath, port });
  }

  async startAccount(index: number): Promise<AccountLife> {
    const { address, publicKeyPem } = this.simulator.info;
    const phone = PHONES[index] ?? '';
    const line = new AccountLine(`storm-${index}`, systemClock, () => 0);
    const registry = new Registry(systemClock);
    // No jitter, which here is no pause at all: what is waited for is Telegram, not us.
    const deps = {
      clock: systemClock,
      random: () => 0,
      log: silentLog,
      store: this.store,
      cache: createMemoryCache(systemClock),
      registry,
    };
    const children = [
      connectionSpec(line, {
        ...deps,
        telegram: gramJsTelegram({ apiId: 1, apiHash: 'test', server: { ...address, publicKeyPem, dcId: 2 } }, deps),
        sessions: openFileVault(
          join(this.#folder.path, 'sessions'),
          // With a key file: deriving a key from words, at each restart, would be a good part of what the storm costs.
          { key: null },
          { world: 'test', clock: systemClock, log: silentLog },
        ),
        credentials: () => ({ phone, code: '12345' }),
      }),
      boxSpec(line, deps),
      feedsSpec(deps),
    ];
    const system = startSystem({ children, strategy: 'rest_for_one' }, deps);
    await system.started;
    return { line, system, registry };
  }

  chatId(channel: string): ChatId {
    const found = this.simulator.info.channels.find(({ username }) => username === channel);
    return -1_000_000_000_000 - (found?.id ?? 0);
  }

  async close(): Promise<void> {
    await this.simulator.kill();
    this.#folder.remove();
  }
}
