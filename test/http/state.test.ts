import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { ActorDetailSchema, ActorSchema } from '../../src/http/state-view.ts';
import { silentLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { ask } from '../support/ask.ts';
import { HttpHouse, node } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const machine = setup({}).createMachine({
  id: 'heart',
  initial: 'resting',
  on: {
    SHUTDOWN: '.stopped',
    FAIL: {
      actions: () => {
        throw new Error('arrest', { cause: new Error('cold') });
      },
    },
  },
  states: { resting: { on: { RUN: 'racing' } }, racing: { on: { REST: 'resting' } }, stopped: { type: 'final' } },
});

let clock: VirtualClock;
let registry: Registry;
let system: ActorSystem;
let app: App;

beforeEach(async () => {
  clock = new VirtualClock();
  registry = new Registry(clock);
  const heart = {
    id: 'heart',
    kind: 'heart',
    start: (life: { ready(): void }) => {
      life.ready();
      return { logic: machine };
    },
    view: () => ({ rate: 60 }),
    backoff: { baseMs: 1_000, capMs: 1_000 },
  };
  system = startSystem({ children: [heart] }, { clock, registry, random: () => 1, log: silentLog });
  await clock.settle();
  const house = new HttpHouse();
  house.clock = clock;
  app = buildGateway(house.deps({ system }));
});

afterEach(() => system.stop());

describe('GET /api/state', () => {
  it('is the tree as it is now, in the shape that is documented', async () => {
    registry.ref('root/heart')?.send({ type: 'FAIL' });
    await clock.settle();
    const { status, body, headers } = await ask(app, { url: '/api/state' });
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('private, no-cache');
    expect(body).toEqual(JSON.parse(JSON.stringify(system.tree())));
    expect([...Compile(ActorSchema).Errors(body)]).toEqual([]);
    expect(body).toMatchObject({
      path: 'root',
      supervision: { strategy: 'one_for_one', restarts: 1 },
      children: [
        {
          path: 'root/heart',
          state: 'waiting',
          nextStartAt: clock.now() + 1_000,
          lastExit: { reason: 'failure', causes: ['arrest', 'cold'] },
        },
      ],
    });
  });
});

describe('GET /api/state/:actor', () => {
  it('is one actor with what it did, in the shape that is documented', async () => {
    for (const type of ['RUN', 'RUN', 'REST']) registry.ref('root/heart')?.send({ type, password: 'hunter2' });
    const { body, text } = await ask(app, { url: '/api/state/root/heart' });
    expect([...Compile(ActorDetailSchema).Errors(body)]).toEqual([]);
    expect(body).toMatchObject({
      path: 'root/heart',
      state: 'resting',
      context: { rate: 60 },
      events: { handled: 3, rejected: 1, longest: { durationMs: 0 } },
      states: [{ state: 'resting' }, { state: 'racing' }, { state: 'resting' }, { state: 'starting' }, { state: 'waiting' }],
      transitions: [
        { event: 'REST', rejected: false, edges: [{ from: 'racing', to: ['resting'], on: 'REST', branch: 0 }] },
        { event: 'RUN', rejected: true, edges: [], state: 'racing' },
        { event: 'RUN', rejected: false, edges: [{ from: 'resting', to: ['racing'], on: 'RUN', branch: 0 }] },
        { event: 'xstate.init' },
      ],
    });
    expect(text).not.toContain('hunter2');
  });

  it('has the tree below it', async () => {
    const { body } = await ask(app, { url: '/api/state/root' });
    expect([...Compile(ActorDetailSchema).Errors(body)]).toEqual([]);
    expect(body.children.map(({ path }: { path: string }) => path)).toEqual(['root/heart']);
    expect(body.transitions.length).toBeGreaterThan(0);
  });

  it('is 404 where no actor is, and 400 with a query', async () => {
    expect(await ask(app, { url: '/api/state/root/nobody' })).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND' } },
    });
    expect(await ask(app, { url: '/api/state/heart' })).toMatchObject({ status: 404 });
    expect(await ask(app, { url: '/api/state/root/heart?deep=1' })).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST' } },
    });
  });

  it('is there for the operators of a worker too', async () => {
    const house = new HttpHouse();
    house.clock = clock;
    const ops = buildOps(house.deps({ system }));
    expect((await ask(ops, { url: '/api/state/root/heart' })).body).toMatchObject({ kind: 'heart', state: 'resting' });
  });
});

describe('/metrics of actors', () => {
  it('counts their events, restarts and longest handler, and what is used up of an intensity', async () => {
    const house = new HttpHouse();
    house.clock = clock;
    const deps = house.deps();
    const metrics = createMetrics(
      { store: house.store, system, health: deps.health, events: () => house.hub.figures },
      clock,
      silentLog,
    );
    for (const type of ['RUN', 'RUN', 'REST']) registry.ref('root/heart')?.send({ type });
    registry.ref('root/heart')?.send({ type: 'FAIL' });
    await clock.advance(1_000);
    for (let scrape = 0; scrape < 2; scrape++) {
      const { body } = await metrics.expose();
      expect(body).toContain('# TYPE vigilia_actor_events_total counter');
      expect(body).toContain('vigilia_actor_events_total{actor="root/heart",outcome="taken"} 3');
      expect(body).toContain('vigilia_actor_events_total{actor="root/heart",outcome="rejected"} 1');
      expect(body).toContain('vigilia_actor_restarts{actor="root/heart"} 1');
      expect(body).toContain('vigilia_actor_longest_handler_seconds{actor="root/heart"} 0');
      expect(body).toContain('vigilia_supervisor_restarts{actor="root"} 1');
      expect(body).toContain('vigilia_supervisor_max_restarts{actor="root"} 10');
    }
  });

  it('has a bounded number of series, however many actors there are', async () => {
    const house = new HttpHouse();
    const crowd = Array.from({ length: 1_000 }, (_, i) => ({
      ...node(`root/child-${i}`, 'task', []),
      restarts: 2,
      events: { handled: 10, rejected: 1, perSecond: 0, longest: { event: 'X', durationMs: i, at: 0 } },
    }));
    house.tree = node('root', 'supervisor', crowd);
    const { body } = await house.deps().metrics.expose();
    const series = body.split('\n').filter((line) => line.startsWith('vigilia_actor_'));
    expect(series.length).toBe(4 * 201);
    // 199 of them have a name of their own.
    expect(body).toContain('vigilia_actor_restarts{actor="other"} 1602');
    expect(body).toContain('vigilia_actor_events_total{actor="other",outcome="taken"} 7209');
    expect(body).toContain('vigilia_actor_longest_handler_seconds{actor="other"} 0.999');
  });
});
