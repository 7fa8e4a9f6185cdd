import { describe, expect, it } from 'vitest';
import type { Token } from '../../src/config-values.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';

const READ = 'read-token-0123456';
const WRITE = 'write-token-012345';
const ADMIN = 'admin-token-012345';
const TOKENS: readonly Token[] = [
  { scope: 'read', token: READ },
  { scope: 'write', token: WRITE },
  { scope: 'admin', token: ADMIN },
];
const JOB = '/api/telegram-gateway/jobs/sync-1';
const SYNC = post('/api/telegram-gateway/sync-messages', { channelId: 'habr_com' });

describe('with tokens', () => {
  const app = buildGateway(new HttpHouse().deps({ tokens: TOKENS, host: '0.0.0.0' }));

  it.each([
    [{}, 401],
    [{ 'x-gateway-token': '' }, 401],
    [{ 'x-gateway-token': 'wrong-token-012345' }, 401],
    [{ 'x-gateway-token': READ.slice(0, -1) }, 401],
    [{ 'x-gateway-token': `${READ}x` }, 401],
    [{ 'x-gateway-token': READ }, 404],
    [{ authorization: `Bearer ${READ}` }, 404],
    [{ authorization: `bearer ${ADMIN}` }, 404],
    [{ authorization: `Basic ${READ}` }, 401],
    [{ authorization: READ }, 401],
    [{ 'x-gateway-token': 'wrong-token-012345', authorization: `Bearer ${READ}` }, 401],
  ])('%j asking for a job is answered %d', async (headers, status) => {
    const answer = await ask(app, { url: JOB, headers });
    expect(answer.status).toBe(status);
    if (status === 401) {
      expect(answer.body.error.code).toBe('UNAUTHORIZED');
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it.each([
    [READ, 403],
    [WRITE, 202],
    [ADMIN, 202],
  ])('%s asking for messages is answered %d', async (token, status) => {
    const answer = await ask(app, { ...SYNC, headers: { ...SYNC.headers, 'x-gateway-token': token } });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body.error).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('write') });
  });

  it('any Host and Origin may ask', async () => {
    const headers = { host: 'gateway.example.org', origin: 'https://example.org', 'x-gateway-token': READ };
    expect((await ask(app, { url: '/api/state', headers })).status).toBe(200);
  });

  it('a request without one is refused before its body is looked at', async () => {
    expect((await ask(app, post('/api/telegram-gateway/sync-messages', 'garbage'))).status).toBe(401);
  });

  it.each(['/api/state', '/metrics', '/nowhere', '/api/telegram-gateway/channels'])('%s needs one', async (url) => {
    expect((await ask(app, { url })).status).toBe(401);
  });

  it.each(['/health/live', '/health/ready', '/health', '/'])('%s needs none', async (url) => {
    expect((await ask(app, { url })).status).toBe(200);
  });

  it('/health tells strangers its status alone, off loopback', async () => {
    expect((await ask(app, { url: '/health' })).body).toEqual({ status: 'ok' });
    expect((await ask(app, { url: '/health', headers: { 'x-gateway-token': 'wrong' } })).body).toEqual({ status: 'ok' });
    expect((await ask(app, { url: '/health', headers: { 'x-gateway-token': READ } })).body.accounts).toHaveLength(1);
    const near = buildGateway(new HttpHouse().deps({ tokens: TOKENS, host: '127.0.0.1' }));
    expect((await ask(near, { url: '/health' })).body.accounts).toHaveLength(1);
  });
});

describe('without tokens, on loopback', () => {
  const app = buildGateway(new HttpHouse().deps());

  it.each([
    ['localhost', 200],
    ['LOCALHOST:4010', 200],
    ['127.0.0.1:9', 200],
    ['[::1]:4010', 200],
    ['[::1]', 200],
    ['example.org', 403],
    ['example.org:4010', 403],
    ['localhost.example.org', 403],
    ['127.0.0.1.example.org', 403],
    ['localhost:4010@example.org', 403],
    ['127.0.0.2', 403],
    ['0.0.0.0:4010', 403],
  ])('Host %j is answered %d', async (host, status) => {
    for (const url of ['/api/state', '/health', '/metrics']) {
      const answer = await ask(app, { url, headers: { host } });
      expect(answer.status).toBe(status);
      if (status === 403) expect(answer.body.error.code).toBe('HOST_NOT_ALLOWED');
    }
  });

  it.each([
    ['http://localhost:4010', 202],
    ['https://127.0.0.1', 202],
    ['http://[::1]:3000', 202],
    ['null', 403],
    ['', 403],
    ['localhost', 403],
    ['http://example.org', 403],
    ['http://localhost.example.org', 403],
    ['http://example.org/http://localhost', 403],
    ['file://', 403],
  ])('Origin %j is answered %d', async (origin, status) => {
    expect((await ask(app, { ...SYNC, headers: { ...SYNC.headers, origin } })).status).toBe(status);
  });

  it('a token that was sent all the same does no harm', async () => {
    expect((await ask(app, { url: '/api/state', headers: { 'x-gateway-token': 'whatever' } })).status).toBe(200);
  });

  it('nothing lets a page of another site read an answer', async () => {
    const answer = await ask(app, { ...SYNC, headers: { ...SYNC.headers, origin: 'http://localhost:1' } });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe("the worker's listener", () => {
  it('has health, metrics, state and what may be done with it, and nothing else', async () => {
    const ops = buildOps(new HttpHouse().deps());
    expect(ops.routeTable.map(({ path }) => path)).toEqual([
      '/',
      '/health/live',
      '/health/ready',
      '/health',
      '/metrics',
      '/api/processes',
      '/api/state',
      '/api/state/*',
      '/api/acts',
      '/api/acts',
      '/api/transitions',
      '/api/caller',
      '/api/machines',
      '/api/machines/:name',
      '/openapi.json',
      '/docs',
    ]);
    expect((await ask(ops, { url: '/api/state' })).status).toBe(200);
    expect((await ask(ops, SYNC)).status).toBe(404);
  });

  it('off loopback, without tokens, answers probes alone, under any Host', async () => {
    const ops = buildOps(new HttpHouse().deps({ host: '0.0.0.0' }));
    const headers = { host: 'worker-1:4007' };
    expect((await ask(ops, { url: '/health', headers })).body).toEqual({ status: 'ok' });
    for (const url of ['/health/live', '/health/ready']) expect((await ask(ops, { url, headers })).status).toBe(200);
    for (const url of ['/metrics', '/api/state']) expect((await ask(ops, { url, headers })).status).toBe(401);
  });
});
