import { describe, expect, it } from 'vitest';
import { type ChildSpec, task } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { startSystem } from '../../src/actors/system.ts';
import { aborted } from '../../src/clock.ts';
import { causeChain, VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A child that can be told to fail, and that writes down what happens to it. */
function child(id: string, journal: string[], options: Partial<ChildSpec> = {}) {
  let fail: (error: Error) => void = () => {};
  let end: () => void = () => {};
  const spec: ChildSpec = {
    id,
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        journal.push(`${id}#${life.incarnation} up`);
        life.ready();
        await Promise.race([
          aborted(signal),
          new Promise<void>((resolve, reject) => {
            fail = reject;
            end = resolve;
          }),
        ]);
        journal.push(`${id}#${life.incarnation} down`);
      }),
    }),
    ...options,
  };
  return { spec, fail: (message = 'boom') => fail(new Error(message)), end: () => end() };
}

function harness() {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  // With chance at its top the full jitter is the whole delay.
  return { clock, registry, deps: { clock, registry, random: () => 0.999, log: silentLog } };
}

describe('a one_for_one supervisor', () => {
  it('starts children in order, each after the one before is ready, and stops them in reverse order', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal);
    const b = child('b', journal);
    const system = startSystem({ children: [a.spec, b.spec] }, deps);
    await clock.settle();
    await system.started;
    await system.stop();
    expect(journal).toEqual(['a#1 up', 'b#1 up', 'b#1 down', 'a#1 down']);
    expect(await system.ended).toBeUndefined();
  });

  it('restarts only the child that failed, after its backoff, and remembers why', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal, { backoff: { baseMs: 1000, capMs: 1000 } });
    const b = child('b', journal);
    const system = startSystem({ children: [a.spec, b.spec] }, deps);
    await clock.settle();
    a.fail('first');
    await clock.settle();
    expect(system.find('root/a')).toMatchObject({ state: 'waiting', lastExit: { reason: 'failure', causes: ['first'] } });
    await clock.advance(998);
    expect(journal).toEqual(['a#1 up', 'b#1 up']);
    await clock.advance(2);
    expect(journal).toEqual(['a#1 up', 'b#1 up', 'a#2 up']);
    expect(system.find('root/a')).toMatchObject({ state: 'up', restarts: 1 });
    await system.stop();
  });

  it('leaves a temporary child down, and a transient one that ended well', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const temporary = child('temporary', journal, { restart: 'temporary' });
    const transient = child('transient', journal, { restart: 'transient' });
    const system = startSystem({ children: [temporary.spec, transient.spec] }, deps);
    await clock.settle();
    temporary.fail();
    transient.end();
    await clock.advance(60_000);
    expect(journal.filter((line) => line.endsWith('up'))).toEqual(['temporary#1 up', 'transient#1 up']);
    await system.stop();
    expect(await system.ended).toBeUndefined();
  });

  it('gives up beyond its intensity, with the chain of causes, after stopping the others', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal);
    const b = child('b', journal);
    const inner = supervisorSpec('inner', { children: [a.spec], intensity: { maxRestarts: 1, periodMs: 10_000 } }, deps);
    const system = startSystem({ children: [b.spec, inner], intensity: { maxRestarts: 0, periodMs: 10_000 } }, deps);
    await clock.settle();
    a.fail('one');
    await clock.advance(200);
    a.fail('two');
    await clock.advance(200);
    expect(causeChain(await system.ended)).toEqual([
      expect.stringMatching(/^GAVE_UP: root\/inner/),
      expect.stringMatching(/^GAVE_UP: root\/inner\/a/),
      'two',
    ]);
    expect(journal.at(-1)).toBe('b#1 down');
  });

  it('forgets restarts that are older than its period', async () => {
    const { deps, clock } = harness();
    const a = child('a', []);
    const system = startSystem({ children: [a.spec], intensity: { maxRestarts: 1, periodMs: 1000 } }, deps);
    await clock.settle();
    for (let i = 0; i < 5; i++) {
      a.fail();
      await clock.advance(1500);
    }
    expect(system.find('root/a')).toMatchObject({ state: 'up', restarts: 5 });
    await system.stop();
  });

  it('fails its start when a child does not become ready in time, and stops those before it', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal);
    const mute: ChildSpec = {
      id: 'mute',
      kind: 'task',
      readyMs: 500,
      start: () => ({ logic: task((signal) => aborted(signal)) }),
    };
    const system = startSystem({ children: [a.spec, mute] }, deps);
    const outcome = system.started.then(
      () => undefined,
      (error: { code: string; cause: { code: string } }) => error,
    );
    await clock.advance(600);
    expect((await outcome)?.cause.code).toBe('START_TIMEOUT');
    expect(journal).toEqual(['a#1 up', 'a#1 down']);
  });

  it('tries a first start again when what failed passes by itself, and not when it does not', async () => {
    for (const [code, lives, nested] of [
      ['SIMULATOR_FAILED', 3, false],
      ['SIMULATOR_REFUSED', 1, false],
      ['SIMULATOR_FAILED', 3, true],
      ['SIMULATOR_REFUSED', 1, true],
    ] as const) {
      const { deps, clock } = harness();
      let life = 0;
      const late: ChildSpec = {
        id: 'late',
        kind: 'task',
        start: ({ ready }) => ({
          logic: task(async (signal) => {
            if (++life < 3) throw new VigiliaError(code, 'not yet');
            ready();
            await aborted(signal);
          }),
        }),
      };
      const inner = supervisorSpec('inner', { children: [late] }, deps);
      const system = startSystem({ children: [nested ? inner : late] }, deps);
      system.started.catch(() => {});
      await clock.advance(5_000);
      expect(life).toBe(lives);
      await system.stop();
    }
  });

  it('gives up, and ends, when its first child never starts', async () => {
    const { deps, clock } = harness();
    const never: ChildSpec = {
      id: 'never',
      kind: 'task',
      start: () => ({ logic: task(() => Promise.reject(new VigiliaError('SIMULATOR_FAILED', 'again'))) }),
    };
    const system = startSystem({ children: [never], intensity: { maxRestarts: 2, periodMs: 60_000 } }, deps);
    system.started.catch(() => {});
    await clock.advance(30_000);
    expect(causeChain(await system.ended)).toEqual([expect.stringMatching(/more than 2 times/), 'SIMULATOR_FAILED: again']);
    await system.stop();
  });

  it('does not restart a child whose failure cannot pass, but hands it up at once', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    let fail: (error: Error) => void = () => {};
    const link: ChildSpec = {
      id: 'link',
      kind: 'task',
      start: ({ ready }) => ({
        logic: task(() => {
          ready();
          return new Promise((_, reject) => {
            fail = reject;
          });
        }),
      }),
    };
    const inner = supervisorSpec('inner', { children: [link] }, deps);
    const system = startSystem({ children: [child('a', journal).spec, inner] }, deps);
    await clock.settle();
    fail(new VigiliaError('FOREIGN_DATABASE', 'not ours'));
    await clock.advance(10);
    expect(causeChain(await system.ended).at(-1)).toBe('FOREIGN_DATABASE: not ours');
    expect(journal).toEqual(['a#1 up', 'a#1 down']);
  });

  it('kills a child that does not stop within its deadline', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal);
    const stubborn: ChildSpec = {
      id: 'stubborn',
      kind: 'task',
      shutdownMs: 700,
      start: (life) => ({
        logic: task(async () => {
          life.ready();
          await new Promise(() => {});
        }),
      }),
    };
    const system = startSystem({ children: [a.spec, stubborn] }, deps);
    await clock.settle();
    const stopped = system.stop();
    await clock.advance(699);
    expect(journal).toEqual(['a#1 up']);
    await clock.advance(2);
    await stopped;
    expect(journal).toEqual(['a#1 up', 'a#1 down']);
  });

  it('stops cleanly while children are starting, waiting in backoff, or going down at the same moment', async () => {
    const { deps, clock } = harness();
    const journal: string[] = [];
    const a = child('a', journal);
    const b = child('b', journal, { backoff: { baseMs: 5000, capMs: 5000 } });
    const mute: ChildSpec = { id: 'mute', kind: 'task', start: () => ({ logic: task((signal) => aborted(signal)) }) };
    const system = startSystem({ children: [a.spec, b.spec, mute] }, deps);
    await clock.settle();
    b.fail();
    await clock.settle();
    const stopped = system.stop();
    a.fail();
    await clock.advance(10);
    await stopped;
    expect(await system.ended).toBeUndefined();
  });

  it('refuses two children with one id', () => {
    const { deps } = harness();
    expect(() => startSystem({ children: [child('a', []).spec, child('a', []).spec] }, deps)).toThrow(/share an id/);
  });
});
