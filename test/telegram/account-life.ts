import { join } from 'node:path';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { boxSpec } from '../../src/actors/telegram/box.actor.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { feedsSpec } from '../../src/actors/telegram/feeds.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { Turns } from '../../src/actors/telegram/turns.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { AccountHealth, Store } from '../../src/ports.ts';
import { until } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import type { TelegramHouse } from './telegram-house.ts';

export interface LifeOptions {
  readonly clock?: Clock;
  readonly withCredentials?: boolean;
  /** Of all lives together, for opening a link. */
  readonly openings?: Turns;
}

/** One life of an account's process: its connection, the writer of its updates, and its feeds. */
export async function startLife(
  accountId: string,
  house: TelegramHouse,
  store: Store,
  { clock = systemClock, withCredentials = true, openings }: LifeOptions = {},
) {
  const line = new AccountLine(accountId, clock, () => 0);
  const registry = new Registry(clock);
  const deps = { clock, random: () => 0, log: silentLog, store, cache: createMemoryCache(clock) };
  const credentials = () => (withCredentials ? house.account : undefined);
  // In a file: deriving one from words costs more than the rest of a life.
  const keys = { key: null };
  const sessions = openFileVault(join(house.folder, 'sessions'), keys, { world: 'test', clock: systemClock, log: silentLog });
  const children = [
    connectionSpec(line, { ...deps, telegram: house.telegram(clock), sessions, credentials, ...(openings && { openings }) }),
    boxSpec(line, { ...deps, registry }),
    feedsSpec({ ...deps, registry }),
  ];
  const system = startSystem({ children }, { ...deps, registry });
  const settle = async (): Promise<void> => {
    if (clock instanceof VirtualClock) await clock.settle();
  };
  await settle();
  await system.started;
  /** Resolves once the account's health fits. */
  const healthy = (fits: (health: AccountHealth) => boolean): Promise<AccountHealth> =>
    until(async () => {
      await settle();
      const health = line.health();
      return fits(health) ? health : undefined;
    });
  return {
    line,
    system,
    healthy,
    is: (state: string) => healthy((health) => health.state === state),
    live: () =>
      until(async () => {
        await settle();
        return system.find('root/connection')?.state.includes('service.live') || undefined;
      }),
  };
}
