import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventFilter, fitsATopic } from '../../src/actors/events/event-filter.ts';
import { EventHub } from '../../src/actors/events/event-hub.ts';
import { eventReaderSpec } from '../../src/actors/events/event-reader.actor.ts';
import { EventSource } from '../../src/actors/events/event-subscription.ts';
import { EventTail } from '../../src/actors/events/event-tail.ts';
import { withBell } from '../../src/actors/events/outbox-bell.ts';
import { nextPollMs, pollPolicyOf } from '../../src/actors/events/poll-policy.ts';
import { toldEvent } from '../../src/actors/events/told-event.ts';
import { Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { EventPage, Store, StoreTransaction, StreamEvent } from '../../src/ports.ts';
import { until } from '../support/program.ts';

const event = (position: number, topic = 'a.b', payload: StreamEvent['payload'] = {}): StreamEvent => ({
  position,
  topic,
  payload,
  at: 1_700_000_000_000,
});

describe('what is wished for', () => {
  const fits = (pattern: string, topic: string): boolean =>
    eventFilter({ topics: [pattern], channelId: null })({ topic, channelId: null });

  it.each([
    ['*', 'job.completed', true],
    ['message', 'message.new.-100', true],
    ['message.*', 'message.new.-100', true],
    ['message.*', 'message', false],
    ['message.new', 'message.new.-100', true],
    ['message.new', 'message.newest', false],
    ['*.new', 'message.new.-100', true],
    ['*.new.-100', 'message.new.-100', true],
    ['message.*.-100', 'message.edited.-100', true],
    ['message.*.-100', 'message.edited.-1001', false],
    ['job.completed', 'job.failed', false],
  ])('%s and %s: %s', (pattern, topic, expected) => {
    expect(fits(pattern, topic)).toBe(expected);
    expect(fitsATopic(pattern)).toBe(true);
  });

  it.each([
    '',
    'mesage',
    'message.',
    'message.newest',
    'new',
    'job.new',
    '*.never',
    'job.completed.5',
    'message.new.chat',
    'message.new.-1.x',
  ])('%j fits nothing there is', (pattern) => expect(fitsATopic(pattern)).toBe(false));

  it('is any of several, or everything', () => {
    const wants = eventFilter({ topics: ['a', 'b.c'], channelId: null });
    expect(['a', 'a.x', 'b', 'b.c', 'b.c.d', 'c'].filter((topic) => wants({ topic, channelId: null }))).toEqual([
      'a',
      'a.x',
      'b.c',
      'b.c.d',
    ]);
    expect(eventFilter({ topics: [], channelId: null })({ topic: 'x', channelId: 5 })).toBe(true);
    expect(eventFilter({ topics: [], channelId: 5 })({ topic: 'x', channelId: null })).toBe(false);
  });
});

describe('an event as it is told', () => {
  it('is one line of data, whatever is in it, which nobody can take for another event', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (payload) => {
        const { frame } = toldEvent(event(7, 'a.b.c', payload as StreamEvent['payload']));
        const lines = frame.split('\n');
        expect(lines).toHaveLength(5);
        expect(lines.slice(0, 2)).toEqual(['id: 7', 'event: a.b']);
        expect(frame).not.toContain('\r');
        const { version, id, topic, at, ...rest } = JSON.parse((lines[2] as string).slice('data: '.length));
        expect({ version, id, topic, at }).toEqual({ version: 1, id: 7, topic: 'a.b.c', at: '2023-11-14T22:13:20.000Z' });
        const { version: _v, id: _i, topic: _t, at: _a, ...own } = payload;
        expect(rest).toEqual(JSON.parse(JSON.stringify(own)));
      }),
    );
  });
});

describe('the newest events', () => {
  it('are the ones that fit, without a hole, found by their position', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 60 }), fc.nat({ max: 50 }), (sizes, start) => {
        const tail = new EventTail(30, 4_000);
        tail.begin(start);
        let head = start;
        for (const size of sizes) {
          tail.append(Array.from({ length: size }, () => toldEvent(event(++head))));
          expect(tail.head).toBe(head);
          const kept = Array.from({ length: 200 }, (_, at) => tail.at(head - at)).filter((found) => found !== undefined);
          expect(kept.map(({ position }) => position)).toEqual(kept.map((_, at) => head - at));
          expect(kept.length).toBeLessThanOrEqual(30);
          expect(kept.reduce((sum, { frame }) => sum + frame.length, 0)).toBeLessThanOrEqual(4_000);
          expect(kept.length).toBeGreaterThan(Math.min(head - start, 20) - 1);
          expect(tail.at(head + 1)).toBeUndefined();
        }
      }),
    );
  });

  it('go on after thousands have given way', () => {
    const tail = new EventTail(100, 1_000_000);
    tail.begin(0);
    for (let head = 1; head <= 5_000; head++) {
      tail.append([toldEvent(event(head))]);
      expect(tail.at(head)?.position).toBe(head);
      expect(tail.at(head - 99)?.position).toBe(head > 99 ? head - 99 : undefined);
      expect(tail.at(head - 100)).toBeUndefined();
    }
  });
});

describe('a subscription', () => {
  it('gives every wanted event once and in order, wherever it comes from and whenever it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ add: fc.integer({ min: 1, max: 400 }) }),
            fc.constant('take'),
            fc.constant('forget'),
            fc.constant('begin'),
          ),
          {
            maxLength: 30,
          },
        ),
        fc.nat({ max: 300 }),
        async (steps, before) => {
          const events: StreamEvent[] = [];
          const hub = new EventHub(() => {});
          const add = (count: number): void => {
            const fresh = Array.from({ length: count }, (_, at) =>
              event(events.length + at + 1, (events.length + at) % 3 === 0 ? 'no' : 'yes'),
            );
            events.push(...fresh);
            if (hub.head !== undefined && hub.head === (fresh[0]?.position ?? 0) - 1) hub.append(fresh);
          };
          add(before);
          const readEvents: Store['readEvents'] = async (after, limit) => ({
            events: events.filter(({ position }) => position > after).slice(0, limit),
            head: events.length,
            oldest: 1,
          });
          const subscription = new EventSource(hub, { readEvents }).subscribe({
            after: 0,
            wants: ({ topic }) => topic === 'yes',
          });
          const heard: number[] = [];
          const hearing = (async () => {
            for (let batch = await subscription.next(); batch; batch = await subscription.next()) {
              for (const [, id] of batch.text.matchAll(/^id: (\d+)$/gm)) heard.push(Number(id));
            }
          })();
          hub.begin(events.length);
          for (const step of steps) {
            if (step === 'take') await new Promise((resolve) => setImmediate(resolve));
            else if (step === 'forget') hub.forget();
            else if (step === 'begin') hub.begin(events.length);
            else add(step.add);
          }
          hub.begin(events.length);
          const wanted = events.filter(({ topic }) => topic === 'yes').map(({ position }) => position);
          for (let turns = 0; heard.length < wanted.length && turns < 10_000; turns++)
            await new Promise((resolve) => setImmediate(resolve));
          expect(heard).toEqual(wanted);
          subscription.close();
          await hearing;
          expect(hub.wanted).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is reset when its database is put back to an earlier state', async () => {
    const hub = new EventHub(() => {});
    hub.begin(10);
    const readEvents: Store['readEvents'] = async () => ({ events: [], head: 4, oldest: 1 });
    const subscription = new EventSource(hub, { readEvents }).subscribe({ after: undefined, wants: () => true });
    const next = subscription.next();
    await new Promise((resolve) => setImmediate(resolve));
    hub.begin(4);
    expect(await next).toMatchObject({ position: 4, text: expect.stringContaining('event: reset') });
    subscription.close();
  });

  it('says how far behind the slowest of those is who listen now', async () => {
    const hub = new EventHub(() => {});
    hub.begin(10);
    const source = new EventSource(hub, { readEvents: async () => ({ events: [], head: 10, oldest: 1 }) });
    expect(source.behind).toBe(0);
    const [fast, slow] = [undefined, 3].map((after) => source.subscribe({ after, wants: () => true }));
    await fast?.begin();
    expect(source.behind).toBe(7);
    slow?.close();
    expect(source.behind).toBe(0);
    const foreign = source.subscribe({ after: Number.NaN, wants: () => true });
    expect(source.behind).toBe(0);
    foreign.close();
    fast?.close();
  });

  it('lets few read from the store at the same time, and gives its turn back when it is closed while it waits', async () => {
    const hub = new EventHub(() => {});
    hub.begin(10);
    let reading = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    const readEvents: Store['readEvents'] = async (after) => {
      most = Math.max(most, ++reading);
      await new Promise<void>((resolve) => answers.push(resolve));
      reading -= 1;
      return { events: [event(after + 1)], head: 10, oldest: 1 };
    };
    const source = new EventSource(hub, { readEvents });
    const subscriptions = Array.from({ length: 12 }, () => source.subscribe({ after: 0, wants: () => true }));
    const batches = subscriptions.map((subscription) => subscription.next());
    await new Promise((resolve) => setImmediate(resolve));
    for (const subscription of subscriptions.slice(6, 9)) subscription.close();
    while (answers.length > 0) {
      answers.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const found = await Promise.all(batches);
    expect(found.filter((batch) => batch !== undefined)).toHaveLength(9);
    expect(most).toBe(4);
  });
});

describe('the reader', () => {
  it('goes on where the stream stands after so long a sleep that all of what followed is gone', async () => {
    let page: EventPage = { events: [], head: 5, oldest: 1 };
    const store = { kind: 'pglite', readEvents: async () => page } as unknown as Store;
    const nudge = new Nudge();
    const hub = new EventHub(nudge.ring);
    const deps = { clock: systemClock, log: silentLog, random: () => 0 };
    const children = [eventReaderSpec(nudge, { ...deps, store, hub })];
    const system = startSystem({ children }, { ...deps, registry: new Registry(systemClock) });
    const leave = hub.join(() => {});
    await until(async () => (hub.head === 5 ? true : undefined));
    page = { events: [], head: 9, oldest: 10 };
    nudge.ring();
    await until(async () => (hub.head === 9 ? true : undefined));
    page = { events: [event(10)], head: 10, oldest: 10 };
    nudge.ring();
    await until(async () => (hub.at(10) ? true : undefined));
    leave();
    await system.stop();
  });
});

describe('the bell of a store', () => {
  it('rings after what wrote to the outbox, also where that failed, and after nothing else', async () => {
    let rings = 0;
    const order: string[] = [];
    const inner = {
      transaction: async (work: (tx: StoreTransaction) => Promise<unknown>) => {
        const result = await work({ appendOutbox: async () => {} } as unknown as StoreTransaction);
        order.push('committed');
        return result;
      },
      stepJob: async (_id: string, decide: (job: never, account: never) => unknown) => {
        decide(undefined as never, undefined as never);
        order.push('committed');
      },
    } as unknown as Store;
    const store = withBell(inner, () => {
      rings += 1;
      order.push('rang');
    });
    const entry = { topic: 'job.failed', payload: {} } as const;
    expect(await store.transaction(async () => 5)).toBe(5);
    await store.transaction((tx) => tx.appendOutbox([]));
    expect(rings).toBe(0);
    await store.transaction(async (tx) => {
      await tx.appendOutbox([entry]);
      await tx.appendOutbox([]);
    });
    expect(rings).toBe(1);
    expect(order.slice(-2)).toEqual(['committed', 'rang']);
    await store.stepJob('x', () => undefined);
    await store.stepJob('x', () => ({ set: {}, events: [], outbox: [] }));
    expect(rings).toBe(1);
    await store.stepJob('x', () => ({ set: {}, events: [], outbox: [entry] }));
    expect(rings).toBe(2);
    const failing = store.transaction(async (tx) => {
      await tx.appendOutbox([entry]);
      throw new Error('the answer was lost');
    });
    await expect(failing).rejects.toThrow('lost');
    expect(rings).toBe(3);
  });
});

describe('how often the database is asked', () => {
  it('is often while something happens, and seldom while nothing does', () => {
    const pauses = [0, 100, 1_000, 5_000, 25_000, 3_600_000].map((quietMs) => nextPollMs(pollPolicyOf('postgresql'), quietMs));
    expect(pauses).toEqual([5, 5, 10, 50, 250, 250]);
    expect(nextPollMs(pollPolicyOf('pglite'), 0)).toBe(1_000);
  });
});
