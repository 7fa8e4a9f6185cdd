import { beforeEach, describe, expect, it } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { aChannel, aJob, aMessage, HttpHouse, healthReport } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const BASE = '/api/telegram-gateway';
const SYNC = post(`${BASE}/sync-messages`, { channelId: 'habr_com', force: true });
let house: HttpHouse;
let clock: VirtualClock;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  clock = new VirtualClock();
  house.clock = clock;
  app = buildGateway(house.deps());
});

const get = (path: string): ReturnType<typeof ask> => ask(app, { url: path });

describe('the queue', () => {
  const STATUSES = ['queued', 'queued', 'queued', 'processing', 'completed', 'failed', 'delayed', 'parked', 'cancelled'] as const;

  it('is counted by what its jobs wait for', async () => {
    for (const [at, status] of STATUSES.entries()) house.jobs.set(`j${at}`, aJob({ status }));
    const stats = { waiting: 3, active: 1, completed: 1, failed: 1, delayed: 1, paused: 1, total: 8 };
    expect(await get(`${BASE}/queue/stats`)).toMatchObject({ status: 200, body: stats });
    const { status, body } = await get(`${BASE}/queue/health`);
    expect([status, body]).toEqual([200, { healthy: true, stats }]);
  });

  it('is counted once a second, however many ask', async () => {
    await Promise.all(Array.from({ length: 5 }, () => get(`${BASE}/queue/stats`)));
    await get(`${BASE}/queue/health`);
    expect(house.asked.store).toBe(1);
    house.jobs.set('new', aJob());
    await clock.advance(1_000);
    expect((await get(`${BASE}/queue/stats`)).body.waiting).toBe(1);
  });

  it('is not healthy while jobs wait that nobody can do, or nobody can be told of', async () => {
    house.report = healthReport('down');
    expect((await get(`${BASE}/queue/health`)).status).toBe(200);
    house.jobs.set('waits', aJob({ status: 'parked' }));
    await clock.advance(1_000);
    expect(await get(`${BASE}/queue/health`)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { healthy: false, stats: { paused: 1, total: 1 } },
    });
    const up = healthReport('ok');
    house.report = up;
    expect((await get(`${BASE}/queue/health`)).status).toBe(200);
    house.report = { ...up, dependencies: { ...up.dependencies, broker: { kind: 'rabbitmq', state: 'backoff', since: 0 } } };
    expect(await get(`${BASE}/queue/health`)).toMatchObject({ status: 503, body: { healthy: false } });
  });
});

describe('while the database is away', () => {
  beforeEach(async () => {
    house.channels.push(aChannel({ syncedAt: clock.now(), syncedDepth: 3 }));
    for (const id of [1, 2, 3]) house.messages.push(aMessage(id));
    // What somebody has read is in the cache.
    expect((await get(`${BASE}/channels/habr_com/messages`)).status).toBe(200);
    house.storeGate = () => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'gone', { retryAfterMs: 1_000 }));
  });

  it('cached reads go on', async () => {
    const read = await get(`${BASE}/channels/habr_com/messages?limit=2`);
    expect(read).toMatchObject({ status: 200, headers: { 'x-source': 'cache' } });
    expect(read.body.messages.map(({ id }: { id: number }) => id)).toEqual([3, 2]);
    expect(await ask(app, post(`${BASE}/sync-messages`, { channelId: 'habr_com', limit: 3 }))).toMatchObject({
      status: 200,
      body: { source: 'cache', count: 3 },
    });
  });

  it.each([
    ['POST', '/sync-messages', { channelId: 'habr_com', force: true }],
    ['POST', '/get-channels', {}],
    ['POST', '/jobs/sync-1/cancel', {}],
    ['POST', '/jobs/sync-1/retry', {}],
    ['POST', '/dead-letters/replay', { all: true }],
    ['POST', '/dead-letters/purge', { all: true }],
    ['GET', '/jobs', undefined],
    ['GET', '/jobs/sync-1/history', undefined],
    ['GET', '/dead-letters', undefined],
    ['GET', '/queue/stats', undefined],
  ] as const)('%s %s is answered 503 at once, with when to ask again', async (method, path, body) => {
    const answer = await ask(app, body === undefined ? { url: BASE + path } : post(BASE + path, body));
    expect(answer, `${method} ${path}`).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: { code: 'STORE_UNAVAILABLE' } },
    });
  });

  it('a request under a key is answered 503 too: nobody knows whether it was sent before', async () => {
    const answer = await ask(app, post(`${BASE}/sync-messages`, { channelId: 'habr_com' }, { 'idempotency-key': 'k' }));
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  it('the queue says so, and that it cannot be counted', async () => {
    const { status, body, headers } = await get(`${BASE}/queue/health`);
    expect([status, body, headers['retry-after']]).toEqual([503, { healthy: false, stats: null }, '5']);
  });
});

describe('while no worker serves', () => {
  it('jobs are accepted, say what they wait for, and /health says what is not served', async () => {
    house.report = healthReport('down');
    const accepted = await ask(app, SYNC);
    expect(accepted).toMatchObject({ status: 202, body: { status: 'queued' } });
    expect((await get(accepted.body.pollUrl)).body).toMatchObject({ status: 'queued', reason: 'account main is backoff' });
    const { status, body } = await get('/health');
    expect([status, body.status, body.accounts]).toEqual([
      503,
      'down',
      [expect.objectContaining({ id: 'main', state: 'backoff' })],
    ]);
    expect((await get('/health/ready')).status).toBe(200);
  });
});
