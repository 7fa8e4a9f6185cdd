import { describe, expect, it } from 'vitest';
import { checkAct, offersFor } from '../../src/actors/act-rules.ts';
import { type ChildSpec, task } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { startSystem } from '../../src/actors/system.ts';
import { aborted } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { ActName } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ACCOUNT = 'root/accounts/main';
const LEASE = `${ACCOUNT}/lease`;

/** An account whose lease somebody else has until the test says so. */
async function standby() {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const deps = { clock, registry, random: () => 0, log: silentLog };
  const free = deferred();
  const lives: number[] = [];
  const child = (id: string, wait: () => Promise<void>): ChildSpec => ({
    id,
    kind: 'task',
    readyMs: Number.POSITIVE_INFINITY,
    start: (life) => ({
      logic: task(async (signal) => {
        lives.push(life.incarnation);
        await Promise.race([wait(), aborted(signal)]);
        life.ready();
        await aborted(signal);
      }),
    }),
  });
  const system = startSystem({ children: [supervisorSpec('accounts', { children: [] }, deps)] }, deps);
  await clock.settle();
  const accounts = system.supervisor('root/accounts');
  const lease = child('lease', () => free.promise);
  const added = accounts?.add(supervisorSpec('main', { strategy: 'rest_for_one', children: [lease] }, deps));
  added?.catch(() => {});
  await clock.settle();
  const actable = (path: string) => {
    const found = registry.actable(path);
    if (!found) throw new Error(`no actor at ${path}`);
    return found;
  };
  const check = (path: string, act: ActName) => checkAct(actable(path), { act });
  const offered = (path: string) => offersFor(actable(path)).map(({ act }) => act);
  return { clock, registry, system, accounts, free, lives, check, offered };
}

describe('what people may do below a supervisor that is starting', () => {
  it.each(['restart', 'stop', 'resume'] as const)(
    'is no %s, which would be done later; it is said what can be done',
    async (act) => {
      const { check, offered, free, clock, lives } = await standby();
      expect(() => check(LEASE, act)).toThrow(`its supervisor ${ACCOUNT} is starting; ask again once it is running`);
      expect(() => check(LEASE, act)).toThrow(`or restart or stop ${ACCOUNT} itself`);
      expect([offered(LEASE), offered(ACCOUNT)]).toEqual([[], ['restart', 'stop']]);
      free.resolve();
      await clock.settle();
      expect([lives, offered(LEASE)]).toEqual([[1], ['restart', 'stop']]);
    },
  );

  it('leaves the branch, which stops and starts while what it waits for does not come, and holds up no other', async () => {
    const { accounts, registry, clock, lives, offered } = await standby();
    const restarted = accounts?.restart('main').catch(() => {});
    await clock.settle();
    expect([lives, offered(ACCOUNT)]).toEqual([
      [1, 1],
      ['restart', 'stop'],
    ]);
    const stopped = accounts?.suspend('main');
    await clock.settle();
    await Promise.all([stopped, restarted]);
    expect([registry.glance(ACCOUNT)?.state, offered(ACCOUNT)]).toEqual(['suspended', ['resume']]);
  });
});
