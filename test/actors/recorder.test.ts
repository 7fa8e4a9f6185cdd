import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyStateMachine,
  and,
  assign,
  createActor,
  createMachine,
  fromTransition,
  type InspectionEvent,
  not,
  raise,
  setup,
} from 'xstate';
import { task } from '../../src/actors/actor.ts';
import { ActorRecord } from '../../src/actors/actor-record.ts';
import { Recorder } from '../../src/actors/recorder.ts';
import { stateName } from '../../src/actors/state-name.ts';
import { aborted } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** An actor that is recorded, with what is known of it. */
function watch(logic: AnyStateMachine, clock = new VirtualClock()) {
  const recorder = new Recorder(clock);
  const record = new ActorRecord(clock);
  const actor = createActor(recorder.recorded(logic, record, 1), { clock, inspect: recorder.inspect });
  actor.subscribe({ error: () => {} });
  actor.start();
  return { actor, record, recorder, clock };
}

const door = setup({
  guards: { isUnlocked: () => true, isJammed: () => false },
  actions: { creak: () => {}, count: () => {} },
}).createMachine({
  id: 'door',
  initial: 'closed',
  on: { RESET: { target: '.closed', actions: ['count', { type: 'creak' }] } },
  states: {
    closed: {
      on: {
        OPEN: [
          { guard: 'isJammed', target: 'stuck' },
          { guard: and(['isUnlocked', not('isJammed')]), target: 'opening', actions: 'creak' },
        ],
      },
    },
    opening: { always: 'open' },
    open: { initial: 'wide', states: { wide: { on: { '*': { actions: 'count' } } } } },
    stuck: {},
  },
});

describe('what is recorded of an event', () => {
  it('names the exact edge: state, target, branch, guard, actions, and the eventless ones after it', () => {
    const { actor, record, clock } = watch(door);
    actor.send({ type: 'OPEN' });
    expect(record.transitions()[0]).toEqual({
      number: 2,
      at: clock.now(),
      incarnation: 1,
      event: 'OPEN',
      raised: false,
      rejected: false,
      failed: false,
      edges: [
        {
          from: 'closed',
          to: ['opening'],
          on: 'OPEN',
          branch: 1,
          guard: 'isUnlocked and not isJammed',
          actions: ['creak'],
        },
        { from: 'opening', to: ['open'], on: 'always', branch: 0 },
      ],
      state: 'open.wide',
      durationMs: 0,
    });
  });

  it('tells edges of the machine itself, of any event, and those that stay', () => {
    const { actor, record } = watch(door);
    actor.send({ type: 'RESET' });
    expect(record.transitions()[0]?.edges).toEqual([
      { from: '#door', to: ['closed'], on: 'RESET', branch: 0, actions: ['count', 'creak'] },
    ]);
    actor.send({ type: 'OPEN' });
    actor.send({ type: 'KNOCK' });
    expect(record.transitions()[0]?.edges).toEqual([{ from: 'open.wide', to: [], on: '*', branch: 0, actions: ['count'] }]);
  });

  it('marks an event that the machine has no transition for', () => {
    const { actor, record } = watch(door);
    actor.send({ type: 'KNOCK' });
    expect(record.transitions()[0]).toMatchObject({ event: 'KNOCK', rejected: true, failed: false, edges: [], state: 'closed' });
    expect(record.events()).toMatchObject({ handled: 1, rejected: 1 });
  });

  it('keeps events apart that a machine raises itself', () => {
    const machine = createMachine({
      initial: 'a',
      states: {
        a: { on: { GO: { target: 'b', actions: [raise({ type: 'INNER' }), raise({ type: 'UNHEARD' })] } } },
        b: { on: { INNER: 'c' } },
        c: {},
      },
    });
    const { actor, record } = watch(machine);
    actor.send({ type: 'GO' });
    const seen = record.transitions().map(({ event, raised, rejected, state }) => ({ event, raised, rejected, state }));
    expect(seen).toEqual([
      { event: 'UNHEARD', raised: true, rejected: true, state: 'c' },
      { event: 'INNER', raised: true, rejected: false, state: 'c' },
      { event: 'GO', raised: false, rejected: false, state: 'b' },
      { event: 'xstate.init', raised: false, rejected: false, state: undefined },
    ]);
  });

  it('tells the event that an actor failed of, although XState says nothing of it any more', () => {
    const machine = createMachine({
      initial: 'calm',
      states: {
        calm: { on: { PROVOKE: 'angry' } },
        angry: {
          entry: () => {
            throw new Error('boom');
          },
        },
      },
    });
    const { actor, record } = watch(machine);
    actor.send({ type: 'PROVOKE' });
    expect(actor.getSnapshot()).toMatchObject({ status: 'error', error: new Error('boom') });
    expect(record.transitions()[0]).toMatchObject({ event: 'PROVOKE', failed: true, rejected: false });
  });

  it('records an actor that is no machine, without edges, and its failure', async () => {
    const clock = new VirtualClock();
    const recorder = new Recorder(clock);
    const record = new ActorRecord(clock);
    const logic = task(async (signal) => {
      await aborted(signal);
      throw new Error('late');
    });
    const actor = createActor(recorder.recorded(logic, record, 3), { clock, inspect: recorder.inspect });
    actor.subscribe({ error: () => {} });
    actor.start();
    actor.send({ type: 'SHUTDOWN' });
    await clock.settle();
    expect(record.transitions()).toMatchObject([
      { event: 'vigilia.task.failed', failed: true, rejected: false, edges: [], incarnation: 3 },
      { event: 'SHUTDOWN', failed: false, rejected: false },
      { event: 'xstate.init' },
    ]);
  });

  it('never keeps what an event carried', () => {
    const secret = 'hunter2-the-password';
    const machine = createMachine({
      context: { kept: '' },
      initial: 'a',
      states: {
        a: {
          on: {
            LOGIN: {
              target: 'b',
              guard: { type: 'fits', params: { secret } } as never,
              actions: [assign({ kept: ({ event }) => event.password }), { type: 'log', params: { secret } }] as never,
            },
          },
        },
        b: {},
      },
    }).provide({ guards: { fits: () => true }, actions: { log: () => {} } } as never);
    const { actor, record } = watch(machine);
    actor.send({ type: 'LOGIN', password: secret });
    expect(actor.getSnapshot().value).toBe('b');
    expect(record.transitions()[0]).toMatchObject({ event: 'LOGIN', edges: [{ guard: 'fits', to: ['b'] }] });
    expect(JSON.stringify([record.transitions(), record.events()])).not.toContain(secret);
  });
});

describe('figures', () => {
  it('tells the longest handler, with its event and when it was', () => {
    let elapsedMs = 0;
    const clock = new VirtualClock();
    const recorder = new Recorder({
      now: clock.now,
      monotonic: () => elapsedMs,
      setTimeout: clock.setTimeout,
      clearTimeout: () => {},
    });
    const record = new ActorRecord(clock);
    const machine = createMachine({
      on: {
        WORK: {
          actions: ({ event }) => {
            elapsedMs += event.ms;
          },
        },
      },
    });
    const actor = createActor(recorder.recorded(machine, record, 1), { clock, inspect: recorder.inspect }).start();
    for (const ms of [3, 40.123456, 7]) actor.send({ type: 'WORK', ms });
    expect(record.events().longest).toEqual({ event: 'WORK', durationMs: 40.123, at: clock.now() });
    expect(record.transitions().map(({ durationMs }) => durationMs)).toEqual([7, 40.123, 3, 0]);
  });

  it('counts events a second over the last ten', async () => {
    const { actor, record, clock } = watch(createMachine({ on: { SKIP: {} } }));
    for (let i = 0; i < 50; i++) actor.send({ type: 'SKIP' });
    expect(record.events()).toMatchObject({ handled: 50, perSecond: 5 });
    await clock.advance(5_000);
    for (let i = 0; i < 30; i++) actor.send({ type: 'SKIP' });
    expect(record.events().perSecond).toBe(8);
    await clock.advance(5_250);
    // The first second is leaving the window: three quarters of it are still inside.
    expect(record.events().perSecond).toBeCloseTo(3 + 5 * 0.75);
    await clock.advance(10_000);
    expect(record.events()).toMatchObject({ handled: 80, perSecond: 0 });
  });

  it('does not take the beginning and the end of a life for events', () => {
    const { actor, record } = watch(door);
    actor.stop();
    expect(record.transitions().map(({ event, rejected }) => [event, rejected])).toEqual([
      ['xstate.stop', false],
      ['xstate.init', false],
    ]);
    expect(record.events()).toMatchObject({ handled: 0, rejected: 0 });
  });
});

describe('bounds', () => {
  it('remembers the newest 64 events', () => {
    const { actor, record } = watch(createMachine({ on: { '*': { actions: () => {} } } }));
    for (let i = 0; i < 200; i++) actor.send({ type: `EVENT_${i}` });
    expect(record.transitions().map(({ event }) => event)).toEqual(Array.from({ length: 64 }, (_, i) => `EVENT_${199 - i}`));
    expect(record.events().handled).toBe(200);
  });

  it('keeps 16 edges of one event, and says how many more there were', () => {
    const machine = createMachine({
      context: { left: 0 },
      initial: 'rest',
      states: {
        rest: { on: { RUN: { target: 'run', actions: assign({ left: 50 }) } } },
        run: {
          always: [
            {
              guard: ({ context }) => context.left > 0,
              target: 'run',
              reenter: true,
              actions: assign({ left: ({ context }) => context.left - 1 }),
            },
            'rest',
          ],
        },
      },
    });
    const { actor, record } = watch(machine);
    actor.send({ type: 'RUN' });
    expect(record.transitions()[0]).toMatchObject({ event: 'RUN', edgesOmitted: 36, state: 'rest' });
    expect(record.transitions()[0]?.edges).toHaveLength(16);
  });

  it('keeps the beginning of a name that is very long', () => {
    const { actor, record } = watch(createMachine({}));
    actor.send({ type: 'X'.repeat(5_000) });
    expect(record.transitions()[0]?.event).toBe(`${'X'.repeat(120)}…`);
  });
});

describe('a look that goes wrong', () => {
  const poison = (): never => {
    throw new Error('poison');
  };
  const poisoned = (...names: string[]): object =>
    Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get: poison, enumerable: true }])));

  it('never throws, whatever it is shown', () => {
    const { recorder, actor, record } = watch(door);
    const seen: unknown[] = [
      undefined,
      null,
      7,
      {},
      poisoned('type'),
      { type: '@xstate.microstep' },
      Object.assign(poisoned('actorRef', 'event', 'snapshot', '_transitions'), { type: '@xstate.microstep' }),
      { type: '@xstate.microstep', actorRef: actor, event: {}, snapshot: {}, _transitions: null },
    ];
    for (const inspection of seen) expect(() => recorder.inspect(inspection as InspectionEvent)).not.toThrow();
    actor.send({ type: 'OPEN' });
    expect(record.transitions()[0]).toMatchObject({ event: 'OPEN', state: 'open.wide' });
  });

  it('leaves the actor alone when its chart, its snapshot or its event cannot be read', () => {
    const clock = new VirtualClock();
    const recorder = new Recorder(clock);
    const record = new ActorRecord(clock);
    let poisoning = false;
    const spoil = (inspection: InspectionEvent): void => {
      if (!poisoning || inspection.type !== '@xstate.microstep') {
        recorder.inspect(inspection);
        return;
      }
      for (const name of ['event', 'snapshot', '_transitions', 'actorRef', 'type']) {
        recorder.inspect(Object.defineProperty({ ...inspection }, name, { get: poison }));
      }
      recorder.inspect({ ...inspection, _transitions: [poisoned('eventType', 'source')] } as never);
      recorder.inspect({
        ...inspection,
        _transitions: [Object.assign(poisoned('source', 'guard'), { eventType: 'OPEN' })],
      } as never);
    };
    const actor = createActor(recorder.recorded(door, record, 1), { clock, inspect: spoil }).start();
    poisoning = true;
    actor.send({ type: 'OPEN' });
    poisoning = false;
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', value: { open: 'wide' } });
    actor.send({ type: 'KNOCK' });
    expect(record.transitions()[0]).toMatchObject({
      event: 'KNOCK',
      edges: [{ from: 'open.wide', on: '*' }],
      state: 'open.wide',
    });
  });

  it('gives the error of a handler on as it was thrown', () => {
    const clock = new VirtualClock();
    const error = new Error('its own');
    const record = new ActorRecord(clock);
    const logic = fromTransition((state: number, event: { readonly type: string }) => {
      if (event.type === 'FAIL') throw error;
      return state + 1;
    }, 0);
    const actor = createActor(new Recorder(clock).recorded(logic, record, 1));
    let told: unknown;
    actor.subscribe({ error: (reason) => (told = reason) });
    actor.start();
    actor.send({ type: 'COUNT' });
    expect(actor.getSnapshot().context).toBe(1);
    actor.send({ type: 'FAIL' });
    expect(told).toBe(error);
    expect(record.transitions().map(({ event, failed }) => [event, failed])).toEqual([
      ['FAIL', true],
      ['COUNT', false],
      ['xstate.init', false],
    ]);
  });
});

// ── Whatever machine it is ──────────────────────────────────────────────────────────────────────────────────────────

const EVENTS = ['A', 'B', 'C', 'D'] as const;
const STATES = ['p', 'q', 'r'] as const;

/** An edge of a random machine: everything that could tell it from others is chosen. */
interface Drawn {
  readonly on: string;
  readonly to: number;
  readonly guard: 'even' | 'odd' | 'never' | undefined;
  readonly reenter: boolean;
  readonly raises: string | undefined;
}

const drawnEdge: fc.Arbitrary<Drawn> = fc.record({
  on: fc.constantFrom(...EVENTS, '*'),
  to: fc.integer({ min: -1, max: 11 }),
  guard: fc.constantFrom(undefined, undefined, 'even', 'odd', 'never'),
  reenter: fc.boolean(),
  // Edges on what is raised raise nothing, nor does one on any event: no machine goes in a circle.
  raises: fc.constantFrom(undefined, undefined, 'E', 'F'),
});

/**
 * A machine of three regions or one, three states each with two below, whose edges, when they are taken, write their own name into its
 * context: what XState really did, told by the machine itself.
 */
function randomMachine(parallel: boolean, drawn: readonly (readonly Drawn[])[]): AnyStateMachine {
  let edges = 0;
  const owned = (index: number) => drawn[index % drawn.length] ?? [];
  const targets = ['#m.p', '#m.q', '#m.r', ...STATES.flatMap((a) => ['x', 'y', 'z'].map((b) => `#m.${a}.${b}`))];
  const write = (name: string) => assign({ taken: ({ context }) => [...context.taken, name], n: ({ context }) => context.n + 1 });
  const actions: Record<string, unknown> = {};
  const action = (name: string): string => {
    actions[name] = write(name);
    return name;
  };
  const transitionsOf = (list: readonly Drawn[]): Record<string, object[]> => {
    const on: Record<string, object[]> = {};
    for (const { on: event, to, guard, reenter, raises } of list) {
      const name = `edge${edges++}`;
      on[event] ??= [];
      on[event].push({
        ...(to < 0 ? {} : { target: targets[to] }),
        ...(guard ? { guard } : {}),
        reenter,
        actions: [action(name), ...(raises && event !== '*' ? [raise({ type: raises })] : [])],
      });
    }
    return on;
  };
  const region = (name: string, index: number) => ({
    initial: 'x',
    on: transitionsOf(owned(index)),
    states: {
      x: { on: { ...transitionsOf(owned(index + 3)), E: { target: 'y', actions: action(`${name}.x on E`) } } },
      // An eventless edge out of here, now and then.
      y: {
        on: transitionsOf(owned(index + 6)),
        always: { guard: 'often', target: 'z', actions: action(`${name}.y always`) },
      },
      z: { on: { ...transitionsOf(owned(index + 9)), F: { actions: action(`${name}.z on F`) } } },
    },
  });
  const config = {
    id: 'm',
    context: { n: 0, taken: [] as string[] },
    ...(parallel ? { type: 'parallel' } : { initial: 'p' }),
    on: transitionsOf(owned(12)),
    states: Object.fromEntries(STATES.map((name, index) => [name, region(name, index)])),
  };
  return createMachine(config as never).provide({
    actions,
    guards: {
      even: ({ context }: { context: { n: number } }) => context.n % 2 === 0,
      odd: ({ context }: { context: { n: number } }) => context.n % 2 === 1,
      often: ({ context }: { context: { n: number } }) => context.n % 3 !== 0,
      never: () => false,
    },
  } as never) as AnyStateMachine;
}

describe('whatever the machine and whatever is sent to it', () => {
  it('tells exactly the edges that were taken, rejects what had none, and stays bounded', () => {
    const seen = { events: 0, edges: 0, rejected: 0, raised: 0, conflicts: 0 };
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.array(drawnEdge, { maxLength: 3 }), { minLength: 13, maxLength: 13 }),
        fc.array(fc.constantFrom(...EVENTS, 'UNKNOWN'), { minLength: 1, maxLength: 100 }),
        (parallel, drawn, events) => {
          const machine = randomMachine(parallel, drawn);
          const { actor, record } = watch(machine);
          for (const type of events) {
            const before = actor.getSnapshot();
            if (before.status !== 'active') break;
            const handled = record.events().handled;
            const enabled = machine.getTransitionData(before, { type } as never);
            actor.send({ type });
            const after = actor.getSnapshot();
            expect(after.status).toBe('active');
            const entries = record.transitions().slice(0, record.events().handled - handled);
            const sent = entries.at(-1);
            // The machine's own word for what it did, in order.
            const taken = after.context.taken.slice(before.context.taken.length);
            const told = entries.toReversed().flatMap(({ edges }) => edges.map(({ actions }) => actions?.[0]));
            expect(told).toEqual(taken);
            expect(sent).toMatchObject({ event: type, raised: false, rejected: enabled.length === 0 });
            expect(entries.slice(0, -1).every(({ raised, event }) => raised && (event === 'E' || event === 'F'))).toBe(true);
            expect(entries.every(({ rejected, edges }) => rejected === (edges.length === 0))).toBe(true);
            expect(entries[0]?.state).toBe(stateName(after.value));
            const first = sent?.edges.filter(({ on }) => on !== 'always') ?? [];
            for (const { from, on, branch, to } of first) {
              const data = enabled.find((one) => `${one.source.path.join('.') || '#m'}|${one.eventType}` === `${from}|${on}`);
              expect(data?.source.transitions.get(on)?.indexOf(data)).toBe(branch);
              expect((data?.target ?? []).map((state) => state.path.join('.'))).toEqual(to);
            }
            seen.events += entries.length;
            seen.edges += told.length;
            seen.rejected += entries.filter(({ rejected }) => rejected).length;
            seen.raised += entries.length - 1;
            if (first.length < enabled.length) seen.conflicts += 1;
          }
          expect(record.transitions().length).toBe(Math.min(64, record.events().handled + 1));
        },
      ),
      { numRuns: 400 },
    );
    // A property that met nothing would hold of anything.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
    console.log(`recorder property: ${JSON.stringify(seen)}`);
  });
});
