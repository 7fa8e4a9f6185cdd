import { type AnyActorRef, assign, setup } from 'xstate';
import { task } from '../../src/actors/actor.ts';
import { aborted } from '../../src/clock.ts';
import { childInput, tellParent } from '../harness/child.ts';
import { bareFamily } from './bare-family.ts';
import type { Child, Family } from './family.ts';
import type { RuntimeInput, RuntimeSample } from './runtime-peers.ts';
import { supervisedFamily } from './supervised-family.ts';

/** Children of a parent: about as many as a supervisor of the program has at most. */
const CHILDREN = 10;
const SENDS_PER_COUNT = 100;
/** How often each thing is done before it is measured, as a part of the count. */
const WARM_UP = 0.25;

/** CPU time of this process, in µs: a busy machine makes it wait, and that is not what is measured. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const { peer, count } = childInput<RuntimeInput>();
const family: Family = peer === 'bare' ? bareFamily : supervisedFamily(peer === 'supervised');

/** A child that does nothing, until it is stopped. */
function idler(id: string): Child {
  return {
    id,
    logic: (ready) =>
      task(async (signal) => {
        ready();
        await aborted(signal);
      }),
  };
}

async function spawnAndStop(times: number): Promise<{ readonly spawn: number; readonly stop: number }> {
  let spawnMicros = 0;
  let stopMicros = 0;
  const families = Math.max(1, Math.round(times / CHILDREN));
  for (let made = 0; made < families; made++) {
    const children = Array.from({ length: CHILDREN }, (_, index) => idler(`child-${index}`));
    const startedAt = cpuMicros();
    const running = await family.start(children);
    const upAt = cpuMicros();
    await running.stop();
    spawnMicros += upAt - startedAt;
    stopMicros += cpuMicros() - upAt;
  }
  const perChild = 1 / (families * CHILDREN);
  return { spawn: spawnMicros * perChild, stop: stopMicros * perChild };
}

async function restart(times: number): Promise<number> {
  let fail: (error: Error) => void = () => {};
  let up: () => void = () => {};
  const victim: Child = {
    id: 'victim',
    logic: (ready) =>
      task(async (signal) => {
        const failure = new Promise<void>((_, reject) => {
          fail = reject;
        });
        ready();
        up();
        await Promise.race([aborted(signal), failure]);
      }),
  };
  const running = await family.start([victim, ...Array.from({ length: CHILDREN - 1 }, (_, index) => idler(`child-${index}`))]);
  const startedAt = cpuMicros();
  for (let failed = 0; failed < times; failed++) {
    const next = new Promise<void>((resolve) => {
      up = resolve;
    });
    fail(new Error('planted'));
    await next;
  }
  const took = cpuMicros() - startedAt;
  await running.stop();
  return took / times;
}

async function send(times: number): Promise<number> {
  let ref: AnyActorRef | undefined;
  const counter: Child = {
    id: 'counter',
    logic: (ready) =>
      setup({
        types: {
          context: {} as { readonly count: number },
          events: {} as { readonly type: 'TICK' } | { readonly type: 'SHUTDOWN' },
        },
        actions: {
          begin: ({ self }) => {
            ref = self;
            ready();
          },
          count: assign({ count: ({ context }) => context.count + 1 }),
        },
      }).createMachine({
        context: { count: 0 },
        initial: 'on',
        entry: 'begin',
        on: { SHUTDOWN: '.ended' },
        states: {
          on: { on: { TICK: { target: 'off', actions: 'count' } } },
          off: { on: { TICK: { target: 'on', actions: 'count' } } },
          ended: { type: 'final' },
        },
      }),
  };
  const running = await family.start([counter]);
  const startedAt = cpuMicros();
  for (let sent = 0; sent < times; sent++) ref?.send({ type: 'TICK' });
  const took = cpuMicros() - startedAt;
  const handled = (ref?.getSnapshot() as { readonly context: { readonly count: number } } | undefined)?.context.count;
  if (handled !== times) throw new Error(`${handled} of ${times} events were handled`);
  await running.stop();
  return took / times;
}

async function measure(times: number): Promise<RuntimeSample> {
  const { spawn, stop } = await spawnAndStop(times);
  return { spawn, stop, restart: await restart(times), send: await send(times * SENDS_PER_COUNT) };
}

await measure(Math.ceil(count * WARM_UP));
tellParent(await measure(count));
