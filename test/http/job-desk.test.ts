import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ActDesk } from '../../src/actors/acts/act-desk.ts';
import { actsSpec } from '../../src/actors/acts/acts.actor.ts';
import { createWindowReader } from '../../src/actors/cache/window-reader.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { createJobDesk } from '../../src/actors/jobs/job-desk.ts';
import { Registry } from '../../src/actors/registry.ts';
import { openPgliteDriver } from '../../src/actors/store/pglite.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { type ErrorCode, errorRecord, VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { silentLog } from '../../src/log.ts';
import type { JobMachineEvent } from '../../src/machines/job.machine.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Job, Store } from '../../src/ports.ts';
import { type Answer, ask, post } from '../support/ask.ts';
import { deferred } from '../support/deferred.ts';
import { aChannel, aMessage, HttpHouse } from '../support/http-house.ts';
import { until } from '../support/program.ts';

const BASE = '/api/telegram-gateway';
const WRITE = 'a-token-that-writes';
const OTHER = 'another-that-writes';
const ADMIN = 'a-token-of-an-admin';
const TOKENS = [
  { scope: 'write', token: WRITE },
  { scope: 'write', token: OTHER },
  { scope: 'admin', token: ADMIN },
] as const;

let driver: SqlDriver;
let store: Store;
let app: App;
let house: HttpHouse;
/** Accounts of the tests: each has jobs of its own. */
let accounts = 0;
let account: string;
const logged: object[] = [];
const log = { ...silentLog, warn: (fields: object) => void logged.push(fields) };
const registry = new Registry(systemClock);
const acts = new ActDesk({ clock: systemClock, log, registry, process: 'here', remote: undefined });
let system: ActorSystem;
let nudges = 0;

beforeAll(async () => {
  const deps = { clock: systemClock, log: silentLog };
  driver = await openPgliteDriver({ dataDir: 'memory' }, deps);
  store = createSqlStore({ driver, ...deps });
  await store.prepare({ kind: 'simulator', id: 'test' });
  const writer = actsSpec({ ...deps, store, trail: acts.trail, process: 'here', sharesDatabase: false, carryOut: acts.carryOut });
  system = startSystem({ children: [writer] }, { ...deps, registry, random: () => 0 });
});
afterAll(async () => {
  await system.stop();
  await store.close();
});

beforeEach(async () => {
  account = `account-${++accounts}`;
  await store.ensureAccount(account);
  house = new HttpHouse();
  const clock = systemClock;
  const nudge = (): void => void nudges++;
  const actions = new Map([syncMessages, getChannels].map((action) => [action.name, action]));
  const entropy = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const intake = createIntake({ clock, entropy, store, actions, defaultAccount: account, nudge });
  const desk = createJobDesk({ clock, store, checkAccount: intake.checkAccount, nudge });
  const reader = createWindowReader(house.cache, { ...house.store, ...pick(house) }, clock, silentLog);
  app = buildGateway(house.deps({ log, tokens: TOKENS, store, intake, desk, reader, acts }));
});

/** What the windows are read from: the house's channels, so that some of them are fresh. */
const pick = (from: HttpHouse) => ({ findChannel: from.store.findChannel, readMessages: from.store.readMessages });

const as = (token: string): Record<string, string> => ({ 'x-gateway-token': token });
const get = (path: string): Promise<Answer> => ask(app, { url: BASE + path, headers: as(WRITE) });
const send = (path: string, body: object = {}, token = WRITE, more: Record<string, string> = {}): Promise<Answer> =>
  ask(app, post(BASE + path, body, { ...as(token), ...more }));
const bare = (path: string): Promise<Answer> => ask(app, { method: 'POST', url: BASE + path, headers: as(WRITE) });

async function submit(body: object = {}): Promise<string> {
  const answer = await send('/sync-messages', { channelId: 'habr_com', accountId: account, force: true, ...body });
  expect(answer.status).toBe(202);
  return answer.body.jobId;
}

/** Steps a job as a worker would. */
async function work(id: string, ...events: ((job: Job) => JobMachineEvent)[]): Promise<void> {
  for (const event of events) {
    const before = await store.findJob(id);
    const after = await store.stepJob(id, (job) => stepJob(job, [event(job)]));
    expect(after?.version).toBe((before?.version ?? 0) + 1);
  }
}
const NOW = (): number => systemClock.now();
const claimed = (): JobMachineEvent => ({ type: 'CLAIM', now: NOW(), token: 1 });
const progressed = (job: Job): JobMachineEvent => {
  const claim = job.claim as NonNullable<Job['claim']>;
  return { type: 'PROGRESS', now: NOW(), claim, progress: { done: 1, total: 2 }, checkpoint: { at: 1 } };
};
const failedWith =
  (code: ErrorCode, message = 'it did not work') =>
  (job: Job): JobMachineEvent => {
    const claim = job.claim as NonNullable<Job['claim']>;
    const error = errorRecord(new VigiliaError(code, message));
    return { type: 'FAIL', now: NOW(), claim, error, retryable: false, retryAt: NOW() };
  };

async function dead(code: ErrorCode = 'CHANNEL_NOT_FOUND', message?: string, body: object = {}): Promise<string> {
  const id = await submit(body);
  await work(id, claimed, failedWith(code, message));
  return id;
}

describe('the list of jobs', () => {
  it('is newest first, in pages that lead on, each job as by itself but for its result', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift(await submit({ priority: n + 1 }));
    const seen: Answer['body'][] = [];
    for (let query = `?accountId=${account}&limit=2`; query !== ''; ) {
      const { status, body } = await get(`/jobs${query}`);
      expect(status).toBe(200);
      seen.push(...body.jobs);
      query = body.next === null ? '' : `?accountId=${account}&limit=2&cursor=${body.next.cursor}`;
    }
    expect(seen.map(({ jobId }) => jobId)).toEqual(ids);
    expect(seen.map(({ priority }) => priority)).toEqual([5, 4, 3, 2, 1]);
    const { result, ...listed } = (await get(`/jobs/${ids[0]}`)).body;
    expect(result).toBeNull();
    expect(seen[0]).toEqual(listed);
  });

  it('is of those that fit: status, action, channel by any of its names, time', async () => {
    house.channels.push(aChannel());
    const byName = await submit({ channelId: '@HABR_COM' });
    const byId = await submit({ channelId: 1032086354 });
    const other = await submit({ channelId: 'durov' });
    await work(other, claimed, (job) => ({
      type: 'PARK',
      now: NOW(),
      claim: job.claim as NonNullable<Job['claim']>,
      error: errorRecord(new VigiliaError('TELEGRAM_OFFLINE', 'away')),
    }));
    const ids = async (query: string): Promise<string[]> =>
      (await get(`/jobs?accountId=${account}&${query}`)).body.jobs.map(({ jobId }: { jobId: string }) => jobId);
    expect(await ids('channel=habr_com')).toEqual([byId, byName]);
    expect(await ids('channel=-1001032086354')).toEqual([byId, byName]);
    expect(await ids('status=delayed')).toEqual([other]);
    expect(await ids('status=queued&action=sync-messages')).toEqual([byId, byName]);
    expect(await ids('action=get-channels')).toEqual([]);
    const { createdAt } = (await get(`/jobs/${byId}`)).body;
    expect(await ids(`from=${createdAt}&channel=habr_com`)).toContain(byId);
    expect(await ids(`to=${createdAt}&channel=habr_com`)).not.toContain(byId);
  });

  it.each([
    ['status=parked', 'status'],
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['from=yesterday', 'from'],
    ['from=2024-05-06T07:08:09', 'from'],
    ['from=2024-05-06T07:08:09Z&to=2024-05-06T07:08:08Z', 'to'],
    ['cursor=nonsense', 'cursor'],
    ['channel=no%20channel', 'channel'],
    ['code=X', 'code'],
  ])('refuses %s', async (query, field) => {
    expect(await get(`/jobs?${query}`)).toMatchObject({ status: 400, body: { error: { field } } });
  });
});

describe('cancelling a job', () => {
  it('that is queued, delayed or parked ends it at once', async () => {
    const queued = await submit();
    expect(await bare(`/jobs/${queued}/cancel`)).toMatchObject({
      status: 200,
      body: { jobId: queued, status: 'cancelled', error: { code: 'JOB_CANCELLED' }, endedAt: expect.any(String) },
    });
    const claimOf = (job: Job) => job.claim as NonNullable<Job['claim']>;
    const error = errorRecord(new VigiliaError('TELEGRAM_FLOOD', 'wait'));
    const delayed = await submit();
    await work(delayed, claimed, (job) => ({ type: 'THROTTLE', now: NOW(), claim: claimOf(job), error, retryAt: NOW() + 9_000 }));
    const parked = await submit();
    await work(parked, claimed, (job) => ({ type: 'PARK', now: NOW(), claim: claimOf(job), error }));
    for (const id of [delayed, parked]) {
      expect(await send(`/jobs/${id}/cancel`)).toMatchObject({ status: 200, body: { status: 'cancelled', nextAttemptAt: null } });
    }
  });

  it('that runs is honoured at its next commit, and asked for twice is noted once', async () => {
    const id = await submit();
    await work(id, claimed);
    for (let i = 0; i < 2; i++) {
      expect(await send(`/jobs/${id}/cancel`)).toMatchObject({
        status: 202,
        body: { status: 'processing', cancelRequested: true },
      });
    }
    await work(id, progressed);
    expect((await get(`/jobs/${id}`)).body).toMatchObject({ status: 'cancelled', progress: { done: 1, total: 2 } });
    const { events, next } = (await get(`/jobs/${id}/history`)).body;
    // Whoever has seen a line asks for what comes after it.
    const after = (await get(`/jobs/${id}/history?after=${events[0].id}`)).body;
    expect(after.events).toEqual(events.slice(1));
    expect(events.map(({ event, to }: { event: string; to: string }) => `${event} ${to}`)).toEqual([
      'SUBMIT queued',
      'CLAIM processing',
      'CANCEL processing',
      'PROGRESS cancelled',
    ]);
    expect(next).toBeNull();
  });

  it('that has ended, or is none, is refused', async () => {
    const id = await dead();
    expect(await send(`/jobs/${id}/cancel`)).toMatchObject({ status: 409, body: { error: { code: 'JOB_ENDED' } } });
    for (const path of ['cancel', 'retry']) {
      expect(await send(`/jobs/sync-0/${path}`)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    }
    expect(await get('/jobs/sync-0/history')).toMatchObject({ status: 404 });
    expect(await send(`/jobs/${id}/cancel`, { force: true })).toMatchObject({ status: 400, body: { error: { field: 'force' } } });
  });
});

describe('retrying a job', () => {
  it('that failed or was cancelled does it anew, its history kept, and wakes the dispatcher', async () => {
    const failed = await dead('TELEGRAM_TIMEOUT');
    const cancelled = await submit();
    await send(`/jobs/${cancelled}/cancel`);
    for (const id of [failed, cancelled]) {
      const before = nudges;
      expect(await bare(`/jobs/${id}/retry`)).toMatchObject({
        status: 202,
        body: { status: 'queued', attempts: 0, error: null, cancelRequested: false, endedAt: null },
      });
      expect(nudges).toBeGreaterThan(before);
    }
    const { events, next } = (await get(`/jobs/${failed}/history?limit=3`)).body;
    expect(events.map(({ event }: { event: string }) => event)).toEqual(['SUBMIT', 'CLAIM', 'FAIL']);
    expect(events[2].detail.error.code).toBe('TELEGRAM_TIMEOUT');
    const rest = (await get(`/jobs/${failed}/history?after=${next.after}`)).body;
    expect(rest.events).toMatchObject([{ event: 'RETRY', from: 'failed', to: 'queued' }]);
    await work(failed, claimed);
    expect(await store.findJob(failed)).toMatchObject({ status: 'processing', claims: 2, claim: { number: 2 } });
  });

  it('that has not ended, or of an account that was removed, is refused', async () => {
    const id = await submit();
    expect(await send(`/jobs/${id}/retry`)).toMatchObject({ status: 409, body: { error: { code: 'JOB_NOT_RETRIABLE' } } });
    await store.ensureAccount('leaving');
    const orphan = await dead('CHANNEL_NOT_FOUND', undefined, { accountId: 'leaving' });
    await store.removeAccount('leaving');
    // Whoever asks for it finds out at once, whatever was known before.
    app = buildGateway(house.deps({ tokens: TOKENS, store, ...freshDesk() }));
    expect(await send(`/jobs/${orphan}/retry`)).toMatchObject({ status: 400, body: { error: { code: 'UNKNOWN_ACCOUNT' } } });
    expect(await send('/dead-letters/replay', { filter: { accountId: 'leaving' } })).toMatchObject({
      body: { replayed: 0, left: 0 },
    });
    expect((await store.findJob(orphan))?.status).toBe('failed');
  });
});

function freshDesk() {
  const intake = createIntake({
    clock: systemClock,
    entropy: (bytes) => new Uint8Array(bytes),
    store,
    actions: new Map(),
    defaultAccount: account,
    nudge: () => {},
  });
  return { intake, desk: createJobDesk({ clock: systemClock, store, checkAccount: intake.checkAccount, nudge: () => {} }) };
}

describe('dead letters', () => {
  const list = async (query = ''): Promise<string[]> =>
    (await get(`/dead-letters?accountId=${account}${query}`)).body.deadLetters.map(({ jobId }: { jobId: string }) => jobId);

  it('are failed jobs, the last one first; they are searched, and shown with their whole history', async () => {
    const first = await dead('CHANNEL_NOT_FOUND', 'nobody has the username "lost"');
    const second = await dead('TELEGRAM_REFUSED', 'CHAT_ADMIN_REQUIRED', { channelId: 'durov' });
    await submit();
    expect(await list()).toEqual([second, first]);
    expect(await list('&limit=1')).toEqual([second]);
    const { next } = (await get(`/dead-letters?accountId=${account}&limit=1`)).body;
    expect(await list(`&limit=1&cursor=${next.cursor}`)).toEqual([first]);
    expect(await list('&code=TELEGRAM_REFUSED')).toEqual([second]);
    expect(await list('&text=USERNAME%20%22LOST')).toEqual([first]);
    expect(await list('&channel=durov')).toEqual([second]);
    expect(await list('&action=get-channels')).toEqual([]);
    const { endedAt } = (await get(`/jobs/${second}`)).body;
    expect(await list(`&from=${endedAt}`)).toContain(second);
    expect(await list('&to=2001-01-01T00:00:00Z')).toEqual([]);
    const whole = (await get(`/dead-letters/${first}`)).body;
    expect(whole).toMatchObject({
      kind: 'job',
      jobId: first,
      status: 'failed',
      error: { code: 'CHANNEL_NOT_FOUND' },
      attempts: 1,
    });
    expect(whole.history.events.map(({ event }: { event: string }) => event)).toEqual(['SUBMIT', 'CLAIM', 'FAIL']);
    expect(await get(`/dead-letters/${await submit()}`)).toMatchObject({ status: 404 });
  });

  it('are replayed one by one, or as many as fit, and told of how many', async () => {
    const one = await dead();
    expect(await bare(`/dead-letters/${one}/replay`)).toMatchObject({ status: 202, body: { jobId: one, status: 'queued' } });
    expect(await store.listActs({ limit: 1 })).toMatchObject([
      { act: 'replay', outcome: 'done', detail: { filter: { id: one }, account, done: 1 }, asker: { by: 'token' } },
    ]);
    expect(await send(`/dead-letters/${one}/replay`)).toMatchObject({ status: 404 });
    const ids = [];
    for (let n = 0; n < 4; n++) ids.push(await dead(n === 3 ? 'TELEGRAM_REFUSED' : 'CHANNEL_NOT_FOUND'));
    const filter = { accountId: account, code: 'CHANNEL_NOT_FOUND' };
    expect(await send('/dead-letters/replay', { filter, limit: 2 })).toMatchObject({
      status: 202,
      body: { replayed: 2, left: 1 },
    });
    expect(await Promise.all(ids.map(async (id) => (await store.findJob(id))?.status))).toEqual([
      'queued',
      'queued',
      'failed',
      'failed',
    ]);
    expect((await send('/dead-letters/replay', { filter })).body).toEqual({ replayed: 1, left: 0 });
    expect(await store.listActs({ limit: 1 })).toMatchObject([
      { act: 'replay', outcome: 'done', detail: { filter, done: 1, left: 0 } },
    ]);
    expect(await list()).toEqual([ids[3]]);
  });

  it('are purged by an admin who says which ones, and that is logged and written down', async () => {
    const ids = [];
    for (let n = 0; n < 3; n++) ids.push(await dead());
    const filter = { accountId: account };
    expect(await send('/dead-letters/purge', { filter })).toMatchObject({ status: 403 });
    expect(await ask(app, { method: 'DELETE', url: `${BASE}/dead-letters/${ids[0]}`, headers: as(WRITE) })).toMatchObject({
      status: 403,
    });
    for (const body of [{}, { filter: {} }, { all: true, filter }]) {
      expect(await send('/dead-letters/purge', body, ADMIN)).toMatchObject({ status: 400, body: { error: { field: 'all' } } });
    }
    expect(await list()).toHaveLength(3);
    const gone = await ask(app, { method: 'DELETE', url: `${BASE}/dead-letters/${ids[0]}`, headers: as(ADMIN) });
    expect(gone).toMatchObject({ status: 204, text: '' });
    expect(logged.at(-1)).toMatchObject({
      act: 'purge',
      outcome: 'done',
      detail: { filter: { id: ids[0] }, account, error: 'CHANNEL_NOT_FOUND', done: 1 },
      requestId: gone.headers['x-request-id'],
    });
    expect((await send('/dead-letters/purge', { filter, limit: 1 }, ADMIN)).body).toEqual({ purged: 1, left: 1 });
    expect(logged.at(-1)).toMatchObject({ detail: { filter, done: 1, left: 1 }, caller: expect.any(String) });
    const written = await store.listActs({ limit: 2 });
    expect(written).toMatchObject([
      { act: 'purge', actor: null, outcome: 'done', detail: { filter, done: 1, left: 1 }, asker: { by: 'token' } },
      { act: 'purge', detail: { filter: { id: ids[0] }, done: 1 }, asker: { requestId: gone.headers['x-request-id'] } },
    ]);
    expect(JSON.stringify([logged, written])).not.toContain(ADMIN);
    expect(await list()).toEqual([ids[2]]);
    expect(await get(`/jobs/${ids[1]}`)).toMatchObject({ status: 404 });
    expect((await send('/dead-letters/purge', { all: true }, ADMIN)).body.left).toBe(0);
    expect(await list()).toEqual([]);
  });
});

describe('a purge that the database interrupts', () => {
  const away = (): Promise<never> => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'away'));
  const purge = (changes: Partial<Pick<Store, 'deleteFailed' | 'countJobsLike'>>, most: number) =>
    createJobDesk({ clock: systemClock, store: { ...store, ...changes }, checkAccount: async () => {}, nudge: () => {} }).purge(
      { accountId: account },
      most,
    );

  it('tells how many are gone all the same; where none is, it fails', async () => {
    await dead();
    expect(await purge({ countJobsLike: away }, 9)).toEqual({ done: 1, left: null });
    let parts = 0;
    const twice = async (): Promise<number> => (parts++ === 0 ? 50 : away());
    expect(await purge({ deleteFailed: twice }, 200)).toEqual({ done: 50, left: 0 });
    await expect(purge({ deleteFailed: away }, 9)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('is written down as done where it ended after whoever asked gave up waiting', async () => {
    const gate = deferred();
    const desk = { ...freshDesk().desk, purge: () => gate.promise.then(() => ({ done: 7, left: 0 })) };
    const clock = { ...systemClock, setTimeout: (run: () => void, ms: number) => systemClock.setTimeout(run, ms / 500) };
    app = buildGateway(house.deps({ clock, tokens: TOKENS, store, desk, acts }));
    const filter = { accountId: account };
    expect((await send('/dead-letters/purge', { filter }, ADMIN)).body.error.code).toBe('STORE_UNAVAILABLE');
    gate.resolve();
    const [{ outcome, detail } = {}] = await until(async () => {
      const found = await store.listActs({ limit: 1 });
      return found[0]?.finishedAt === null ? undefined : found;
    });
    expect([outcome, detail]).toEqual(['done', { filter, done: 7, left: 0 }]);
  });
});

describe('a dead letter that another program is to be told of', () => {
  it('is deleted once it was', async () => {
    const now = systemClock.now();
    const job = {
      id: 'theirs',
      action: 'sync-messages',
      params: {},
      accountId: account,
      priority: 5,
      machineVersion: 1,
      createdAt: now,
    };
    await store.insertForeignJob(job, { digest: 'x', correlationId: null });
    await work('theirs', claimed, failedWith('CHANNEL_NOT_FOUND'));
    const remove = (): Promise<Answer> => ask(app, { method: 'DELETE', url: `${BASE}/dead-letters/theirs`, headers: as(ADMIN) });
    expect(await remove()).toMatchObject({ status: 409, body: { error: { code: 'ANSWER_OWED' } } });
    expect(await store.listActs({ limit: 1 })).toMatchObject([{ act: 'purge', outcome: 'refused', code: 'ANSWER_OWED' }]);
    await store.noteAnswered(['theirs'], now);
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
  });
});

describe('a request with an Idempotency-Key', () => {
  const keyed = (key: string, body: object = {}, token = WRITE, path = '/sync-messages'): Promise<Answer> =>
    send(path, { channelId: 'habr_com', ...body }, token, { 'idempotency-key': key });

  it('is the same job however often it is sent, and is answered the same', async () => {
    const first = await keyed('order-1');
    expect(first.status).toBe(202);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    for (const body of [{}, { limit: 50 }, { channelId: '@habr_com', force: false, priority: 5 }]) {
      const again = await keyed('order-1', body);
      expect(again).toMatchObject({ status: 202, body: first.body });
      expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', location: first.headers.location });
    }
    expect((await get(`/jobs?accountId=${account}`)).body.jobs).toHaveLength(1);
  });

  it('is refused where the key was another request’s, unless by another token or on another route', async () => {
    const { jobId } = (await keyed('key')).body;
    for (const body of [{ limit: 51 }, { channelId: 'durov' }, { force: true }, { priority: 1 }, { accountId: account }]) {
      expect(await keyed('key', body)).toMatchObject({
        status: 409,
        body: { error: { code: 'IDEMPOTENCY_KEY_REUSED', field: 'Idempotency-Key' } },
      });
    }
    expect((await keyed('key', {}, OTHER)).body.jobId).not.toBe(jobId);
    const elsewhere = await send('/get-channels', {}, WRITE, { 'idempotency-key': 'key' });
    expect(elsewhere).toMatchObject({ status: 202 });
    expect((await send('/get-channels', {}, WRITE, { 'idempotency-key': 'key' })).body).toEqual(elsewhere.body);
  });

  it('is one job when many send it at once, and one of two when they differ', async () => {
    const same = await Promise.all(Array.from({ length: 40 }, () => keyed('race', { force: true })));
    expect(new Set(same.map(({ status, body }) => `${status} ${body.jobId}`)).size).toBe(1);
    expect(same.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    const differing = await Promise.all(Array.from({ length: 20 }, (_, n) => keyed('duel', { force: true, limit: 1 + (n % 2) })));
    expect(differing.map(({ status }) => status).sort()).toEqual([...Array(10).fill(202), ...Array(10).fill(409)]);
    expect((await get(`/jobs?accountId=${account}`)).body.jobs).toHaveLength(2);
  });

  it('that became a job is that job, though the messages could be given at once by now', async () => {
    const first = await keyed('early');
    house.channels.push(aChannel({ syncedAt: systemClock.now(), syncedDepth: 60 }));
    for (let id = 1; id <= 60; id++) house.messages.push(aMessage(id));
    expect((await keyed('late')).status).toBe(200);
    expect((await keyed('early')).body).toEqual(first.body);
  });

  it.each(['', 'with space', 'ünïcode', 'x'.repeat(256)])('is refused where the key is none: %j', async (key) => {
    expect(await keyed(key)).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST', field: 'Idempotency-Key' } },
    });
    expect((await get(`/jobs?accountId=${account}`)).body.jobs).toHaveLength(0);
  });

  it('leaves neither token nor key in the database', async () => {
    const { jobId } = (await keyed('a-very-telling-key')).body;
    const rows = await driver.query('SELECT slot, digest, job_id FROM request_keys WHERE job_id = $1', [jobId]);
    const hash = expect.stringMatching(/^[A-Za-z0-9_-]{43}$/);
    expect(rows).toEqual([{ slot: hash, digest: hash, job_id: jobId }]);
  });
});

describe('priority', () => {
  it.each([0, 11, 1.5, '1', null])('%j is refused', async (priority) => {
    for (const path of ['/sync-messages', '/get-channels']) {
      const body = path === '/sync-messages' ? { channelId: 'habr_com', priority } : { priority };
      expect(await send(path, body)).toMatchObject({ status: 400, body: { error: { field: 'priority' } } });
    }
  });
});
