import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildGateway } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { aChannel, aMessage, HttpHouse } from '../support/http-house.ts';

const BASE = '/api/telegram-gateway';
const MESSAGES = `${BASE}/channels/habr_com/messages`;
const house = new HttpHouse();
house.channels.push(aChannel());
for (let id = 1; id <= 60; id++) house.messages.push(aMessage(id));
const app = buildGateway(house.deps());

describe('every answer', () => {
  it.each(['/', '/health', '/api/state', '/nowhere', MESSAGES, '/metrics'])(
    'of %s is taken for no more than it is',
    async (url) => {
      expect((await ask(app, { url })).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'/),
      });
    },
  );

  it.each(['/health', '/health/live', '/health/ready', '/metrics', '/nowhere', `${BASE}/accounts/main/login`])(
    'of %s is not to be kept',
    async (url) => {
      const { headers } = await ask(app, { url });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers).not.toHaveProperty('etag');
    },
  );

  it('to something that was done is not to be kept', async () => {
    expect((await ask(app, post(`${BASE}/get-channels`, {}))).headers['cache-control']).toBe('no-store');
  });
});

describe('an answer that is there already', () => {
  it.each([MESSAGES, `${BASE}/channels`, '/api/state', '/api/state/root', '/openapi.json', '/docs'])(
    'of %s is not sent again',
    async (url) => {
      const first = await ask(app, { url });
      const tag = String(first.headers.etag);
      expect(tag).toMatch(/^W\/"[\w-]{27}"$/);
      for (const given of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
        const again = await ask(app, { url, headers: { 'if-none-match': given } });
        expect(again).toMatchObject({ status: 304, text: '' });
        expect(again.headers).toMatchObject({ etag: tag, 'cache-control': first.headers['cache-control'] });
        expect(again.headers).not.toHaveProperty('content-type');
      }
      expect((await ask(app, { url, headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    },
  );

  it('is sent once it has changed', async () => {
    const { headers } = await ask(app, { url: MESSAGES });
    house.windows.clear();
    house.messages.push(aMessage(61));
    expect((await ask(app, { url: MESSAGES, headers: { 'if-none-match': String(headers.etag) } })).status).toBe(200);
    house.messages.pop();
  });
});

describe('compression', () => {
  const asked = (encoding: string, url = MESSAGES, method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ method, url, headers: { host: 'localhost', 'accept-encoding': encoding } });

  it.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['deflate', undefined],
    ['identity', undefined],
    ['br;q=0, gzip;q=0', undefined],
  ])('for %j is %s', async (given, expected) => {
    const plain = await app.inject({ url: MESSAGES, headers: { host: 'localhost' } });
    const answer = await asked(given);
    expect(answer.headers['content-encoding']).toBe(expected);
    expect(answer.headers.vary).toBe('Accept-Encoding');
    const read = { br: brotliDecompressSync, gzip: gunzipSync }[expected ?? ''] ?? ((body: Buffer) => body);
    // Where it comes from is told by a header, not by the body.
    expect(JSON.parse(read(answer.rawPayload).toString())).toEqual(plain.json());
    expect(answer.headers['content-length']).toBe(String(answer.rawPayload.length));
    if (expected !== undefined) expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length / 5);
  });

  it('is not for what is short, and has one tag however it is sent', async () => {
    expect((await asked('br', '/health/live')).headers).not.toHaveProperty('content-encoding');
    const [plain, small] = [await asked('identity'), await asked('br')];
    expect(small.headers.etag).toBe(plain.headers.etag);
  });
});

describe('HEAD', () => {
  it.each([MESSAGES, `${BASE}/channels`, '/api/state', '/health', '/health/live', '/openapi.json', '/docs', '/metrics'])(
    'of %s has the headers of GET, and no body',
    async (url) => {
      const [head, get] = [await ask(app, { method: 'HEAD', url }), await ask(app, { url })];
      expect(head).toMatchObject({ status: get.status, text: '' });
      for (const name of ['content-type', 'etag', 'cache-control', 'link'])
        expect(head.headers[name], name).toBe(get.headers[name]);
    },
  );

  it('of what is not there is 404, and of what only does something 405', async () => {
    expect((await app.inject({ method: 'HEAD', url: '/nowhere', headers: { host: 'localhost' } })).statusCode).toBe(404);
    const answer = await app.inject({ method: 'HEAD', url: `${BASE}/sync-messages`, headers: { host: 'localhost' } });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
  });
});

describe('the next page', () => {
  it('is linked whole, and the links lead to the end', async () => {
    const ids: number[] = [];
    for (let url: string | undefined = `${MESSAGES}?limit=25&search=message`; url !== undefined; ) {
      const { body, headers }: Awaited<ReturnType<typeof ask>> = await ask(app, { url });
      ids.push(...body.messages.map(({ id }: { id: number }) => id));
      const link = headers.link === undefined ? undefined : /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1];
      expect(link === undefined).toBe(body.next === null);
      url = link;
    }
    expect(ids).toEqual(Array.from({ length: 60 }, (_, at) => 60 - at));
  });

  it('is of the whole request, with question marks in it', async () => {
    const asking = new HttpHouse();
    asking.channels.push(aChannel());
    for (let id = 1; id <= 4; id++) asking.messages.push({ ...aMessage(id), text: 'why? indeed' });
    const { headers, body } = await ask(buildGateway(asking.deps()), { url: `${MESSAGES}?search=why?&limit=2` });
    expect(body.messages).toHaveLength(2);
    expect(headers.link).toBe(`<${MESSAGES}?search=why%3F&limit=2&before=3>; rel="next"`);
  });
});

describe('pages of other sites', () => {
  const ORIGIN = 'https://app.example.org';
  const preflight = {
    origin: ORIGIN,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-gateway-token',
  };

  it('may not ask unless they are listed', async () => {
    const guarded = buildGateway(house.deps({ tokens: [{ scope: 'read', token: 'r'.repeat(32) }] }));
    const answer = await ask(guarded, { url: '/health', headers: { origin: ORIGIN } });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await ask(guarded, { method: 'OPTIONS', url: `${BASE}/sync-messages`, headers: preflight })).status).toBe(401);
  });

  it.each([
    ['with tokens', [{ scope: 'read' as const, token: 'r'.repeat(32) }]],
    ['without', []],
  ])('that are listed may ask, %s', async (_how, tokens) => {
    const open = buildGateway(house.deps({ tokens, access: { corsOrigins: [ORIGIN, 'http://localhost:3000'] } }));
    const before = await ask(open, { method: 'OPTIONS', url: `${BASE}/sync-messages`, headers: preflight });
    expect(before).toMatchObject({ status: 204, text: '' });
    expect(before.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': expect.stringContaining('x-gateway-token'),
      vary: expect.stringContaining('Origin'),
    });
    expect(before.headers).not.toHaveProperty('access-control-allow-credentials');
    const answer = await ask(open, { url: MESSAGES, headers: { origin: ORIGIN, 'x-gateway-token': 'r'.repeat(32) } });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': expect.stringMatching(/idempotent-replayed.*retry-after/),
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'Origin, Accept-Encoding',
    });
    const other = await ask(open, { url: '/health', headers: { origin: 'https://evil.example' } });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
    const refused = await ask(open, { url: '/nowhere', headers: { origin: ORIGIN, 'x-gateway-token': 'r'.repeat(32) } });
    expect(refused).toMatchObject({ status: 404, headers: { 'access-control-allow-origin': ORIGIN } });
  });
});
