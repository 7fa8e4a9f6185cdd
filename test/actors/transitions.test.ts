import { beforeEach, describe, expect, it } from 'vitest';
import { raise, setup } from 'xstate';
import type { ChildSpec } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { startSystem } from '../../src/actors/system.ts';
import { MOST_A_SECOND, TransitionSubscription } from '../../src/actors/transition-subscription.ts';
import { MOST_OF_ALL } from '../../src/actors/transition-tap.ts';
import { silentLog } from '../../src/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const machine = setup({}).createMachine({
  id: 'heart',
  initial: 'resting',
  on: { SHUTDOWN: '.stopped' },
  states: {
    resting: { on: { RUN: { target: 'racing', actions: raise({ type: 'REST' }) } } },
    racing: { on: { REST: 'resting' } },
    stopped: { type: 'final' },
  },
});

let clock: VirtualClock;
let registry: Registry;

beforeEach(async () => {
  clock = new VirtualClock();
  registry = new Registry(clock);
  const deps = { clock, registry, random: () => 0, log: silentLog };
  const heart = (id: string): ChildSpec => ({
    id,
    kind: 'heart',
    start: (life) => {
      life.ready();
      return { logic: machine };
    },
  });
  startSystem({ children: [supervisorSpec('left', { children: [heart('a'), heart('b')] }, deps), heart('left-hand')] }, deps);
  await clock.settle();
});

const send = (path: string, type: string, times = 1): void => {
  for (let n = 0; n < times; n++) registry.ref(path)?.send({ type, password: 'hunter2' });
};
interface Frame {
  readonly event: string;
  readonly data: Record<string, unknown>;
}
const framesOf = (text = ''): Frame[] =>
  [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event = '', data = '']) => ({ event, data: JSON.parse(data) }));

/** What is heard, batch by batch. */
function hear(actor?: string) {
  const subscription = new TransitionSubscription(registry.transitions, clock, actor);
  const batches: Frame[][] = [];
  const ended = (async () => {
    for (let batch = await subscription.next(); batch; batch = await subscription.next()) batches.push(framesOf(batch.text));
  })();
  return { subscription, batches, ended, all: () => batches.flat() };
}

describe('the transitions that one listens to', () => {
  it('are told as they happen, with those that a machine raised itself after what made it', async () => {
    const { all } = hear('root/left/a');
    send('root/left/a', 'RUN');
    await clock.settle();
    expect(all()).toMatchObject([
      { event: 'transition', data: { version: 1, path: 'root/left/a', number: 2, event: 'RUN', raised: false, state: 'racing' } },
      { event: 'transition', data: { path: 'root/left/a', number: 3, event: 'REST', raised: true, state: 'resting' } },
    ]);
    const shown = registry.detail('root/left/a')?.transitions.slice(0, 2).reverse();
    expect(all().map(({ data: { version: _v, topic: _t, path: _p, ...rest } }) => rest)).toEqual(
      JSON.parse(JSON.stringify(shown)),
    );
    expect(JSON.stringify(all())).not.toContain('hunter2');
  });

  it('are those of an actor and of all below it, and of no other whose name begins alike', async () => {
    const { all } = hear('root/left');
    send('root/left/b', 'RUN');
    send('root/left-hand', 'RUN');
    await clock.settle();
    expect(new Set(all().map(({ data }) => data.path))).toEqual(new Set(['root/left/b']));
  });

  it('are so many of one actor in a second; how many more there were is told, also when nothing follows', async () => {
    const { all } = hear();
    send('root/left/a', 'NOTHING', MOST_A_SECOND + 5);
    send('root/left/b', 'NOTHING');
    await clock.advance(0);
    expect(all().filter(({ event }) => event === 'transition')).toHaveLength(MOST_A_SECOND + 1);
    expect(all().at(-1)).toEqual({
      event: 'omitted',
      data: { version: 1, topic: 'omitted', omitted: 5, actors: [{ path: 'root/left/a', omitted: 5 }] },
    });
    send('root/left/a', 'NOTHING', 3);
    await clock.advance(999);
    const before = all().length;
    await clock.advance(1);
    expect(all().slice(before)).toMatchObject([{ event: 'omitted', data: { omitted: 3 } }]);
    send('root/left/a', 'NOTHING');
    await clock.advance(100);
    expect(all().at(-1)).toMatchObject({ event: 'transition', data: { number: MOST_A_SECOND + 10 } });
  });

  it('are so many of all actors in a second, made once for all who listen', async () => {
    const ears = [hear(), hear()];
    const tap = registry.transitions;
    let made = 0;
    const shown = registry.detail('root/left/a')?.transitions[0];
    if (!shown) throw new Error('it has done nothing');
    for (let n = 0; n < MOST_OF_ALL + 5; n++) {
      tap.tell(`root/left/${n}`, () => {
        made += 1;
        return { ...shown };
      });
    }
    await clock.advance(0);
    expect(made).toBe(MOST_OF_ALL);
    for (const { all } of ears) {
      expect(all()).toHaveLength(MOST_OF_ALL + 1);
      expect(all().at(-1)).toMatchObject({ event: 'omitted', data: { omitted: 5 } });
    }
    await clock.advance(1_000);
    tap.tell('root/left/a', () => shown);
    await clock.advance(100);
    expect(ears[0]?.all().at(-1)).toMatchObject({ event: 'transition' });
  });

  it('come no more often than ten times a second', async () => {
    const { batches } = hear();
    for (let n = 0; n < 10; n++) {
      send('root/left/a', 'NOTHING');
      await clock.advance(20);
    }
    expect(batches.map(({ length }) => length)).toEqual([1, 4, 5]);
  });

  it('wait in a bounded number for who does not take them, and what is beyond is counted', async () => {
    const subscription = new TransitionSubscription(registry.transitions, clock, undefined);
    for (let second = 0; second < 60; second++) {
      send('root/left/a', 'NOTHING', MOST_A_SECOND);
      await clock.advance(1_000);
    }
    const frames = framesOf((await subscription.next())?.text);
    expect(frames.filter(({ event }) => event === 'transition')).toHaveLength(1_000);
    expect(frames.at(-1)?.data).toMatchObject({ omitted: 60 * MOST_A_SECOND - 1_000 });
  });

  it('wake who listens no more often than there is something new to tell, however many are left out', async () => {
    const { all } = hear();
    send('root/left/a', 'NOTHING', MOST_A_SECOND);
    await clock.advance(100);
    let timers = 0;
    const { setTimeout } = clock;
    clock.setTimeout = (callback, delayMs) => {
      timers += 1;
      return setTimeout(callback, delayMs);
    };
    for (let n = 0; n < 50; n++) {
      send('root/left/a', 'NOTHING');
      await clock.settle();
    }
    expect(timers).toBe(1);
    await clock.advance(1_000);
    expect(all().at(-1)).toMatchObject({ event: 'omitted', data: { omitted: 49 } });
  });

  it('cost nothing while nobody listens: nothing is subscribed, made or waited for', async () => {
    expect(registry.transitions.isWanted).toBe(false);
    const timers = clock.pending;
    const { subscription, batches, ended } = hear();
    expect(registry.transitions.isWanted).toBe(true);
    send('root/left/a', 'RUN');
    subscription.close();
    await ended;
    expect(registry.transitions.isWanted).toBe(false);
    send('root/left/a', 'RUN');
    await clock.settle();
    expect([batches, clock.pending]).toEqual([[], timers]);
  });
});
