import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { type ChildSpec, task } from '../../src/actors/actor.ts';
import { ActDesk } from '../../src/actors/acts/act-desk.ts';
import { ActTrail } from '../../src/actors/acts/act-trail.ts';
import { actsSpec } from '../../src/actors/acts/acts.actor.ts';
import { RemoteActs } from '../../src/actors/acts/remote-acts.ts';
import { listenerSpec } from '../../src/actors/listener.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { openPgliteDriver } from '../../src/actors/store/pglite.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { type GatedStore, gateStore } from '../../src/actors/store/store-gate.ts';
import { supervisorSpec } from '../../src/actors/supervisor.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { aborted, type Clock, systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { silentLog } from '../../src/log.ts';
import type { Act, Store, StoreTransaction, World } from '../../src/ports.ts';
import { anAct } from '../store/acts.contract.ts';
import { type Answer, ask, post } from '../support/ask.ts';
import { deferred } from '../support/deferred.ts';
import { HttpHouse } from '../support/http-house.ts';
import { until } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const WORLD: World = { kind: 'simulator', id: 'test' };
const ADMIN = 'a-token-of-an-admin';
const WRITE = 'a-token-that-writes';
const TOKENS = [
  { scope: 'admin', token: ADMIN },
  { scope: 'write', token: WRITE },
] as const;
const HEART = 'root/team/heart';

const heart = setup({}).createMachine({
  id: 'heart',
  initial: 'resting',
  on: { SHUTDOWN: '.stopped' },
  states: { resting: { on: { SUSPECT: 'beating', LOG_OUT: 'stopped' } }, beating: {}, stopped: { type: 'final' } },
});
const heartSpec: ChildSpec = {
  id: 'heart',
  kind: 'connection',
  start: (life) => {
    life.ready();
    return { logic: heart };
  },
};
/** A child that is ready when the test says so. */
const steady = (id: string, more: Partial<ChildSpec> = {}, ready: () => Promise<void> = async () => {}): ChildSpec => ({
  id,
  kind: 'task',
  start: (life) => ({
    logic: task(async (signal) => {
      await ready();
      life.ready();
      await aborted(signal);
    }),
  }),
  ...more,
});

const deps = { clock: systemClock, log: silentLog, random: () => 0 };
let driver: SqlDriver;
let store: GatedStore;

beforeAll(async () => {
  driver = await openPgliteDriver({ dataDir: 'memory' }, deps);
  store = gateStore(createSqlStore({ driver, ...deps }));
  await store.prepare(WORLD);
});
afterAll(() => store.close());

/** A process: its tree, its desk, and its gateway. */
interface House {
  readonly system: ActorSystem;
  /** What its listener serves. */
  readonly app: () => App;
  readonly desk: ActDesk;
  readonly logged: Record<string, unknown>[];
  readonly url: () => string;
}
const ends: (() => Promise<unknown>)[] = [];

/** What a process has otherwise than others. */
interface Traits {
  readonly children?: readonly ChildSpec[];
  /** Others may want something done by it, and it by them. */
  readonly sharesDatabase?: boolean;
  readonly takeMs?: number;
  readonly clock?: Clock;
  readonly takeActs?: Store['takeActs'];
  readonly transaction?: Store['transaction'];
  readonly findAct?: Store['findAct'];
  /** How long one waits for another process, in ms. */
  readonly remoteMs?: number;
}

async function process(id: string, traits: Traits = {}): Promise<House> {
  const { children = [], sharesDatabase = false, takeMs, remoteMs, clock = systemClock, takeActs = store.takeActs } = traits;
  const { transaction = store.transaction, findAct = store.findAct } = traits;
  if (sharesDatabase) await beat(id);
  const registry = new Registry(systemClock);
  const logged: Record<string, unknown>[] = [];
  const note = (fields: object): void => void logged.push(fields as Record<string, unknown>);
  const log = { ...silentLog, warn: note, error: note };
  const remote = sharesDatabase
    ? new RemoteActs({
        clock: systemClock,
        store: { ...store, findAct },
        ...(takeMs !== undefined && { takeMs }),
        ...(remoteMs !== undefined && { answerMs: remoteMs }),
      })
    : undefined;
  const desk = new ActDesk({ clock: systemClock, log, registry, process: id, remote, answerMs: 300 });
  const all = { ...deps, registry };
  const { trail, carryOut } = desk;
  const book = { transaction, takeActs };
  const own = { clock, log: silentLog, store: book, trail, process: id, sharesDatabase, carryOut };
  const house = new HttpHouse();
  let url = '';
  let app: App;
  const build = (): App =>
    buildGateway(
      house.deps({
        system,
        acts: desk,
        transitions: registry.transitions,
        tokens: TOKENS,
        store: { ...house.store, listActs: store.listActs },
      }),
    );
  const spec = {
    children: [
      actsSpec(own),
      supervisorSpec('team', { children: [heartSpec, steady('once', { restart: 'temporary' }), ...children] }, all),
      listenerSpec(
        'http',
        { host: '127.0.0.1', port: 0, variable: 'HTTP_PORT' },
        async () => {
          app = build();
          return app;
        },
        (told) => {
          url = told;
        },
        silentLog,
      ),
    ],
  };
  const system: ActorSystem = startSystem(spec, all);
  ends.push(() => system.stop());
  await system.started;
  return { system, app: () => app, desk, logged, url: () => url };
}

/** Says that there is such a process. */
async function beat(id: string): Promise<void> {
  const figures = { lag: { p50Ms: 0, p99Ms: 0, maxMs: 0 }, busy: 0, memory: { rssBytes: 1, heapUsedBytes: 1 } };
  await store.beatProcess({ id, role: 'worker', host: 'test', pid: 1, version: '0', upMs: 1, figures }, true);
}

/** One for all that leave it as it was, since each takes a while to build. */
let shared: House;
let here: House;
beforeAll(async () => {
  shared = await process('here');
  ends.length = 0;
});
afterAll(() => shared.system.stop());
beforeEach(async () => {
  here = shared;
  here.logged.length = 0;
  const team = here.system.supervisor('root/team');
  if (stateOf(HEART) === 'suspended') await team?.resume('heart');
  else if (stateOf(HEART) !== 'resting') await team?.restart('heart');
  await driver.script('DELETE FROM acts; DELETE FROM outbox; DELETE FROM processes');
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const as = (token: string): Record<string, string> => ({ 'x-gateway-token': token });
const act = (body: object, { app }: House = here, token = ADMIN): Promise<Answer> =>
  ask(app(), post('/api/acts', body, as(token)));
const list = async (query = ''): Promise<Answer['body']> =>
  (await ask(here.app(), { url: `/api/acts${query}`, headers: as(ADMIN) })).body;
const offers = async (path: string): Promise<string[]> => {
  const { body } = await ask(here.app(), { url: `/api/state/${path}`, headers: as(ADMIN) });
  return body.acts.map(({ act: name, event }: { act: string; event?: string }) =>
    event === undefined ? name : `${name} ${event}`,
  );
};
const stateOf = (path: string): string | undefined => here.system.find(path)?.state;

describe('POST /api/acts', () => {
  it('restarts an actor, and says what it came to; who asked, from where and why is written down', async () => {
    const before = here.system.find(HEART)?.incarnation ?? 0;
    const { status, body, headers } = await act({ actor: HEART, act: 'restart', reason: 'it skips beats' });
    expect(status).toBe(200);
    const told = {
      process: 'here',
      actor: HEART,
      act: 'restart',
      event: null,
      reason: 'it skips beats',
      detail: { state: 'resting' },
      outcome: 'done',
      code: null,
    };
    expect(body).toMatchObject({
      ...told,
      audited: 'now',
      by: { by: 'token', address: '127.0.0.1', requestId: headers['x-request-id'] },
    });
    expect(here.system.find(HEART)).toMatchObject({ incarnation: before + 1, lastExit: { reason: 'normal' } });
    const { acts, next } = await list();
    const { audited: _, ...row } = body;
    expect([acts, next]).toEqual([[row], null]);
    expect(JSON.stringify([body, acts, here.logged])).not.toContain(ADMIN);
    expect(here.logged).toMatchObject([{ actId: body.id, caller: body.by.id, act: 'restart', actor: HEART, outcome: 'done' }]);
  });

  it('restarts a branch, with all below it', async () => {
    const before = here.system.find(HEART)?.restarts ?? 0;
    expect((await act({ actor: 'root/team', act: 'restart' })).body.outcome).toBe('done');
    expect(here.system.find(HEART)).toMatchObject({ state: 'resting', incarnation: 1, restarts: before + 1 });
  });

  it.each(['stop', 'suspend'])('stops an actor by %s, which stays down until it is resumed', async (name) => {
    expect((await act({ actor: HEART, act: name })).body).toMatchObject({
      act: name,
      outcome: 'done',
      detail: { state: 'suspended' },
    });
    expect(await offers(HEART)).toEqual(['resume']);
    expect((await act({ actor: HEART, act: 'restart' })).body.error).toMatchObject({
      code: 'SUPERVISION_REFUSED',
      message: `${HEART}: it was stopped: resume it.`,
    });
    expect((await act({ actor: HEART, act: 'resume' })).body).toMatchObject({ outcome: 'done', detail: { state: 'resting' } });
  });

  it('sends an event that the machine takes now, and offers no other', async () => {
    expect(await offers(HEART)).toEqual(['restart', 'stop', 'send SUSPECT']);
    const { body } = await act({ actor: HEART, act: 'send', event: 'SUSPECT' });
    expect(body).toMatchObject({ outcome: 'done', event: 'SUSPECT', detail: { state: 'beating' } });
    expect(await offers(HEART)).toEqual(['restart', 'stop']);
  });

  it.each([
    ['an event that it does not take as it is', 'SUSPECT', /takes none/],
    ['an event that is not for people, though it would take it', 'LOG_OUT', /takes SUSPECT now/],
  ])('refuses %s, and says which it takes', async (what, event, why) => {
    if (what.includes('as it is')) await act({ actor: HEART, act: 'send', event: 'SUSPECT' });
    const before = stateOf(HEART);
    const { status, body } = await act({ actor: HEART, act: 'send', event });
    expect([status, body.error.code, body.error.field]).toEqual([409, 'EVENT_NOT_TAKEN', 'event']);
    expect(body.error.message).toMatch(why);
    expect(stateOf(HEART)).toBe(before);
  });

  it.each([
    ['the root', { actor: 'root', act: 'restart' }, 409, 'SUPERVISION_REFUSED', /whole program/],
    [
      'a stop of the listener that it was asked through',
      { actor: 'root/http', act: 'stop' },
      409,
      'SUPERVISION_REFUSED',
      /nobody could ask/,
    ],
    [
      'a stop of what writes acts down',
      { actor: 'root/acts', act: 'suspend' },
      409,
      'SUPERVISION_REFUSED',
      /not to be turned off/,
    ],
    ['a restart of what lives once', { actor: 'root/team/once', act: 'restart' }, 409, 'SUPERVISION_REFUSED', /lives once/],
    ['to resume what nobody stopped', { actor: HEART, act: 'resume' }, 409, 'SUPERVISION_REFUSED', /nobody has stopped/],
    ['an actor that is not there', { actor: 'root/team/nobody', act: 'stop' }, 404, 'NOT_FOUND', /no such actor/],
  ])('refuses %s, and writes that down', async (_what, body, status, code, why) => {
    const answer = await act(body);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    expect(answer.body.error.message).toMatch(why);
    expect((await list()).acts).toMatchObject([{ ...body, outcome: 'refused', code, why: expect.stringMatching(why) }]);
  });

  it.each([
    ['an act that there is not', { actor: HEART, act: 'kill' }, 'act'],
    ['a path that is none', { actor: 'team/heart', act: 'stop' }, 'actor'],
    ['a send without its event', { actor: HEART, act: 'send' }, 'event'],
    ['an event of what is no send', { actor: HEART, act: 'stop', event: 'SUSPECT' }, 'event'],
    ['an event that carries something', { actor: HEART, act: 'send', event: 'SUSPECT', payload: {} }, 'payload'],
    ['a reason without end', { actor: HEART, act: 'stop', reason: 'x'.repeat(501) }, 'reason'],
  ])('takes no %s: 400 with the field', async (_what, body, field) => {
    const { status, body: said } = await act(body);
    expect([status, said.error.code, said.error.field]).toEqual([400, 'INVALID_REQUEST', field]);
    expect((await list()).acts).toEqual([]);
  });

  it('knows no other process where there is none', async () => {
    const { status, body } = await act({ actor: HEART, act: 'stop', process: 'elsewhere' });
    expect([status, body.error.code, body.error.field]).toEqual([404, 'NOT_FOUND', 'process']);
  });

  it('is for admins, as the list is', async () => {
    expect((await act({ actor: HEART, act: 'stop' }, here, WRITE)).body.error.code).toBe('FORBIDDEN');
    expect((await ask(here.app(), { url: '/api/acts', headers: as(WRITE) })).body.error.code).toBe('FORBIDDEN');
    expect(stateOf(HEART)).toBe('resting');
  });

  it('knows no process that has never said that it is there', async () => {
    here = await process('asking', { sharesDatabase: true });
    const { status, body } = await act({ actor: HEART, act: 'stop', process: 'nowhere' });
    expect([status, body.error.code, body.error.field]).toEqual([404, 'NOT_FOUND', 'process']);
  });

  it('is there for the operators of a worker too', async () => {
    const ops = buildOps(new HttpHouse().deps({ system: here.system, acts: here.desk }));
    expect((await ask(ops, post('/api/acts', { actor: HEART, act: 'restart' }))).body).toMatchObject({
      outcome: 'done',
      by: { id: 'local' },
    });
  });

  it('restarts the listener it was asked through once the answer is out', async () => {
    const before = here.url();
    const response = await fetch(`${before}/api/acts`, {
      method: 'POST',
      headers: { ...as(ADMIN), 'content-type': 'application/json' },
      body: JSON.stringify({ actor: 'root/http', act: 'restart' }),
    });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ outcome: 'under-way' });
    await until(async () => ((await list()).acts[0].outcome === 'done' ? true : undefined));
    expect(here.system.find('root/http')).toMatchObject({ state: 'up', incarnation: 2 });
    expect((await fetch(`${here.url()}/health/live`)).status).toBe(200);
  });

  it('does not keep whoever asked waiting for what takes long: 202, and the list has what comes of it', async () => {
    const slow = deferred();
    let lives = 0;
    here = await process('slow', { children: [steady('slow', {}, async () => (lives++ === 0 ? undefined : slow.promise))] });
    const { status, body } = await act({ actor: 'root/team/slow', act: 'restart' });
    expect([status, body.outcome, body.finishedAt]).toEqual([202, 'under-way', null]);
    expect((await list()).acts).toMatchObject([{ id: body.id, outcome: 'under-way' }]);
    slow.resolve();
    await until(async () => ((await list()).acts[0].outcome === 'done' ? true : undefined));
  });

  it('that was begun and then overtaken is told as failed, and not as if nothing had been done', async () => {
    let lives = 0;
    const never = async (): Promise<void> => (lives++ === 0 ? undefined : new Promise(() => {}));
    here = await process('overtaken', { children: [steady('slow', { shutdownMs: 50 }, never)] });
    expect((await act({ actor: 'root/team/slow', act: 'restart' })).status).toBe(202);
    expect((await act({ actor: 'root/team/slow', act: 'stop' })).body.outcome).toBe('done');
    expect((await list()).acts).toMatchObject([
      { act: 'stop', outcome: 'done' },
      { act: 'restart', outcome: 'failed', code: 'SUPERVISION_REFUSED', why: expect.stringMatching(/it was stopped/) },
    ]);
  });

  it('tells the world of each act once, without who asked from where, or why', async () => {
    await act({ actor: HEART, act: 'restart', reason: 'between us' });
    await act({ actor: 'root', act: 'stop' });
    const told = await driver.query('SELECT topic, payload FROM outbox ORDER BY id');
    expect(told).toMatchObject([
      { topic: 'act.done', payload: { actor: HEART, act: 'restart', process: 'here' } },
      { topic: 'act.refused', payload: { actor: 'root', act: 'stop', code: 'SUPERVISION_REFUSED' } },
    ]);
    expect(JSON.stringify(told)).not.toMatch(/between us|127\.0\.0\.1/);
  });
});

describe('while the database is away', () => {
  it('acts all the same, says so, and writes down in order what was done once it is back', async () => {
    store.shut('it is away');
    const first = await act({ actor: HEART, act: 'stop' });
    const second = await act({ actor: HEART, act: 'resume' });
    expect([first, second].map(({ status, body }) => [status, body.outcome, body.audited])).toEqual([
      [200, 'done', 'later'],
      [200, 'done', 'later'],
    ]);
    expect(here.logged).toMatchObject([{ act: 'stop' }, { act: 'resume' }]);
    expect((await ask(here.app(), { url: '/api/acts', headers: as(ADMIN) })).body.error.code).toBe('STORE_UNAVAILABLE');
    await store.prepare(WORLD);
    await until(async () => ((await store.listActs({ limit: 9 })).length === 2 ? true : undefined));
    expect((await list()).acts.map((one: { act: string; outcome: string }) => [one.act, one.outcome])).toEqual([
      ['resume', 'done'],
      ['stop', 'done'],
    ]);
  });
});

/** A process whose database goes away and comes back as told, with a clock of its own: its desk and what writes its acts down. */
async function outage() {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const db = { away: false, writes: 0 };
  const reach = (): void => {
    if (db.away) throw new VigiliaError('STORE_UNAVAILABLE', 'away');
  };
  const tx = {
    saveActs: async () => {
      db.writes += 1;
      return [];
    },
    giveUpActs: async () => [],
    expireForsakenActs: async () => [],
    appendOutbox: async () => {},
  } as unknown as StoreTransaction;
  const book: Pick<Store, 'transaction' | 'takeActs'> = {
    transaction: async (work) => {
      reach();
      return work(tx);
    },
    takeActs: async () => {
      reach();
      return [];
    },
  };
  const desk = new ActDesk({ clock, log: silentLog, registry, process: 'own', remote: undefined });
  const own = { clock, log: silentLog, store: book, process: 'own', sharesDatabase: true };
  const system = startSystem(
    { children: [actsSpec({ ...own, trail: desk.trail, carryOut: desk.carryOut })] },
    { clock, random: () => 0, log: silentLog, registry },
  );
  ends.push(() => system.stop());
  await clock.settle();
  return { clock, db, trail: desk.trail };
}

describe('after an outage in which nothing waited', () => {
  it('the next act is written down before it is done, as if the database had never been away', async () => {
    const { clock, db, trail } = await outage();
    db.away = true;
    await clock.advance(3_000);
    db.away = false;
    await clock.advance(3_000);
    const note = trail.note(anAct({ id: 'next' }));
    await clock.settle();
    expect([await note, db.writes]).toEqual([true, 1]);
  });
});

describe('what is written down', () => {
  const asker = { caller: 'local', by: 'local', address: null, requestId: null } as const;

  it('is also what failed', async () => {
    const work = () => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'gone in the middle'));
    await expect(here.desk.witness('purge', { filter: {} }, asker, work, () => ({}))).rejects.toThrow('gone in the middle');
    expect((await list()).acts).toMatchObject([
      { act: 'purge', outcome: 'failed', code: 'STORE_UNAVAILABLE', detail: { filter: {} } },
    ]);
  });

  it('is of an act whose process ended in the middle that nobody knows what came of it', async () => {
    const lost = anAct({ process: 'reborn', at: systemClock.now() - 60_000 });
    await store.transaction((tx) => tx.saveActs([lost]));
    await process('reborn');
    await until(async () => ((await store.findAct(lost.id))?.outcome === 'unknown' ? true : undefined));
    expect(await driver.query('SELECT topic FROM outbox')).toEqual([{ topic: 'act.unknown' }]);
  });

  it('is all that the database takes; what it refuses is in the log, and holds nobody up', async () => {
    const bad = anAct({ id: 'no uuid' });
    const good = anAct({ process: 'here' });
    const written = [here.desk.trail.note(bad), here.desk.trail.note(good)];
    expect(await Promise.all(written)).toEqual([false, true]);
    expect(here.logged).toMatchObject([{ actId: 'no uuid' }]);
  });

  it('costs nothing but itself while the database refuses all of it', async () => {
    const transaction = (): Promise<never> => Promise.reject(new VigiliaError('STORE_REFUSED', 'no such table'));
    here = await process('refused', { transaction });
    const { status, body } = await act({ actor: HEART, act: 'restart' });
    expect([status, body.outcome, body.audited]).toEqual([200, 'done', 'later']);
    expect(here.system.find('root/acts')).toMatchObject({ state: 'up', incarnation: 1 });
  });

  it('is also that nobody took an act whose asker is gone', async () => {
    const forsaken = anAct({ process: 'gone', outcome: 'wanted' });
    await store.askAct(forsaken, -120_000);
    await process('sweeping', { sharesDatabase: true });
    await until(async () => ((await driver.query('SELECT topic FROM outbox')).length > 0 ? true : undefined));
    expect(await driver.query('SELECT topic FROM outbox')).toEqual([{ topic: 'act.expired' }]);
    expect(await driver.query('SELECT outcome FROM acts')).toEqual([{ outcome: 'expired' }]);
  });

  it('waits in a bounded number, the oldest of which give way', () => {
    const lost: string[] = [];
    const trail = new ActTrail(({ id }) => lost.push(id));
    for (let n = 0; n < 1_002; n++) void trail.note(anAct({ id: `${n}` }));
    expect([trail.size, lost]).toEqual([1_000, ['0', '1']]);
    void trail.note(anAct({ id: '2', outcome: 'done' }));
    expect(trail.waiting[0]).toMatchObject({ id: '2', outcome: 'done' });
  });
});

describe('an act of another process', () => {
  it('is done there, and answered here as if it had been done here; refusals too', async () => {
    const there = await process('there', { sharesDatabase: true });
    here = await process('asking', { sharesDatabase: true });
    const { status, body } = await act({ actor: HEART, act: 'send', event: 'SUSPECT', process: 'there', reason: 'from afar' });
    expect([status, body.outcome, body.process, body.detail]).toEqual([200, 'done', 'there', { state: 'beating' }]);
    expect([there.system.find(HEART)?.state, stateOf(HEART)]).toEqual(['beating', 'resting']);
    const refused = await act({ actor: HEART, act: 'resume', process: 'there' });
    expect([refused.status, refused.body.error.code]).toEqual([409, 'SUPERVISION_REFUSED']);
    expect((await list('?process=there')).acts).toMatchObject([
      { act: 'resume', outcome: 'refused', by: { by: 'token' } },
      { act: 'send', outcome: 'done', reason: 'from afar' },
    ]);
  });

  it('is not done by a process that took it and then stood still', async () => {
    let skewMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skewMs };
    const takeActs = async (id: string): Promise<Act[]> => {
      const taken = await store.takeActs(id);
      if (taken.length > 0) skewMs += 6_000;
      return taken;
    };
    const there = await process('there', { sharesDatabase: true, clock, takeActs });
    here = await process('asking', { sharesDatabase: true });
    expect((await act({ actor: HEART, act: 'stop', process: 'there' })).body.error.code).toBe('ACT_EXPIRED');
    expect(there.system.find(HEART)?.state).toBe('resting');
    expect((await list()).acts).toMatchObject([{ outcome: 'expired' }]);
  });

  it('that was taken by a statement whose answer was lost is nobody’s to end: 409, and it is told', async () => {
    let isLost = false;
    const takeActs = async (id: string): Promise<Act[]> => {
      const taken = await store.takeActs(id);
      if (taken.length === 0) return taken;
      isLost = true;
      throw new VigiliaError('STORE_UNAVAILABLE', 'the answer was lost');
    };
    await process('there', { sharesDatabase: true, takeActs });
    here = await process('asking', { sharesDatabase: true });
    const { status, body } = await act({ actor: HEART, act: 'stop', process: 'there' });
    expect([isLost, status, body.error.code]).toEqual([true, 409, 'ACT_UNKNOWN']);
    expect((await list()).acts).toMatchObject([{ outcome: 'unknown', finishedAt: expect.any(String) }]);
  });

  it('is answered though the database was away for a moment; where it stays away, with what to look for in the list', async () => {
    let fails = 2;
    const findAct = async (id: string): Promise<Act | undefined> => {
      if (fails-- > 0) throw new VigiliaError('STORE_UNAVAILABLE', 'away');
      return store.findAct(id);
    };
    await process('there', { sharesDatabase: true });
    here = await process('asking', { sharesDatabase: true, findAct, remoteMs: 4_000 });
    const restart = { actor: HEART, act: 'restart', process: 'there' };
    expect(await act(restart)).toMatchObject({ status: 200, body: { outcome: 'done' } });
    here = await process('asking', { sharesDatabase: true, findAct, remoteMs: 300 });
    fails = Number.POSITIVE_INFINITY;
    const { status, body } = await act(restart);
    expect([status, body.outcome, body.id]).toEqual([202, 'wanted', expect.any(String)]);
  });

  it('that a newer process ended with a code that is not known here fails here with what it said', async () => {
    await beat('newer');
    here = await process('asking', { sharesDatabase: true });
    const who = { caller: 'local', by: 'local', address: null, requestId: null } as const;
    const asked = here.desk.perform({ actor: HEART, act: 'stop', process: 'newer' }, who);
    asked.catch(() => {});
    const [taken] = await until(async () => {
      const acts = await store.takeActs('newer');
      return acts.length > 0 ? acts : undefined;
    });
    if (!taken) throw new Error('nothing was asked');
    await driver.query(
      `UPDATE acts SET outcome = 'refused', code = 'TOO_LATE_AT_NIGHT', why = 'it sleeps', finished_at = now() WHERE id = $1`,
      [taken.id],
    );
    await expect(asked).rejects.toMatchObject({
      name: 'VigiliaError',
      code: 'INTERNAL',
      message: 'TOO_LATE_AT_NIGHT: it sleeps',
    });
    expect((await list()).acts).toMatchObject([{ outcome: 'refused', code: 'TOO_LATE_AT_NIGHT', why: 'it sleeps' }]);
  });

  it('that nobody takes in time is given up, and is not done when the process comes back', async () => {
    here = await process('asking', { sharesDatabase: true, takeMs: 200 });
    await beat('asleep');
    const { status, body, headers } = await act({ actor: HEART, act: 'stop', process: 'asleep' });
    expect([status, body.error.code, headers['retry-after']]).toEqual([503, 'ACT_EXPIRED', '5']);
    const late = await process('asleep', { sharesDatabase: true });
    expect(await store.takeActs('asleep')).toEqual([]);
    expect(late.system.find(HEART)?.state).toBe('resting');
    expect((await list()).acts).toMatchObject([{ outcome: 'expired', code: 'ACT_EXPIRED' }]);
  });
});

describe('GET /api/acts', () => {
  it.each([
    ['a time that there is not', `999999999999999.${anAct().id}`],
    ['an id that is none', `1700000000000.${'-'.repeat(36)}`],
    ['nothing of ours', 'x'],
  ])('takes no cursor with %s: 400 with the field', async (_what, cursor) => {
    const url = `/api/acts?cursor=${Buffer.from(cursor).toString('base64url')}`;
    const { status, body } = await ask(here.app(), { url, headers: as(ADMIN) });
    expect([status, body.error.code, body.error.field]).toEqual([400, 'INVALID_REQUEST', 'cursor']);
  });
});
