import { describe, expect, it } from 'vitest';
import { fromCallback, setup } from 'xstate';
import { type ChildSpec, type Life, task } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type SupervisorSpec, supervisorSpec } from '../../src/actors/supervisor.ts';
import type { SupervisorHandle } from '../../src/actors/supervisor-handle.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { aborted, pause } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function harness() {
  const clock = new VirtualClock(0);
  const registry = new Registry(clock);
  return { clock, registry, deps: { clock, registry, random: () => 0.999_999, log: silentLog } };
}

/** A child that runs what the test gives it. */
function child(id: string, run: (life: Life, signal: AbortSignal) => Promise<void>, options: Partial<ChildSpec> = {}): ChildSpec {
  return { id, kind: 'task', start: (life) => ({ logic: task((signal) => run(life, signal)) }), ...options };
}

const steady = async (life: Life, signal: AbortSignal): Promise<void> => {
  life.ready();
  await aborted(signal);
};

/** A child that writes down its lives. */
function writing(id: string, journal: string[], options: Partial<ChildSpec> = {}): ChildSpec {
  return child(
    id,
    async (life, signal) => {
      journal.push(`${id}#${life.incarnation} up`);
      await steady(life, signal);
      journal.push(`${id}#${life.incarnation} down`);
    },
    options,
  );
}

async function running(spec: SupervisorSpec) {
  const parts = harness();
  const system = startSystem(spec, parts.deps);
  await parts.clock.settle();
  await system.started;
  return { ...parts, system, root: handleOf(system, 'root') };
}

function handleOf(system: ActorSystem, path: string): SupervisorHandle {
  const handle = system.supervisor(path);
  if (!handle) throw new Error(`no supervisor at ${path}`);
  return handle;
}

/** What becomes of an answer, without waiting for it. */
function fate(answer: Promise<void>): { now: string } {
  const seen = { now: 'open' };
  answer.then(
    () => {
      seen.now = 'done';
    },
    (error: VigiliaError) => {
      seen.now = error.code;
    },
  );
  return seen;
}

describe('a supervisor that is asked', () => {
  it('adds a child after all others, and stops it before them', async () => {
    const journal: string[] = [];
    const { clock, system, root } = await running({ children: [writing('a', journal)] });
    const added = fate(root.add(writing('b', journal)));
    await clock.settle();
    expect(added.now).toBe('done');
    expect(system.find('root/b')?.state).toBe('up');
    await system.stop();
    expect(journal).toEqual(['a#1 up', 'b#1 up', 'b#1 down', 'a#1 down']);
  });

  it('does not keep an added child whose first start fails, and says why', async () => {
    const { clock, system, root } = await running({ children: [child('a', steady)] });
    const answer = root.add(child('b', () => Promise.reject(new Error('cannot'))));
    const refused = expect(answer).rejects.toMatchObject({ code: 'SUPERVISION_REFUSED', cause: { message: 'cannot' } });
    await clock.settle();
    await refused;
    expect(system.find('root/b')).toBeUndefined();
    const again = fate(root.add(child('b', steady)));
    await clock.settle();
    expect(again.now).toBe('done');
    await system.stop();
  });

  it('refuses a child that is there already, and one that is not there', async () => {
    const { clock, system, root } = await running({ children: [child('a', steady)] });
    const answers = [root.add(child('a', steady)), root.remove('b'), root.suspend('b'), root.resume('a'), root.restart('b')].map(
      fate,
    );
    await clock.settle();
    expect(answers.map(({ now }) => now)).toEqual(Array(5).fill('SUPERVISION_REFUSED'));
    expect(system.find('root/a')?.state).toBe('up');
    await system.stop();
  });

  it('removes a child and all that is known of it', async () => {
    const journal: string[] = [];
    const parts = harness();
    const inner = supervisorSpec('inner', { children: [writing('a', journal)] }, parts.deps);
    const system = startSystem({ children: [inner] }, parts.deps);
    await parts.clock.settle();
    const removed = fate(handleOf(system, 'root').remove('inner'));
    await parts.clock.settle();
    expect(removed.now).toBe('done');
    expect(journal).toEqual(['a#1 up', 'a#1 down']);
    expect([system.find('root/inner'), system.find('root/inner/a'), system.supervisor('root/inner')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await system.stop();
    expect(parts.clock.pending).toBe(0);
  });

  it('keeps a suspended child down until it is resumed, whatever its siblings do', async () => {
    const journal: string[] = [];
    const trouble = deferred();
    const b = child('b', async (life, signal) => {
      life.ready();
      await Promise.race([aborted(signal), ...(life.incarnation === 1 ? [trouble.promise] : [])]);
    });
    const { clock, system, root } = await running({ children: [writing('a', journal), b], strategy: 'one_for_all' });
    const suspended = fate(root.suspend('a'));
    await clock.settle();
    expect([suspended.now, system.find('root/a')?.state]).toEqual(['done', 'suspended']);
    trouble.reject(new Error('boom'));
    await clock.advance(1_000);
    expect([system.find('root/a')?.state, system.find('root/b')?.state]).toEqual(['suspended', 'up']);
    const resumed = fate(root.resume('a'));
    await clock.settle();
    expect([resumed.now, system.find('root/a')?.state]).toEqual(['done', 'up']);
    await system.stop();
    expect(journal).toEqual(['a#1 up', 'a#1 down', 'a#2 up', 'a#2 down']);
  });

  it('restarts a child with those after it, without counting it', async () => {
    const journal: string[] = [];
    const { clock, system, root } = await running({
      children: [writing('a', journal), writing('b', journal), writing('c', journal)],
      strategy: 'rest_for_one',
      intensity: { maxRestarts: 0, periodMs: 1_000 },
    });
    const restarted = fate(root.restart('b'));
    await clock.settle();
    expect(restarted.now).toBe('done');
    expect(journal).toEqual(['a#1 up', 'b#1 up', 'c#1 up', 'c#1 down', 'b#1 down', 'b#2 up', 'c#2 up']);
    await system.stop();
  });

  it('answers a restart that had to wait when it is done, not when something else of that child happens', async () => {
    const { clock, deps } = harness();
    const lives: number[] = [];
    const gate = deferred();
    const a = child('a', async (life, signal) => {
      lives.push(life.incarnation);
      if (life.incarnation === 1) await gate.promise;
      await steady(life, signal);
    });
    const system = startSystem({ children: [a] }, deps);
    await clock.settle();
    let livesAtAnswer: number[] = [];
    const answer = handleOf(system, 'root')
      .restart('a')
      .then(() => {
        livesAtAnswer = [...lives];
      });
    gate.resolve();
    await clock.settle();
    await answer;
    expect(livesAtAnswer).toEqual([1, 2]);
    await system.stop();
  });

  it('refuses one command without giving up another about the same child', async () => {
    const { clock, system, root } = await running({
      children: [
        child('slow', async (life, signal) => {
          await steady(life, signal);
          await pause(clock, 100, new AbortController().signal);
        }),
      ],
    });
    const suspended = fate(root.suspend('slow'));
    const resumed = fate(root.resume('slow'));
    await clock.settle();
    expect([suspended.now, resumed.now]).toEqual(['open', 'SUPERVISION_REFUSED']);
    await clock.advance(100);
    expect([suspended.now, system.find('root/slow')?.state]).toEqual(['done', 'suspended']);
    await system.stop();
  });

  it('tells who resumed a child that it ended before it was up', async () => {
    const { clock, system, root } = await running({
      children: [
        child('a', async (life, signal) => (life.incarnation === 1 ? steady(life, signal) : undefined), { restart: 'transient' }),
      ],
    });
    const suspended = fate(root.suspend('a'));
    await clock.settle();
    const resumed = fate(root.resume('a'));
    await clock.settle();
    expect([suspended.now, resumed.now, system.find('root/a')?.state]).toEqual(['done', 'SUPERVISION_REFUSED', 'down']);
    await system.stop();
  });

  it('does not restart a temporary child, which would be its end', async () => {
    const { clock, system, root } = await running({ children: [child('t', steady, { restart: 'temporary' })] });
    const restarted = fate(root.restart('t'));
    await clock.settle();
    expect([restarted.now, system.find('root/t')?.state]).toEqual(['SUPERVISION_REFUSED', 'up']);
    await system.stop();
  });

  it('goes on when an added child fails again after it was tried again with others', async () => {
    for (const strategy of ['rest_for_one', 'one_for_all'] as const) {
      const { clock, system, root } = await running({ children: [child('a', steady)], strategy });
      let lives = 0;
      const added = fate(
        root.add(
          child('b', async () => {
            throw ++lives === 1 ? new VigiliaError('SIMULATOR_FAILED', 'not yet') : new Error('never');
          }),
        ),
      );
      await clock.advance(1_000);
      expect([added.now, lives, system.find('root/b')]).toEqual(['SUPERVISION_REFUSED', 2, undefined]);
      const later = fate(root.add(child('c', steady)));
      await clock.settle();
      expect(later.now).toBe('done');
      await system.stop();
    }
  });

  it('does not let the backoff of one child delay the restart that somebody asked of another', async () => {
    const journal: string[] = [];
    const trouble = deferred();
    const broken = child('broken', async (life, signal) => {
      life.ready();
      await Promise.race([aborted(signal), ...(life.incarnation === 1 ? [trouble.promise] : [])]);
    });
    const { clock, deps } = harness();
    const system = startSystem(
      {
        children: [
          broken,
          child('slow', async (life, signal) => {
            journal.push(`#${life.incarnation} at ${clock.now()}`);
            await steady(life, signal);
            await pause(clock, 50, new AbortController().signal);
          }),
        ],
      },
      deps,
    );
    await clock.settle();
    const restarted = fate(handleOf(system, 'root').restart('slow'));
    await clock.settle();
    trouble.reject(new Error('boom'));
    await clock.advance(50);
    expect([restarted.now, journal]).toEqual(['done', ['#1 at 0', '#2 at 50']]);
    const stopped = system.stop();
    await clock.advance(50);
    await stopped;
  });

  it('answers after its end too', async () => {
    const { clock, system, root } = await running({ children: [child('a', steady)] });
    const early = fate(root.restart('a'));
    await system.stop();
    const late = [root.suspend('a'), root.add(child('b', steady))].map(fate);
    await clock.settle();
    expect([early.now, ...late.map(({ now }) => now)]).toEqual(Array(3).fill('SUPERVISION_REFUSED'));
  });

  it('does not hear what was meant for an earlier life of it', async () => {
    const { clock, deps } = harness();
    const trouble = deferred();
    const a = child('a', async (life, signal) => {
      life.ready();
      await Promise.race([aborted(signal), trouble.promise]);
    });
    const inner = supervisorSpec('inner', () => ({ children: [a], intensity: { maxRestarts: 0, periodMs: 1_000 } }), deps);
    const system = startSystem({ children: [inner] }, deps);
    await clock.settle();
    const old = handleOf(system, 'root/inner');
    trouble.reject(new Error('boom'));
    await clock.settle();
    expect(system.find('root/inner')?.state).toBe('waiting');
    const whileDown = fate(old.add(child('x', steady)));
    await clock.settle();
    expect(whileDown.now).toBe('SUPERVISION_REFUSED');
    await system.stop();
  });

  it('survives what is asked of its earlier life', async () => {
    const { clock, deps } = harness();
    const trouble = deferred();
    let lives = 0;
    const a = child('a', async (life, signal) => {
      life.ready();
      await Promise.race([aborted(signal), ...(++lives === 1 ? [trouble.promise] : [])]);
    });
    const inner = supervisorSpec('inner', () => ({ children: [a], intensity: { maxRestarts: 0, periodMs: 1_000 } }), deps);
    const system = startSystem({ children: [inner] }, deps);
    await clock.settle();
    const old = handleOf(system, 'root/inner');
    trouble.reject(new Error('boom'));
    await clock.advance(1_000);
    const stale = [old.add(child('x', steady)), old.restart('a')].map(fate);
    await clock.advance(1_000);
    expect(stale.map(({ now }) => now)).toEqual(['SUPERVISION_REFUSED', 'SUPERVISION_REFUSED']);
    expect(system.find('root/inner')).toMatchObject({ restarts: 1 });
    const added = fate(handleOf(system, 'root/inner').add(child('x', steady)));
    await clock.settle();
    expect(added.now).toBe('done');
    await system.stop();
  });

  it('shows a child that was added again as it is, not as the one before ended', async () => {
    const { clock, system, root } = await running({ children: [child('a', steady)], strategy: 'one_for_all' });
    const trouble = deferred();
    const added = fate(root.add(child('b', (life, signal) => (life.incarnation === 2 ? trouble.promise : aborted(signal)))));
    await clock.settle();
    const restarted = fate(root.restart('a'));
    await clock.settle();
    // These wait until all are up, or gone, and are then done at once.
    const rest = [root.add(child('b', steady)), root.suspend('b')].map(fate);
    trouble.reject(new Error('cannot'));
    await clock.settle();
    const answers = [added, restarted, ...rest].map(({ now }) => now);
    expect(answers).toEqual(['SUPERVISION_REFUSED', 'done', 'SUPERVISION_REFUSED', 'done']);
    expect(system.find('root/b')?.state).toBe('suspended');
    await system.stop();
  });

  it('forgets how often a removed child had failed', async () => {
    const startedAt: number[] = [];
    const fails: ((error: Error) => void)[] = [];
    const { clock, system, root } = await running({ children: [child('other', steady)] });
    const fragile = child('a', async (life, signal) => {
      startedAt.push(clock.now());
      const trouble = deferred();
      fails.push(trouble.reject);
      life.ready();
      await Promise.race([trouble.promise, aborted(signal)]);
    });
    const delayOfFirstFailure = async (): Promise<number> => {
      void root.add(fragile);
      await clock.settle();
      const failedAt = clock.now();
      fails.at(-1)?.(new Error('boom'));
      await clock.advance(500);
      void root.remove('a');
      await clock.settle();
      return (startedAt.at(-1) ?? 0) - failedAt;
    };
    expect(await delayOfFirstFailure()).toBe(99);
    expect(await delayOfFirstFailure()).toBe(99);
    await system.stop();
  });
});

describe('what a machine leaves behind', () => {
  it('is ended with it, even what was left by a part of it whose failure it had handled', async () => {
    const held = new Set<string>();
    const pulse = fromCallback<{ type: string }, string>(({ input }) => {
      held.add(input);
      return () => held.delete(input);
    });
    const deep = setup({ actors: { pulse } }).createMachine({
      invoke: { src: 'pulse', input: 'deep' },
      on: {
        BREAK: {
          actions: () => {
            throw new Error('inside');
          },
        },
      },
    });
    const machine = setup({ actors: { pulse, deep } }).createMachine({
      invoke: [
        { src: 'pulse', input: 'own' },
        { src: 'deep', id: 'deep', onError: {} },
      ],
      entry: ({ self }) => {
        const { children } = self.getSnapshot() as { children: Record<string, { send(event: { type: string }): void }> };
        setTimeoutOf(() => children.deep?.send({ type: 'BREAK' }), 10);
      },
      initial: 'on',
      states: { on: { on: { SHUTDOWN: 'off' } }, off: { type: 'final' } },
    });
    let setTimeoutOf = new VirtualClock().setTimeout;
    for (const shutdownMs of [1_000, 0]) {
      const { clock, deps } = harness();
      setTimeoutOf = clock.setTimeout;
      const spec: ChildSpec = {
        id: 'machine',
        kind: 'test',
        shutdownMs,
        start: (life) => {
          life.ready();
          return { logic: machine };
        },
      };
      const system = startSystem({ children: [spec] }, deps);
      await clock.advance(20);
      expect(system.find('root/machine')).toMatchObject({ state: 'on', restarts: 0 });
      expect([...held].sort()).toEqual(['deep', 'own']);
      const stopped = system.stop();
      await clock.settle();
      await stopped;
      expect([...held]).toEqual([]);
    }
  });
});
