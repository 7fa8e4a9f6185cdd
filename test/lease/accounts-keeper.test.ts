import { expect, onTestFinished, test } from 'vitest';
import { AccountsKeeper, type AccountsKeeperDeps, type ServedAccount } from '../../src/actors/accounts-keeper.actor.ts';
import { LeaseBoard } from '../../src/actors/lease-board.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { AccountLease } from '../../src/actors/telegram/account-lease.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { silentLog } from '../../src/log.ts';
import type { LeaseRow } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A keeper over rows that the test has in hand; an account that runs has its lease at once, and connects when the test says so. */
class House {
  readonly clock = new VirtualClock();
  readonly rows: LeaseRow[];
  workers = 1;
  /** In the order in which they were started, each time. */
  readonly started: string[] = [];
  readonly running = new Map<string, ServedAccount>();
  readonly keeper: AccountsKeeper;

  constructor(count: number, change: Partial<AccountsKeeperDeps> = {}) {
    const { clock } = this;
    const free = { removed: false, owner: null, token: 0, expiresInMs: null, home: null, evidence: null, evidenceAgeMs: null };
    this.rows = Array.from({ length: count }, (_, index) => ({ ...free, accountId: `account-${index + 1}` }));
    const handle = {
      add: async ({ id }: { readonly id: string }) => this.#own(id, 'me'),
      remove: async (id: string) => {
        this.running.get(id)?.lease.cut();
        this.running.delete(id);
        this.#own(id, null);
      },
    };
    this.keeper = new AccountsKeeper({
      clock,
      log: silentLog,
      store: {
        leases: async () => [...this.rows],
        checkInWorker: async () => this.workers,
        ensureAccount: async () => 1,
        makeAccount: async () => true,
        removeAccount: async () => 1,
        findUnended: async () => [],
        stepJob: async () => undefined,
      },
      board: new LeaseBoard(clock),
      worker: 'me',
      filter: { only: null, limit: 500 },
      sessions: { accounts: async () => [], read: async () => 'a session', write: async () => {} },
      sharesSessions: true,
      sharesDatabase: true,
      given: () => [],
      make: (id) => this.#make(id),
      supervisor: () => handle as never,
      isAlive: (id) => this.running.has(id),
      health: () => [],
      ...change,
    });
    const deps = { clock, random: () => 0.5, log: silentLog };
    const system = startSystem({ children: [this.keeper.spec()] }, { ...deps, registry: new Registry(clock) });
    onTestFinished(async () => {
      const stopped = system.stop();
      await clock.advance(10_000);
      await stopped;
    });
  }

  connect(id: string): void {
    this.running.get(id)?.line.setState('authenticated');
  }

  #own(id: string, owner: string | null): void {
    const at = this.rows.findIndex(({ accountId }) => accountId === id);
    const row = this.rows[at];
    if (row) this.rows[at] = { ...row, owner, expiresInMs: owner === null ? null : 15_000 };
  }

  #make(id: string): ServedAccount {
    const lease = new AccountLease(id, this.clock, false);
    lease.confirm(1, lease.moment);
    const account = { line: new AccountLine(id, this.clock, () => 0), lease, spec: { id } as never };
    this.started.push(id);
    this.running.set(id, account);
    return account;
  }
}

test('so many accounts begin that their connections can all be opened in time; each that is open, or cannot be, makes room', async () => {
  const house = new House(100);
  await house.clock.advance(3_000);
  expect(house.started).toHaveLength(16);
  for (const id of house.started.slice(0, 7)) house.connect(id);
  await house.clock.settle();
  expect(house.started).toHaveLength(16);
  const eighth = house.started[7] ?? '';
  house.running.get(eighth)?.line.setState('reauth-required');
  await house.clock.settle();
  expect(house.started).toHaveLength(24);
  for (let seen = 0; seen < house.started.length; seen++) {
    house.connect(house.started[seen] ?? '');
    await house.clock.settle();
  }
  expect(new Set(house.started).size).toBe(100);
});

test('accounts that never come to a connection do not keep the others waiting for ever', async () => {
  const house = new House(20);
  await house.clock.advance(59_000);
  expect(house.started).toHaveLength(16);
  await house.clock.advance(2_000);
  expect(house.started).toHaveLength(20);
});

test('what is given back to a newcomer is left to him, and taken again only when he has not wanted it for a while', async () => {
  const house = new House(3);
  await house.clock.advance(20_000);
  expect(house.running.size).toBe(3);
  house.workers = 2;
  await house.clock.advance(2_000);
  expect(house.running.size).toBe(2);
  await house.clock.advance(7_000);
  expect([house.running.size, house.started.length]).toEqual([2, 3]);
  await house.clock.advance(5_000);
  expect([house.running.size, house.started.length]).toEqual([3, 4]);
});

test('the token of an account is there while its lease is held, and no longer', async () => {
  const house = new House(1);
  await house.clock.advance(1_000);
  expect([house.keeper.tokenOf('account-1'), house.keeper.tokenOf('another')]).toEqual([1, undefined]);
  house.running.get('account-1')?.lease.cut();
  expect(house.keeper.tokenOf('account-1')).toBeUndefined();
});
