import { expect, onTestFinished, test } from 'vitest';
import { AccountsKeeper, type AccountsKeeperDeps, type ServedAccount } from '../../src/actors/accounts-keeper.actor.ts';
import { LeaseBoard } from '../../src/actors/lease-board.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { AccountLease } from '../../src/actors/telegram/account-lease.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { LeaseRow } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A keeper over rows that the test has in hand; an account that runs has its lease at once, and connects when the test says so. */
class House {
  readonly clock = new VirtualClock();
  readonly rows: LeaseRow[];
  workers = 1;
  /** How often all rows were read. */
  looks = 0;
  refusesToStop = false;
  /** In the order in which they were started, each time. */
  readonly started: string[] = [];
  readonly running = new Map<string, ServedAccount>();
  /** Accounts that a person stopped. */
  readonly stopped = new Set<string>();
  readonly keeper: AccountsKeeper;
  readonly #registry = new Registry(this.clock);

  constructor(count: number, change: Partial<AccountsKeeperDeps> = {}) {
    const { clock } = this;
    const free = {
      removed: false,
      owner: null,
      token: 0,
      expiresInMs: null,
      home: null,
      evidence: null,
      evidenceAgeMs: null,
      userId: null,
    };
    this.rows = Array.from({ length: count }, (_, index) => ({ ...free, accountId: `account-${index + 1}` }));
    const handle = {
      add: async ({ id }: { readonly id: string }) => this.#own(id, 'me'),
      remove: async (id: string) => {
        if (this.refusesToStop) throw new VigiliaError('SUPERVISION_REFUSED', 'its supervisor does not run');
        this.running.get(id)?.lease.cut();
        this.running.delete(id);
        this.#own(id, null);
      },
    };
    this.keeper = new AccountsKeeper({
      clock,
      log: silentLog,
      store: {
        leases: async () => {
          this.looks += 1;
          return [...this.rows];
        },
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
      isStopped: (id) => this.stopped.has(id),
      health: () => [],
      ...change,
    });
    const deps = { clock, random: () => 0.5, log: silentLog };
    const system = startSystem({ children: [this.keeper.spec()] }, { ...deps, registry: this.#registry });
    onTestFinished(async () => {
      const stopped = system.stop();
      await clock.advance(10_000);
      await stopped;
    });
  }

  get restarts(): number | undefined {
    return this.#registry.tree('root/accounts-keeper')?.restarts;
  }

  connect(id: string): void {
    this.running.get(id)?.line.setState('authenticated');
  }

  /** A person stops it, and another worker takes it. */
  stopFor(id: string, owner: string): void {
    this.stopped.add(id);
    this.running.get(id)?.lease.cut();
    this.#own(id, owner);
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

test('an account that a person stopped stays stopped here while another worker has it, and when that one gives it back', async () => {
  const house = new House(2);
  await house.clock.advance(1_000);
  house.stopFor('account-1', 'another');
  await house.clock.advance(20_000);
  expect([house.running.has('account-1'), house.started.length]).toEqual([true, 2]);
  house.stopFor('account-1', '');
  await house.clock.advance(20_000);
  expect([house.running.has('account-1'), house.started.length]).toEqual([true, 2]);
  house.stopped.clear();
  house.rows.shift();
  await house.clock.advance(2_000);
  expect(house.running.has('account-1')).toBe(false);
});

test('the token of an account is there while its lease is held, and no longer', async () => {
  const house = new House(1);
  await house.clock.advance(1_000);
  expect([house.keeper.tokenOf('account-1'), house.keeper.tokenOf('another')]).toEqual([1, undefined]);
  house.running.get('account-1')?.lease.cut();
  expect(house.keeper.tokenOf('account-1')).toBeUndefined();
});

test.each(['SESSION_CORRUPT', 'SESSION_UNREADABLE'] as const)(
  'a folder of sessions that cannot be looked into (%s) does not end what serves the accounts',
  async (code) => {
    const said: object[] = [];
    const sessions = {
      accounts: () => Promise.reject(new VigiliaError(code, 'sessions/third cannot be read (EACCES)')),
      read: async () => 'a session',
      write: async () => {},
    };
    const log = { ...silentLog, warn: (fields: object) => void said.push(fields) };
    const house = new House(2, { sessions, sharesSessions: false, log });
    await house.clock.advance(600_000);
    expect([...house.running.keys()].sort()).toEqual(['account-1', 'account-2']);
    expect(house.restarts).toBe(0);
    expect(said).toEqual([{ cause: 'sessions/third cannot be read (EACCES)' }]);
  },
);

test('a session that cannot be read at the moment is another worker’s, or this one’s a little later', async () => {
  let unreadable = true;
  const read = async (id: string): Promise<string> => {
    if (id === 'account-1' && unreadable) throw new VigiliaError('SESSION_UNREADABLE', 'the key file: EIO');
    return 'a session';
  };
  const house = new House(2, { sessions: { accounts: async () => [], read, write: async () => {} } });
  house.workers = 2;
  await house.clock.advance(20_000);
  expect([[...house.running.keys()], house.restarts]).toEqual([['account-2'], 0]);
  unreadable = false;
  await house.clock.advance(90_000);
  expect(house.running.size).toBe(2);
});

test('an account that cannot be stopped yet is tried again at the next look, not at once', async () => {
  const house = new House(1);
  await house.clock.advance(2_000);
  house.refusesToStop = true;
  house.rows.splice(0);
  const before = house.looks;
  await house.clock.advance(10_000);
  expect(house.looks - before).toBeLessThanOrEqual(11);
  house.refusesToStop = false;
  await house.clock.advance(2_000);
  expect(house.running.size).toBe(0);
});

test('of an account that is not served any more nothing goes on: its breaker counts no more', async () => {
  const house = new House(2);
  await house.clock.advance(2_000);
  const [removed, forgotten] = [...house.running.values()].map(({ line }) => line);
  house.rows.shift();
  await house.clock.advance(2_000);
  house.running.delete('account-2');
  await house.clock.advance(2_000);
  for (const line of [removed, forgotten]) await expect(line?.breaker.run(async () => 'answered')).rejects.toThrow(/shutdown/);
  await expect(house.running.get('account-2')?.line.breaker.run(async () => 'answered')).resolves.toBe('answered');
});
