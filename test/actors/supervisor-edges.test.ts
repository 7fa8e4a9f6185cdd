import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { type ChildSpec, type Life, task } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { currentOwner, type Owner } from '../../src/actors/stray.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { startSystem } from '../../src/actors/system.ts';
import { aborted, pause } from '../../src/clock.ts';
import { causeChain } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function harness() {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  return { clock, registry, deps: { clock, registry, random: () => 0.999_999, log: silentLog } };
}

/** A child that runs what the test gives it. */
function child(id: string, run: (life: Life, signal: AbortSignal) => Promise<void>, options: Partial<ChildSpec> = {}): ChildSpec {
  return { id, kind: 'task', start: (life) => ({ logic: task((signal) => run(life, signal)) }), ...options };
}

/** Ready at once, up until it is stopped. */
const steady = async (life: Life, signal: AbortSignal): Promise<void> => {
  life.ready();
  await aborted(signal);
};

describe('a supervisor at its edges', () => {
  it('waits for a child that was still starting when it gives up because of an earlier one', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const trouble = deferred();
    const first = child('first', async (life) => {
      life.ready();
      await trouble.promise;
    });
    const slow = child('slow', async (_, signal) => {
      await aborted(signal);
      await pause(clock, 500, new AbortController().signal);
      journal.push('slow is down');
    });
    const system = startSystem({ children: [first, slow], intensity: { maxRestarts: 0, periodMs: 1_000 } }, deps);
    await clock.settle();
    trouble.reject(new Error('boom'));
    void system.ended.then(() => journal.push('ended'));
    await clock.advance(499);
    expect(journal).toEqual([]);
    await clock.advance(1);
    expect(journal).toEqual(['slow is down', 'ended']);
    expect(causeChain(await system.ended)).toEqual([expect.stringMatching(/^GAVE_UP: root\/first/), 'boom']);
  });

  it('counts a start that throws as a failure, and tries again', async () => {
    const { deps, clock } = harness();
    const trouble = deferred();
    let starts = 0;
    const fragile: ChildSpec = {
      id: 'fragile',
      kind: 'task',
      start: (life) => {
        starts++;
        if (starts === 2 || starts === 3) throw new Error(`start ${starts} failed`);
        const until = starts === 1 ? trouble.promise : new Promise<void>(() => {});
        return {
          logic: task(async (signal) => {
            life.ready();
            await Promise.race([until, aborted(signal)]);
          }),
        };
      },
    };
    const system = startSystem({ children: [fragile] }, deps);
    await clock.settle();
    trouble.reject(new Error('first'));
    await clock.advance(10_000);
    expect(starts).toBe(4);
    expect(system.find('root/fragile')).toMatchObject({ state: 'up', restarts: 3, lastExit: { causes: ['start 3 failed'] } });
    await system.stop();
    expect(await system.ended).toBeUndefined();
  });

  it('fails its own start when a first start throws', async () => {
    const { deps, clock } = harness();
    const broken: ChildSpec = {
      id: 'broken',
      kind: 'task',
      start: () => {
        throw new Error('cannot even begin');
      },
    };
    const system = startSystem({ children: [child('before', steady), broken] }, deps);
    await clock.settle();
    await expect(system.started).rejects.toMatchObject({ code: 'GAVE_UP' });
    expect(causeChain(await system.ended).at(-1)).toBe('cannot even begin');
  });

  it('restarts a permanent child that ended by itself', async () => {
    const { deps, clock } = harness();
    const end = deferred();
    const lives: number[] = [];
    const system = startSystem(
      {
        children: [
          child('a', async (life, signal) => {
            lives.push(life.incarnation);
            life.ready();
            await (life.incarnation === 1 ? end.promise : aborted(signal));
          }),
        ],
      },
      deps,
    );
    await clock.settle();
    end.resolve();
    await clock.advance(100);
    expect(lives).toEqual([1, 2]);
    expect(system.find('root/a')).toMatchObject({ state: 'up', lastExit: { reason: 'normal', causes: [] } });
    await system.stop();
  });

  it('does not take the late word of an earlier life for the present one', async () => {
    const { deps, clock } = harness();
    const trouble = deferred();
    const lives: Life[] = [];
    const a = child('a', async (life, signal) => {
      lives.push(life);
      if (life.incarnation === 1) {
        life.ready();
        await trouble.promise;
      }
      await aborted(signal);
    });
    const system = startSystem({ children: [a] }, deps);
    await clock.settle();
    trouble.reject(new Error('boom'));
    await clock.advance(200);
    lives[0]?.ready();
    await clock.settle();
    expect(system.find('root/a')?.state).toBe('starting');
    lives[1]?.ready();
    lives[1]?.ready();
    await clock.settle();
    expect(system.find('root/a')?.state).toBe('up');
    await system.stop();
  });

  it('takes a failure while stopping for the end it asked for', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const first = child('first', async (life, signal) => {
      await steady(life, signal);
      journal.push('first is down');
    });
    const sore = child('sore', async (life, signal) => {
      await steady(life, signal);
      journal.push('sore fails');
      throw new Error('could not let go');
    });
    const system = startSystem({ children: [first, sore] }, deps);
    await clock.settle();
    await system.stop();
    expect(await system.ended).toBeUndefined();
    expect(journal).toEqual(['sore fails', 'first is down']);
  });

  it('doubles the delay with each failure in a row, up to its cap, and starts anew after a quiet period', async () => {
    const { deps, clock } = harness();
    const fails: (() => void)[] = [];
    const startedAt: number[] = [];
    const a = child(
      'a',
      async (life, signal) => {
        startedAt.push(clock.now());
        const trouble = deferred();
        fails.push(() => trouble.reject(new Error('boom')));
        life.ready();
        await Promise.race([trouble.promise, aborted(signal)]);
      },
      { backoff: { baseMs: 100, capMs: 500 } },
    );
    const system = startSystem({ children: [a], intensity: { maxRestarts: 100, periodMs: 60_000 } }, deps);
    await clock.settle();
    const delays: number[] = [];
    for (let failure = 0; failure < 5; failure++) {
      const failedAt = clock.now();
      fails.at(-1)?.();
      await clock.advance(500);
      delays.push((startedAt.at(-1) ?? 0) - failedAt);
    }
    expect(delays).toEqual([99, 199, 399, 499, 499]);
    await clock.advance(60_000);
    const failedAt = clock.now();
    fails.at(-1)?.();
    await clock.advance(500);
    expect((startedAt.at(-1) ?? 0) - failedAt).toBe(99);
    await system.stop();
  });

  it('stops the children of its children, in reverse order, before its own next one', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const leaf = (id: string): ChildSpec =>
      child(id, async (life, signal) => {
        await steady(life, signal);
        await pause(clock, 100, new AbortController().signal);
        journal.push(id);
      });
    const inner = supervisorSpec('inner', { children: [leaf('b'), leaf('c')] }, deps);
    const system = startSystem({ children: [leaf('a'), inner, leaf('d')] }, deps);
    await clock.settle();
    const stopped = system.stop();
    await clock.advance(400);
    await stopped;
    expect(journal).toEqual(['d', 'c', 'b', 'a']);
  });

  it('gives a restarted supervisor children of its own, and forgets the old ones', async () => {
    const { deps, clock, registry } = harness();
    const trouble = deferred();
    const runs = new Set<string>();
    const leaf = (id: string): ChildSpec =>
      child(id, async (life, signal) => {
        const run = `${id}#${runs.size}`;
        runs.add(run);
        life.ready();
        await Promise.race([aborted(signal), ...(id === 'b' ? [trouble.promise] : [])]).finally(() => runs.delete(run));
      });
    const inner = supervisorSpec(
      'inner',
      { children: [leaf('a'), leaf('b')], intensity: { maxRestarts: 0, periodMs: 1_000 } },
      deps,
    );
    const system = startSystem({ children: [inner] }, deps);
    await clock.settle();
    trouble.reject(new Error('boom'));
    await clock.settle();
    expect(runs.size).toBe(0);
    expect(registry.tree('root/inner')).toMatchObject({ state: 'waiting', lastExit: { reason: 'failure' } });
    await system.stop();
  });

  it('runs a machine as a child: asks it to stop, and takes a bad end in its output for a failure', async () => {
    const { deps, clock } = harness();
    const machine = setup({
      types: { context: {} as { failure: Error | undefined }, output: {} as { failure?: Error } },
    }).createMachine({
      initial: 'working',
      context: { failure: undefined },
      output: ({ context }) => (context.failure ? { failure: context.failure } : {}),
      states: {
        working: {
          after: { 1000: { target: 'ended', actions: assign({ failure: () => new Error('a bad end') }) } },
          on: { SHUTDOWN: 'ended' },
        },
        ended: { type: 'final' },
      },
    });
    const spec: ChildSpec = {
      id: 'machine',
      kind: 'test',
      start: (life) => {
        life.ready();
        return { logic: machine };
      },
    };
    const system = startSystem({ children: [spec] }, deps);
    await clock.settle();
    expect(system.find('root/machine')?.state).toBe('working');
    await clock.advance(1_050);
    expect(system.find('root/machine')?.lastExit).toMatchObject({ reason: 'failure', causes: ['a bad end'] });
    await clock.advance(100);
    expect(system.find('root/machine')).toMatchObject({ state: 'working', restarts: 1 });
    await system.stop();
    expect(await system.ended).toBeUndefined();
  });

  it('is told of the failure of a machine whose action throws', async () => {
    const { deps, clock } = harness();
    const machine = setup({}).createMachine({
      initial: 'calm',
      on: { SHUTDOWN: '.ended' },
      states: {
        ended: { type: 'final' },
        calm: { after: { 500: 'angry' } },
        angry: {
          entry: () => {
            throw new Error('in an action');
          },
        },
      },
    });
    const spec: ChildSpec = {
      id: 'machine',
      kind: 'test',
      start: (life) => {
        life.ready();
        return { logic: machine };
      },
    };
    const system = startSystem({ children: [spec] }, deps);
    await clock.advance(650);
    expect(system.find('root/machine')).toMatchObject({ restarts: 1, lastExit: { causes: ['in an action'] } });
    await system.stop();
  });

  it('asks a child that failed unseen to stop, and restarts it when it has', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const trouble = deferred<Owner | undefined>();
    const a = child('a', async (life, signal) => {
      journal.push(`#${life.incarnation} at ${clock.now() - began}`);
      if (life.incarnation === 1) trouble.resolve(currentOwner());
      await steady(life, signal);
      await pause(clock, 50, new AbortController().signal);
      journal.push(`#${life.incarnation} has let go at ${clock.now() - began}`);
    });
    const began = clock.now();
    const system = startSystem({ children: [a] }, deps);
    await clock.settle();
    const owner = await trouble.promise;
    expect(owner?.take(new Error('in a timer'))).toBe(true);
    expect(system.find('root/a')?.state).toBe('failing');
    await clock.advance(200);
    expect(journal).toEqual(['#1 at 0', '#1 has let go at 50', '#2 at 149']);
    expect(system.find('root/a')).toMatchObject({ state: 'up', lastExit: { reason: 'failure', causes: ['in a timer'] } });
    expect(owner?.take(new Error('too late'))).toBe(false);
    const stopped = system.stop();
    await clock.advance(50);
    await stopped;
  });

  it('kills at its deadline a child that goes on failing unseen while it is to stop, whoever asked it to', async () => {
    for (const byOwnFailure of [true, false]) {
      const { deps, clock } = harness();
      let goneAt = Number.NaN;
      const spiteful = child(
        'spiteful',
        async (life, signal) => {
          const owner = currentOwner();
          const again = (): void => {
            if (owner?.take(new Error('again'))) clock.setTimeout(again, 100);
            else goneAt = clock.now() - askedAt;
          };
          life.ready();
          await aborted(signal);
          again();
          await new Promise(() => {});
        },
        { shutdownMs: 450, restart: 'temporary' },
      );
      let self: Owner | undefined;
      const witness: ChildSpec = {
        ...spiteful,
        start: (life) => {
          self = currentOwner();
          return spiteful.start(life);
        },
      };
      const system = startSystem({ children: [witness] }, deps);
      await clock.settle();
      const askedAt = clock.now();
      const stopped = byOwnFailure ? undefined : system.stop();
      if (byOwnFailure) self?.take(new Error('first'));
      await clock.advance(2_000);
      expect(goneAt).toBe(500);
      await (stopped ?? system.stop());
      expect(await system.ended).toBeUndefined();
    }
  });
});
