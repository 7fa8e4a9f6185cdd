import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { packView } from '../../src/actors/processes/view-text.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { ProcessesSchema } from '../../src/http/process-view.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { ActorDetailSchema, ActorSchema } from '../../src/http/state-view.ts';
import { silentLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { ask } from '../support/ask.ts';
import { FIGURES, HttpHouse, node } from '../support/http-house.ts';
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
    queued: () => 3,
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
      queued: 3,
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

describe('GET /api/processes', () => {
  it('is this process alone where nobody shares its database, in the shape that is documented', async () => {
    const { status, body } = await ask(app, { url: '/api/processes' });
    expect(status).toBe(200);
    expect([...Compile(ProcessesSchema).Errors(body)]).toEqual([]);
    expect(body.processes).toMatchObject([{ id: 'self', self: true, role: 'all', stale: false, accounts: ['main'], ...FIGURES }]);
  });

  it.each([
    ['hangs', () => new Promise<never>(() => {})],
    ['refuses', () => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'away'))],
  ])('tells of itself while the database %s', async (_how, processes) => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    house.desk = { processes, lookAt: processes };
    const asked = ask(buildGateway(house.deps()), { url: '/api/processes' });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2_000);
    expect(await asked).toMatchObject({ status: 200, body: { processes: [{ id: 'self', self: true }] } });
  });

  it('has the others with their age, and the tree of each is there by its id', async () => {
    const house = new HttpHouse();
    const text = await packView({ at: 5, value: system.tree() });
    const { lag, busy, memory } = FIGURES;
    const row = {
      id: 'there',
      role: 'worker',
      host: 'b',
      pid: 2,
      version: '0.1.0',
      startedAt: 1,
      figures: { lag, busy, memory },
    };
    house.desk = {
      processes: async () => [{ ...row, seenAgeMs: 12_000, accounts: ['second'] }],
      lookAt: async (id, path) =>
        id === 'there'
          ? { version: 1, text: path === '' ? text : null, absent: path !== '', ageMs: 11_000, seenAgeMs: 12_000 }
          : undefined,
    };
    const other = buildGateway(house.deps({ system }));
    const { body } = await ask(other, { url: '/api/processes' });
    expect([...Compile(ProcessesSchema).Errors(body)]).toEqual([]);
    expect(body.processes).toMatchObject([{ self: true }, { id: 'there', self: false, stale: true, accounts: ['second'] }]);
    const tree = await ask(other, { url: '/api/state?process=there' });
    expect([...Compile(ActorSchema).Errors(tree.body)]).toEqual([]);
    expect(tree.body).toMatchObject({ path: 'root', process: 'there', at: 5, stale: true, children: [{ path: 'root/heart' }] });
    expect(tree.body.seenAgoMs).toBeGreaterThanOrEqual(11_000);
    expect(await ask(other, { url: '/api/state/root/heart?process=there' })).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: expect.stringContaining('/api/state?process=there') } },
    });
    for (const path of ['heart', 'root//heart', `root/${'x'.repeat(129)}`]) {
      const { lookAt } = house.desk;
      house.desk.lookAt = () => Promise.reject(new Error('another process was asked'));
      expect(await ask(other, { url: `/api/state/${path}?process=there` })).toMatchObject({ status: 404 });
      house.desk.lookAt = lookAt;
    }
    expect(await ask(other, { url: '/api/state?process=nobody' })).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', field: 'process', message: expect.stringContaining('/api/processes') } },
    });
    expect(await ask(other, { url: '/api/state?process=a%20b' })).toMatchObject({ status: 400 });
    const own = await ask(other, { url: '/api/state/root/heart?process=self' });
    expect(own.body).toMatchObject({ path: 'root/heart', process: 'self', seenAgoMs: 0, stale: false, context: { rate: 60 } });
  });
});

describe('/metrics of actors', () => {
  it('counts their events, restarts and longest handler, and what is used up of an intensity', async () => {
    const house = new HttpHouse();
    house.clock = clock;
    const deps = house.deps();
    const metrics = createMetrics(
      { store: house.store, system, health: deps.health, figures: () => FIGURES, events: () => house.hub.figures },
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
      expect(body).toContain('vigilia_actor_queued{actor="root/heart"} 3');
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
