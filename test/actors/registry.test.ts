import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { type ChildSpec, task } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type SupervisorSpec, supervisorSpec } from '../../src/actors/supervisor.ts';
import { startSystem } from '../../src/actors/system.ts';
import { aborted } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { JsonObject } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function harness() {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const deps = { clock, registry, random: () => 1, log: silentLog };
  return { clock, registry, deps, run: (spec: SupervisorSpec) => startSystem(spec, deps) };
}

const lamp = setup({ types: { context: {} as { presses: number } } }).createMachine({
  id: 'lamp',
  context: { presses: 0 },
  initial: 'dark',
  on: {
    SHUTDOWN: '.broken',
    FAIL: {
      actions: () => {
        throw new Error('short circuit');
      },
    },
  },
  states: {
    dark: { on: { PRESS: { target: 'lit', actions: assign({ presses: ({ context }) => context.presses + 1 }) } } },
    lit: {
      initial: 'steady',
      states: { steady: { on: { WIND: 'flickering' } }, flickering: { on: { WIND: 'steady' } } },
      on: { PRESS: 'dark' },
    },
    broken: { type: 'final' },
  },
});

/** A lamp that is ready at once. */
function lampSpec(id: string, options: Partial<ChildSpec> = {}): ChildSpec {
  const start: ChildSpec['start'] = (life) => {
    life.ready();
    return { logic: lamp };
  };
  return { id, kind: 'lamp', start, backoff: { baseMs: 1_000, capMs: 1_000 }, ...options };
}

function quietSpec(id: string): ChildSpec {
  return {
    id,
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await aborted(signal);
      }),
    }),
  };
}

describe('what an actor did', () => {
  it('is told with the exact edges, the rejected events and the states it was in', async () => {
    const { clock, registry, run } = harness();
    const system = run({ children: [lampSpec('lamp')] });
    await clock.settle();
    const startedAt = clock.now();
    await clock.advance(100);
    for (const type of ['PRESS', 'WIND', 'NONSENSE', 'WIND']) registry.ref('root/lamp')?.send({ type });
    const found = system.find('root/lamp');
    expect(found).toMatchObject({ state: 'lit.steady', since: startedAt + 100, incarnation: 1, restarts: 0 });
    expect(found?.events).toMatchObject({ handled: 4, rejected: 1, perSecond: 0.4 });
    expect(found?.transitions.map(({ event, rejected, edges, state }) => [event, rejected, edges[0]?.from, state])).toEqual([
      ['WIND', false, 'lit.flickering', 'lit.steady'],
      ['NONSENSE', true, undefined, 'lit.flickering'],
      ['WIND', false, 'lit.steady', 'lit.flickering'],
      ['PRESS', false, 'dark', 'lit.steady'],
      ['xstate.init', false, undefined, undefined],
    ]);
    // A change inside of a state is no stay of its own.
    expect(found?.states.map(({ state, at }) => [state, at - startedAt])).toEqual([
      ['lit.steady', 100],
      ['dark', 0],
      ['starting', 0],
      ['waiting', 0],
    ]);
    await system.stop();
  });

  it('outlasts its lives, each entry with the life it belongs to, and says which event ended one', async () => {
    const { clock, registry, run } = harness();
    const system = run({ children: [lampSpec('lamp')] });
    await clock.settle();
    registry.ref('root/lamp')?.send({ type: 'PRESS' });
    registry.ref('root/lamp')?.send({ type: 'FAIL' });
    await clock.settle();
    const failedAt = clock.now();
    expect(system.find('root/lamp')).toMatchObject({
      state: 'waiting',
      nextStartAt: failedAt + 1_000,
      lastExit: { at: failedAt, reason: 'failure', causes: ['short circuit'] },
    });
    await clock.advance(1_000);
    registry.ref('root/lamp')?.send({ type: 'PRESS' });
    const found = system.find('root/lamp');
    expect(found).toMatchObject({ state: 'lit.steady', incarnation: 2, restarts: 1, events: { handled: 3 } });
    expect(found).not.toHaveProperty('nextStartAt');
    expect(found?.transitions.map(({ event, incarnation, failed }) => [event, incarnation, failed])).toEqual([
      ['PRESS', 2, false],
      ['xstate.init', 2, false],
      ['FAIL', 1, true],
      ['PRESS', 1, false],
      ['xstate.init', 1, false],
    ]);
    expect(found?.states.map(({ state, incarnation }) => `${state}#${incarnation}`)).toEqual([
      'lit.steady#2',
      'dark#2',
      'starting#2',
      'waiting#1',
      'down#1',
      'lit.steady#1',
      'dark#1',
      'starting#1',
      'waiting#0',
    ]);
    await system.stop();
  });

  it('outlasts the lives of its supervisor too, under which it counts its own anew', async () => {
    const { clock, registry, run, deps } = harness();
    const inner = supervisorSpec(
      'inner',
      { children: [lampSpec('lamp', { backoff: { baseMs: 1, capMs: 1 } })], intensity: { maxRestarts: 1, periodMs: 10_000 } },
      deps,
    );
    const system = run({ children: [inner] });
    await clock.settle();
    for (let time = 0; time < 2; time++) {
      registry.ref('root/inner/lamp')?.send({ type: 'FAIL' });
      await clock.advance(10);
    }
    await clock.advance(10_000);
    expect(system.find('root/inner')).toMatchObject({ restarts: 1, lastExit: { reason: 'failure' } });
    expect(system.find('root/inner/lamp')).toMatchObject({
      state: 'dark',
      incarnation: 1,
      restarts: 2,
      events: { handled: 2 },
      lastExit: { causes: ['short circuit'] },
    });
    await system.stop();
  });

  it('is bounded, whatever happens', async () => {
    const { clock, registry, run } = harness();
    const intensity = { maxRestarts: 100, periodMs: 1_000_000 };
    const system = run({ children: [lampSpec('lamp', { backoff: { baseMs: 1, capMs: 1 } })], intensity });
    await clock.settle();
    for (let life = 0; life < 50; life++) {
      for (let time = 0; time < 10; time++) registry.ref('root/lamp')?.send({ type: 'PRESS' });
      registry.ref('root/lamp')?.send({ type: 'FAIL' });
      await clock.advance(10);
    }
    const found = system.find('root/lamp');
    expect(found).toMatchObject({ restarts: 50, events: { handled: 550 } });
    expect(found?.transitions).toHaveLength(64);
    expect(found?.states).toHaveLength(32);
    await system.stop();
  });

  it('may be told of things that are no events of XState', async () => {
    const { clock, registry, run } = harness();
    const system = run({ children: [quietSpec('consumer')] });
    await clock.settle();
    registry.noteHandled('root/consumer', 'wake-up', 2.5);
    registry.noteHandled('root/nobody', 'wake-up', 2.5);
    expect(system.find('root/consumer')).toMatchObject({
      events: { handled: 1, rejected: 0, perSecond: 0.1, longest: { event: 'wake-up', durationMs: 2.5, at: clock.now() } },
      transitions: [{ event: 'wake-up', incarnation: 1, edges: [], durationMs: 2.5 }, { event: 'xstate.init' }],
    });
    await system.stop();
  });

  it('is forgotten with its path', () => {
    const registry = new Registry(new VirtualClock());
    for (const path of ['root', 'root/a', 'root/a/x', 'root/ab', 'root/b']) registry.add(path, { kind: 'test' });
    registry.remove('root/a');
    expect(registry.detail('root/a')).toBeUndefined();
    expect(registry.detail('root/a/x')).toBeUndefined();
    expect(registry.tree()?.children.map(({ path }) => path)).toEqual(['root/ab', 'root/b']);
    registry.keepBelow('root', ['b']);
    expect(registry.tree()?.children.map(({ path }) => path)).toEqual(['root/b']);
    registry.setState('root/ab', 'up');
    expect(registry.detail('root/ab')).toBeUndefined();
  });
});

describe('a supervisor', () => {
  it('shows its restarts against its intensity, as they are now', async () => {
    const { clock, registry, run, deps } = harness();
    const inner = supervisorSpec(
      'inner',
      {
        strategy: 'rest_for_one',
        children: [lampSpec('lamp', { backoff: { baseMs: 1, capMs: 1 } }), quietSpec('other')],
        intensity: { maxRestarts: 3, periodMs: 5_000 },
      },
      deps,
    );
    const system = run({ children: [inner] });
    await clock.settle();
    const policy = { strategy: 'rest_for_one', maxRestarts: 3, periodMs: 5_000, quarantines: false };
    expect(system.find('root/inner')?.supervision).toEqual({ ...policy, restarts: 0 });
    for (let time = 1; time <= 2; time++) {
      registry.ref('root/inner/lamp')?.send({ type: 'FAIL' });
      await clock.advance(1_000);
      expect(system.find('root/inner')?.supervision).toEqual({ ...policy, restarts: time });
    }
    await clock.advance(3_500);
    expect(system.find('root/inner')?.supervision?.restarts).toBe(1);
    await clock.advance(3_000);
    expect(system.find('root/inner')?.supervision?.restarts).toBe(0);
    expect(system.find('root/inner/lamp')).not.toHaveProperty('supervision');
    await system.stop();
  });

  it('shows those of the worst child where each has the whole intensity', async () => {
    const { clock, registry, run, deps } = harness();
    const backoff = { baseMs: 1, capMs: 1 };
    const inner = supervisorSpec(
      'inner',
      {
        children: [lampSpec('one', { backoff }), lampSpec('two', { backoff })],
        intensity: { maxRestarts: 3, periodMs: 5_000 },
        quarantine: { baseMs: 60_000, capMs: 60_000 },
      },
      deps,
    );
    const system = run({ children: [inner] });
    await clock.settle();
    for (const id of ['one', 'two', 'two']) {
      registry.ref(`root/inner/${id}`)?.send({ type: 'FAIL' });
      await clock.advance(100);
    }
    expect(system.find('root/inner')?.supervision).toMatchObject({ quarantines: true, maxRestarts: 3, restarts: 2 });
    for (let time = 0; time < 2; time++) {
      registry.ref('root/inner/two')?.send({ type: 'FAIL' });
      await clock.advance(100);
    }
    const aside = system.find('root/inner/two');
    expect(aside?.state).toBe('quarantined');
    expect(aside?.nextStartAt).toBeGreaterThan(clock.now() + 29_000);
    await system.stop();
  });

  it('records its own events, with the edges it decided by', async () => {
    const { clock, registry, run } = harness();
    const system = run({ children: [lampSpec('lamp')] });
    await clock.settle();
    registry.ref('root/lamp')?.send({ type: 'FAIL' });
    await clock.settle();
    const decided = system.find('root')?.transitions.find(({ event }) => event === 'CHILD_DOWN');
    expect(decided).toMatchObject({ rejected: false, failed: false });
    expect(decided?.edges[0]?.actions).toContain('restartChild');
    expect(decided?.edges[0]?.guard).toContain('mustRestart');
    await system.stop();
  });
});

describe('the tree', () => {
  it('is shown without the queue of an actor that cannot count it', () => {
    const registry = new Registry(new VirtualClock());
    registry.add('root', {
      kind: 'test',
      queued: () => {
        throw new Error('closed');
      },
    });
    expect(registry.tree('root')).not.toHaveProperty('queued');
  });

  it('is told without the past, which only one actor is asked for', async () => {
    const { clock, run } = harness();
    const system = run({ children: [quietSpec('a')] });
    await clock.settle();
    for (const node of [system.tree(), ...system.tree().children]) {
      expect(node).not.toHaveProperty('transitions');
      expect(node).not.toHaveProperty('states');
      expect(node.events.handled).toBeGreaterThanOrEqual(0);
    }
    await system.stop();
  });

  it('survives a view that fails', async () => {
    const { clock, run } = harness();
    const view = (): never => {
      throw new Error('blind');
    };
    const system = run({ children: [lampSpec('lamp', { view })] });
    await clock.settle();
    expect(system.find('root/lamp')?.context).toEqual({ viewFailed: 'Error: blind' });
    await system.stop();
  });

  it('is glanced at, one actor at a time, without a look inside', async () => {
    const { clock, registry, deps, run } = harness();
    let looks = 0;
    const view = (): JsonObject => ({ looks: ++looks });
    const system = run({ children: [supervisorSpec('house', { children: [lampSpec('lamp', { view })] }, deps)] });
    await clock.settle();
    registry.ref('root/house/lamp')?.send({ type: 'FAIL' });
    await clock.advance(2_000);
    for (const path of ['root', 'root/house', 'root/house/lamp']) {
      const { state, since, lastExit } = { lastExit: undefined, ...system.find(path) };
      looks = 0;
      expect({ lastExit: undefined, ...registry.glance(path) }, path).toEqual({ state, since, lastExit });
      expect(looks).toBe(0);
    }
    expect(registry.glance('root/house/lamp')?.lastExit?.causes).toEqual(['short circuit']);
    expect(registry.glance('root/nobody')).toBeUndefined();
    await system.stop();
  });
});
