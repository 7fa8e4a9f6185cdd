import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryBroker } from '../../src/actors/broker/memory.broker.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { dispatcherSpec, Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { errorRecord, VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Store } from '../../src/ports.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { openTestStore } from './job-house.ts';

let store: Store;
const systems: ActorSystem[] = [];
let accounts = 0;
const error = errorRecord(new VigiliaError('JOB_CANCELLED', 'not wanted'));

beforeAll(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});
afterAll(async () => {
  await store.close();
});

/** A dispatcher on the real store whose time stands still: what it does without an advance, it does without waiting for its poll. */
function house() {
  const clock = new VirtualClock();
  const accountId = `dispatched-${++accounts}`;
  const accountIds = [accountId, `${accountId}-b`, `${accountId}-c`];
  const broker = createMemoryBroker(silentLog);
  const nudge = new Nudge();
  const woken: string[] = [];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  /** Looks at the table: begun, and ended with the dispatcher asleep. */
  const looks = { ended: 0, failing: false, held: undefined as Deferred<void> | undefined, begun: 0, busy: 0 };
  const watched = new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      if (name !== 'pickDue' && name !== 'nextDue') return method.bind(target);
      return async (...args: unknown[]) => {
        if (name === 'pickDue') looks.begun++;
        tell();
        await looks.held?.promise;
        if (looks.failing) throw new VigiliaError('STORE_UNAVAILABLE', 'away');
        looks.busy++;
        return method.apply(target, args).finally(() => {
          looks.busy--;
          tell();
        });
      };
    },
  });
  const intake = createIntake({
    clock,
    entropy: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    store,
    actions: new Map([[syncMessages.name, syncMessages]]),
    defaultAccount: accountId,
    nudge: nudge.ring,
  });
  return {
    clock,
    broker,
    nudge,
    woken,
    looks,
    accountId,
    start: async () => {
      for (const id of accountIds) {
        await broker.consume(id, (jobId) => {
          woken.push(jobId);
          tell();
        });
      }
      const sleeper = {
        ...clock,
        setTimeout: (callback: () => void, delayMs: number) => {
          looks.ended++;
          tell();
          return clock.setTimeout(callback, delayMs);
        },
      };
      const spec = dispatcherSpec(nudge, { clock: sleeper, log: silentLog, store: watched, broker, accounts: () => accountIds });
      const deps = { clock, random: () => 0, log: silentLog, registry: new Registry(clock) };
      const system = startSystem({ children: [spec] }, deps);
      systems.push(system);
      await clock.settle();
      await system.started;
      return system;
    },
    submit: async (account = 0) => {
      const to = accountIds[account] as string;
      await store.ensureAccount(to);
      return (await intake.submit({ action: 'sync-messages', params: { channelId: 'x', limit: 1 }, accountId: to })).jobId;
    },
    until: async (holds: () => boolean) => {
      while (!holds()) {
        await new Promise<void>((resolve) => {
          const listener = (): void => {
            listeners.delete(listener);
            resolve();
          };
          listeners.add(listener);
        });
        // A sleep of no time at all shall not last.
        await clock.settle();
      }
      await clock.settle();
    },
  };
}

describe('the dispatcher', () => {
  test('wakes a job that was just accepted, without waiting for its poll', async () => {
    const { start, submit, woken, until, looks } = house();
    await start();
    await until(() => looks.ended === 1);
    const id = await submit();
    await until(() => woken.length === 1);
    expect(woken).toEqual([id]);
  });

  test('hears a nudge that came while it was looking', async () => {
    const { start, submit, woken, until, looks } = house();
    looks.held = deferred();
    await start();
    await until(() => looks.begun === 1);
    // Not seen by the look under way, if that one has read the table already.
    const id = await submit();
    looks.held.resolve();
    looks.held = undefined;
    await until(() => looks.begun === 2);
    await until(() => woken.includes(id));
  });

  test('finds what another process accepted with its next poll, a second later', async () => {
    const { start, clock, woken, until, looks, accountId } = house();
    await start();
    await until(() => looks.ended === 1);
    const id = `sync-from-elsewhere-${accountId}`;
    const job = { id, action: 'sync-messages', params: {}, accountId, priority: 5, machineVersion: 1, createdAt: clock.now() };
    await store.insertJob(job);
    await clock.advance(999);
    expect(looks.begun).toBe(1);
    await clock.advance(1);
    await until(() => woken.length === 1);
    expect(woken).toEqual([id]);
  });

  test('wakes a delayed job at its time, not at a poll', async () => {
    const { start, clock, submit, woken, until, looks, accountId } = house();
    const id = await submit();
    await store.ensureAccount(accountId);
    const token = await store.takeAccount(accountId, 'test');
    const error = { code: 'TELEGRAM_FLOOD', fault: 'throttled', message: 'wait' } as const;
    const now = clock.now();
    const claim = { token, number: 1 };
    await store.stepJob(id, (job) =>
      stepJob(job, [
        { type: 'CLAIM', now, token },
        { type: 'THROTTLE', now, claim, error, retryAt: now + 300 },
      ]),
    );
    await start();
    await until(() => looks.ended === 1);
    const { begun } = looks;
    await clock.advance(299);
    expect(looks.begun).toBe(begun);
    expect(woken).toEqual([]);
    await clock.advance(1);
    await until(() => woken.length === 1);
    expect(woken).toEqual([id]);
  });

  test('wakes a job that nobody took again, at growing intervals', async () => {
    const { start, clock, submit, woken, looks, until } = house();
    await submit();
    await start();
    await until(() => woken.length === 1);
    const at: number[] = [clock.now()];
    while (woken.length < 5) {
      await clock.advance(100);
      // Time stands still while the database is asked.
      await until(() => looks.busy === 0);
      const seen = woken.length;
      if (seen === at.length + 1) at.push(clock.now());
    }
    const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(1_000 * 2 ** index);
  });

  test('wakes more jobs than one look takes', async () => {
    const { start, submit, woken, until } = house();
    const ids = [];
    for (let i = 0; i < 24; i++) ids.push(await submit(i % 3));
    await start();
    await until(() => woken.length === 24);
    expect([...woken].sort()).toEqual([...ids].sort());
  });

  test('wakes no more of an account’s jobs than it can soon take, until one of them has ended', async () => {
    const { start, submit, woken, until, looks, nudge, clock } = house();
    const ids = [];
    for (let i = 0; i < 12; i++) ids.push(await submit());
    await start();
    await until(() => looks.ended === 1);
    expect(woken).toHaveLength(8);
    await store.stepJob(woken[0] as string, (job) => stepJob(job, [{ type: 'CLAIM', now: clock.now(), token: 1 }]));
    await store.stepJob(woken[0] as string, (job) => stepJob(job, [{ type: 'CANCEL', now: clock.now(), error }]));
    nudge.ring();
    await until(() => looks.ended === 2);
    expect(woken).toHaveLength(8);
    const claim = { token: 1, number: 1 };
    await store.stepJob(woken[0] as string, (job) => stepJob(job, [{ type: 'COMPLETE', now: clock.now(), claim, result: {} }]));
    nudge.ring();
    await until(() => woken.length === 9);
    expect(new Set(woken).size).toBe(9);
  });

  test('waits for a database that is away, and goes on', async () => {
    const { start, clock, submit, woken, until, looks } = house();
    looks.failing = true;
    await start();
    for (let look = 1; look <= 3; look++) {
      await until(() => looks.ended === look);
      await clock.advance(1_000);
    }
    await until(() => looks.ended === 4);
    const id = await submit();
    await until(() => looks.ended === 5);
    looks.failing = false;
    await clock.advance(1_000);
    await until(() => woken.length === 1);
    expect(woken).toEqual([id]);
  });

  test('stops at once, asleep or in the middle of a look', async () => {
    const { start, until, looks } = house();
    const asleep = await start();
    await until(() => looks.ended === 1);
    await asleep.stop();
    looks.held = deferred();
    const looking = await start();
    await until(() => looks.begun === 2);
    const stopped = looking.stop();
    looks.held.resolve();
    await stopped;
  });
});

describe('a nudge', () => {
  test('ends the sleep under way, or the next one, once', async () => {
    const clock = new VirtualClock();
    const nudge = new Nudge();
    const { signal } = new AbortController();
    nudge.ring();
    nudge.ring();
    await nudge.sleep(clock, 1_000, signal);
    let woke = 0;
    const sleeping = nudge.sleep(clock, 1_000, signal).then(() => woke++);
    await clock.advance(999);
    expect(woke).toBe(0);
    nudge.ring();
    await sleeping;
    const again = nudge.sleep(clock, 1_000, signal).then(() => woke++);
    await clock.advance(999);
    expect(woke).toBe(1);
    await clock.advance(1);
    await again;
  });

  test('does not sleep for a signal that has aborted already', async () => {
    await new Nudge().sleep(new VirtualClock(), 1_000, AbortSignal.abort());
  });
});
