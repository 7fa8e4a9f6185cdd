import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from '../../src/actors/registry.ts';
import { SaidOnce } from '../../src/actors/said-once.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLease } from '../../src/actors/telegram/account-lease.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { leaseSpec } from '../../src/actors/telegram/lease.actor.ts';
import { LeaseRenewals } from '../../src/actors/telegram/lease-renewals.ts';
import { VigiliaError } from '../../src/errors.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { LEASE_MS, MARGIN_MS, RENEW_MS } from '../../src/machines/lease-rule.ts';
import type { LeaseAnswer, LeaseRenewal } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const systems: ActorSystem[] = [];
const clocks: VirtualClock[] = [];

/** A database that gives one lease, and a process that has it: what the sockets see is written down in order. */
class House {
  readonly virtual = new VirtualClock();
  /** How far the wall clock was set away from the time that passes. */
  stepMs = 0;
  readonly clock = {
    now: () => this.virtual.now() + this.stepMs,
    monotonic: this.virtual.monotonic,
    setTimeout: this.virtual.setTimeout,
    clearTimeout: this.virtual.clearTimeout,
  };
  readonly happened: string[] = [];
  /** What an operator sees of it at the default level, by its cause. */
  readonly warned: unknown[] = [];
  readonly renewals: LeaseRenewal[][] = [];
  readonly released: number[] = [];
  taken = 0;
  /** Who has it instead of us, and for how long. */
  other: { owner: string; freeInMs: number } | undefined;
  isAway = false;
  refusal: VigiliaError | undefined;
  /** The lease is not ours any more. */
  isGone = false;
  /** Held back until it resolves. */
  gate: Promise<void> = Promise.resolve();
  readonly lease: AccountLease;
  readonly line = new AccountLine('main', this.clock, () => 0);
  readonly system: ActorSystem;

  constructor(isContested = true) {
    this.lease = new AccountLease('main', this.clock, isContested);
    const { clock, lease, line } = this;
    const store = {
      takeLease: async (): Promise<LeaseAnswer> => {
        await this.#answer();
        if (this.other) return { granted: false, ...this.other };
        this.isGone = false;
        return { granted: true, token: ++this.taken };
      },
      renewLeases: async (_owner: string, renewals: readonly LeaseRenewal[]) => {
        this.renewals.push([...renewals]);
        await this.#answer();
        return this.isGone ? [] : renewals.map(({ accountId }) => accountId);
      },
      releaseLease: async (_account: string, _owner: string, token: number) => {
        this.released.push(token);
        await this.#answer();
      },
    };
    const sibling = {
      id: 'connection',
      kind: 'connection',
      start: (life: { ready(): void }) => {
        this.happened.push('connection starts');
        life.ready();
        return { logic: endless(() => this.happened.push('connection ends')) };
      },
    };
    lease.onCut(() => this.happened.push('cut'));
    const deps = { clock, random: () => 0.5, log: silentLog, registry: new Registry(clock) };
    const renewals = new LeaseRenewals(store, 'me', clock, () => []);
    const log: Log = {
      ...silentLog,
      warn: (fields: object) => this.warned.push((fields as { cause?: unknown }).cause),
      child: () => log,
    };
    const spec = leaseSpec(lease, line, {
      clock,
      log,
      store,
      renewals,
      owner: 'me',
      isHome: () => false,
      obstacles: new SaidOnce(),
      evidence: () => line.health(),
    });
    this.system = startSystem({ strategy: 'rest_for_one', children: [spec, sibling as never] }, deps);
    systems.push(this.system);
    clocks.push(this.virtual);
  }

  get state(): string {
    return String(this.system.find('root/lease')?.context?.stage);
  }

  async #answer(): Promise<void> {
    await this.gate;
    if (this.refusal) throw this.refusal;
    if (this.isAway) throw new VigiliaError('STORE_UNAVAILABLE', 'the network is cut');
  }
}

/** Logic that ends when it is told to. */
function endless(onEnd: () => void) {
  return {
    getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
    transition: (snapshot: object, event: { type: string }) => {
      if (event.type !== 'SHUTDOWN') return snapshot;
      onEnd();
      return { ...snapshot, status: 'done' };
    },
    getPersistedSnapshot: (snapshot: object) => snapshot,
  } as never;
}

afterEach(async () => {
  for (const [at, system] of systems.splice(0).entries()) {
    const stopped = system.stop();
    await clocks[at]?.advance(10_000);
    await stopped;
  }
  clocks.length = 0;
});

describe('the lease of an account', () => {
  test('is taken before anything connects, renewed with evidence, and given back last', async () => {
    const house = new House();
    await house.virtual.settle();
    expect(house.happened).toEqual(['cut', 'connection starts']);
    expect(house.lease).toMatchObject({ token: 1 });
    await house.virtual.advance(60_000);
    expect(house.renewals.length).toBe(60_000 / RENEW_MS);
    expect(house.renewals.at(-1)).toEqual([{ accountId: 'main', token: 1, evidence: expect.objectContaining({ id: 'main' }) }]);
    expect(house.lease.isHeld()).toBe(true);
    const stopped = house.system.stop();
    await house.virtual.advance(1_000);
    await stopped;
    expect(house.happened).toEqual(['cut', 'connection starts', 'connection ends', 'cut']);
    expect(house.released).toEqual([1]);
  });

  test('that is somebody else’s is waited for, and nothing connects meanwhile', async () => {
    const house = new House();
    house.other = { owner: 'another', freeInMs: 12_000 };
    await house.virtual.advance(11_000);
    expect(house.state).toBe('waiting');
    expect(house.happened).toEqual(['cut']);
    expect(house.line.health()).toMatchObject({ state: 'awaiting-lease', reason: expect.stringContaining('another') });
    house.other = undefined;
    await house.virtual.advance(RENEW_MS);
    expect(house.happened).toEqual(['cut', 'connection starts']);
  });

  test('whose database does not answer is believed in for its time and no longer; the socket is cut before the others end', async () => {
    const house = new House();
    await house.virtual.advance(20_000);
    const renewedAt = house.virtual.now();
    house.isAway = true;
    await house.virtual.advance(LEASE_MS - MARGIN_MS - 1);
    expect(house.lease.isHeld()).toBe(true);
    expect(house.happened).toEqual(['cut', 'connection starts']);
    await house.virtual.advance(1);
    expect(house.virtual.now() - renewedAt).toBe(LEASE_MS - MARGIN_MS);
    expect(house.happened.slice(2)).toEqual(['cut', 'connection ends']);
    await house.virtual.advance(30_000);
    // Cut again by the life that begins: what is left of the one before counts for nothing.
    expect(house.happened.slice(2)).toEqual(['cut', 'connection ends', 'cut']);
    expect(house.line.health().reason).toContain('the network is cut');
    house.isAway = false;
    await house.virtual.advance(2_000);
    expect(house.happened.slice(5)).toEqual(['connection starts']);
    expect(house.lease).toMatchObject({ token: 2 });
  });

  test('that cannot be had says why, in the log once for each reason, and in its health all the time', async () => {
    const house = new House();
    house.refusal = new VigiliaError('STORE_REFUSED', 'relation "accounts" does not exist');
    await house.virtual.advance(60_000);
    expect(house.warned).toEqual(['relation "accounts" does not exist']);
    expect(house.line.health()).toMatchObject({ state: 'awaiting-lease', reason: 'relation "accounts" does not exist' });
    house.refusal = new VigiliaError('STORE_UNAVAILABLE', 'permission denied for table accounts');
    await house.virtual.advance(60_000);
    expect(house.warned.slice(1)).toEqual(['permission denied for table accounts']);
    house.refusal = undefined;
    await house.virtual.advance(2_000);
    expect(house.lease.isHeld()).toBe(true);
    expect(house.warned).toHaveLength(2);
  });

  test('that nobody else can have outlives a database that does not answer and clocks that jump, and ends when the database says so', async () => {
    const house = new House(false);
    await house.virtual.advance(20_000);
    house.isAway = true;
    await house.virtual.advance(3_600_000);
    house.stepMs = 3_600_000;
    expect(house.lease.isHeld()).toBe(true);
    expect(house.happened).toEqual(['cut', 'connection starts']);
    house.isAway = false;
    house.isGone = true;
    await house.virtual.advance(RENEW_MS);
    expect(house.happened.slice(2, 4)).toEqual(['cut', 'connection ends']);
  });

  test('that the database has given to another is let go at the next renewal', async () => {
    const house = new House();
    await house.virtual.settle();
    house.isGone = true;
    house.other = { owner: 'another', freeInMs: 55_000 };
    house.lease.ask();
    await house.virtual.advance(10_000);
    expect(house.happened).toEqual(['cut', 'connection starts', 'cut', 'connection ends', 'cut']);
    expect(house.state).toBe('waiting');
    expect(house.lease.isHeld()).toBe(false);
  });

  test('is over for whoever is about to send when the process stood still, before any timer says so', async () => {
    const house = new House();
    await house.virtual.settle();
    // Time has passed, and no timer has come yet: what wakes first is something that wants to send.
    const still = new AccountLease('main', house.clock);
    let cuts = 0;
    still.onCut(() => {
      cuts += 1;
    });
    still.confirm(7, still.moment);
    expect(still.isHeld()).toBe(true);
    await house.virtual.advance(LEASE_MS - MARGIN_MS);
    expect(cuts).toBe(0);
    expect(still.isHeld()).toBe(false);
    expect(cuts).toBe(1);
    expect(still.token).toBeUndefined();
  });

  test('survives a clock that is set back, and is taken anew after one that jumps ahead, as after the sleep of a machine', async () => {
    const house = new House();
    await house.virtual.advance(12_000);
    house.stepMs = -3_600_000;
    await house.virtual.advance(30_000);
    expect(house.lease.isHeld()).toBe(true);
    expect(house.taken).toBe(1);
    // Set back, it still ends in time by the other clock.
    house.isAway = true;
    await house.virtual.advance(LEASE_MS);
    expect(house.lease.isHeld()).toBe(false);
    house.isAway = false;
    await house.virtual.advance(5_000);
    expect(house.taken).toBe(2);
    const before = house.happened.length;
    house.stepMs += 600_000;
    expect(house.lease.isHeld()).toBe(false);
    expect(house.happened.slice(before)).toEqual(['cut', 'cut', 'connection ends']);
    await house.virtual.advance(5_000);
    expect(house.lease.isHeld()).toBe(true);
    expect(house.taken).toBe(3);
  });

  test('granted to one who was told to stop meanwhile is given back, and nothing has connected', async () => {
    const house = new House();
    let open: () => void = () => {};
    house.gate = new Promise((resolve) => {
      open = resolve;
    });
    await house.virtual.settle();
    expect(house.state).toBe('acquiring');
    const stopped = house.system.stop();
    await house.virtual.settle();
    open();
    await house.virtual.advance(5_000);
    await stopped;
    expect(house.released).toEqual([1]);
    expect(house.happened.filter((one) => one === 'connection starts')).toEqual([]);
    expect(house.lease.isHeld()).toBe(false);
  });

  test('answers that come after the lease could be believed in are of no use', async () => {
    const house = new House();
    await house.virtual.settle();
    let open: () => void = () => {};
    await house.virtual.advance(RENEW_MS);
    house.gate = new Promise((resolve) => {
      open = resolve;
    });
    await house.virtual.advance(LEASE_MS + 10_000);
    expect(house.lease.isHeld()).toBe(false);
    house.other = { owner: 'another', freeInMs: 30_000 };
    open();
    await house.virtual.advance(1_000);
    expect(house.lease.isHeld()).toBe(false);
    expect(house.state).toBe('waiting');
  });
});

test('renewals of several accounts that are due at once go in one statement', async () => {
  const virtual = new VirtualClock();
  const sent: string[][] = [];
  const store = {
    renewLeases: async (_owner: string, renewals: readonly LeaseRenewal[]) => {
      sent.push(renewals.map(({ accountId }) => accountId));
      return ['one'];
    },
  };
  const renewals = new LeaseRenewals(store, 'me', virtual, () => []);
  const evidence = new AccountLine('one', virtual, () => 0).health();
  const answers = Promise.all(['one', 'two'].map((accountId) => renewals.renew({ accountId, token: 1, evidence })));
  await virtual.settle();
  expect(await answers).toEqual([true, false]);
  expect(sent).toEqual([['one', 'two']]);
});
