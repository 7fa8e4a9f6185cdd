import { afterEach, expect, test, vi } from 'vitest';
import { dispatcherSpec, Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Broker, DueJob, Store } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const systems: ActorSystem[] = [];
afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});

/** A dispatcher with a broker that does what it is told, and one job that is due whenever it is looked for. */
async function house() {
  const clock = new VirtualClock();
  const nudge = new Nudge();
  const picked: (readonly string[])[] = [];
  const woken: string[] = [];
  const broken: { ready: boolean; code: ErrorCode | undefined; hangs: boolean } = { ready: true, code: undefined, hangs: false };
  const broker: Broker = {
    kind: 'rabbitmq',
    isReady: () => broken.ready,
    async wake(_account, jobId) {
      if (broken.hangs) await new Promise(() => {});
      if (broken.code) throw new VigiliaError(broken.code, 'no');
      woken.push(jobId);
    },
    consume: async () => async () => {},
    close: async () => {},
  };
  const store = {
    pickDue: async (accounts: readonly string[]): Promise<DueJob[]> => {
      picked.push(accounts);
      return accounts.map((accountId) => ({ id: 'sync-1', accountId })) as DueJob[];
    },
    nextDue: async () => undefined,
    prune: async () => 0,
  } as unknown as Store;
  const warn = vi.fn();
  const registry = new Registry(clock);
  const deps = { clock, random: () => 0, log: silentLog, registry };
  const spec = dispatcherSpec(nudge, { clock, log: { ...silentLog, warn }, store, broker, accounts: () => ['main'] });
  const system = startSystem({ children: [spec] }, deps);
  systems.push(system);
  await clock.settle();
  await system.started;
  return { clock, nudge, broken, picked, woken, warn, incarnation: () => system.find('root/dispatcher')?.incarnation };
}

test('picks no job while the broker is away, and does as soon as somebody says that it is back', async () => {
  const { clock, nudge, broken, picked, woken } = await house();
  broken.ready = false;
  await clock.advance(5_000);
  picked.length = 0;
  woken.length = 0;
  await clock.advance(60_000);
  expect(picked.flat()).toEqual([]);
  broken.ready = true;
  nudge.ring();
  await clock.settle();
  expect(woken).toEqual(['sync-1']);
});

test.each(['BROKER_UNAVAILABLE', 'BROKER_REFUSED', 'BROKER_UNROUTABLE', 'BREAKER_OPEN'] as const)(
  'goes on when a wake-up fails (%s), no more often than without that, and says it once',
  async (code) => {
    const { clock, broken, picked, woken, warn, incarnation } = await house();
    picked.length = 0;
    await clock.advance(10_000);
    const asEver = picked.length;
    broken.code = code;
    picked.length = 0;
    await clock.advance(10_000);
    expect(asEver).toBeGreaterThan(5);
    expect(picked).toHaveLength(asEver);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ account: 'main', code }), expect.any(String));
    woken.length = 0;
    broken.code = undefined;
    await clock.advance(1_000);
    expect(new Set(woken)).toEqual(new Set(['sync-1']));
    expect(incarnation()).toBe(1);
  },
);

test('waits for no wake-up: one that hangs keeps no other', async () => {
  const { clock, broken, picked } = await house();
  broken.hangs = true;
  picked.length = 0;
  await clock.advance(3_000);
  expect(picked.length).toBeGreaterThanOrEqual(3);
});

test('starts again after a defect of the broker', async () => {
  const { clock, broken, incarnation } = await house();
  broken.code = 'INTERNAL';
  await clock.advance(1_000);
  broken.code = undefined;
  await clock.advance(10_000);
  expect(incarnation()).toBeGreaterThan(1);
});
