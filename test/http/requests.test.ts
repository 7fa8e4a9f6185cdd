import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { aChannel, HttpHouse } from '../support/http-house.ts';

const SYNC = '/api/telegram-gateway/sync-messages';
const CHANNELS = '/api/telegram-gateway/channels';
let house: HttpHouse;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  app = buildGateway(house.deps());
});

describe('a body that does not fit is refused with its field', () => {
  it.each([
    [{}, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: null }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: '' }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: ['habr_com'] }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: 1.5 }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: true }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: 'x'.repeat(257) }, 400, 'INVALID_REQUEST', 'channelId'],
    [{ channelId: 'no channel!' }, 400, 'INVALID_CHANNEL', 'channelId'],
    [{ channelId: 'https://t.me/+AbCd' }, 400, 'INVALID_CHANNEL', 'channelId'],
    [{ channelId: -5 }, 400, 'INVALID_CHANNEL', 'channelId'],
    [{ channelId: 'habr_com', limit: 0 }, 400, 'INVALID_REQUEST', 'limit'],
    [{ channelId: 'habr_com', limit: 1_000_001 }, 400, 'INVALID_REQUEST', 'limit'],
    [{ channelId: 'habr_com', limit: '50' }, 400, 'INVALID_REQUEST', 'limit'],
    [{ channelId: 'habr_com', limit: 1.5 }, 400, 'INVALID_REQUEST', 'limit'],
    [{ channelId: 'habr_com', limit: null }, 400, 'INVALID_REQUEST', 'limit'],
    [{ channelId: 'habr_com', force: 'yes' }, 400, 'INVALID_REQUEST', 'force'],
    [{ channelId: 'habr_com', force: 1 }, 400, 'INVALID_REQUEST', 'force'],
    [{ channelId: 'habr_com', accountId: '../x' }, 400, 'INVALID_REQUEST', 'accountId'],
    [{ channelId: 'habr_com', accountId: 'absent', force: true }, 400, 'UNKNOWN_ACCOUNT', 'accountId'],
    [{ channelId: 'habr_com', Limit: 5 }, 400, 'INVALID_REQUEST', 'Limit'],
    [{ channelId: 'habr_com', 'a/b~c': 5 }, 400, 'INVALID_REQUEST', 'a/b~c'],
    ['[]', 400, 'INVALID_REQUEST', undefined],
    ['null', 400, 'INVALID_REQUEST', undefined],
    ['"habr_com"', 400, 'INVALID_REQUEST', undefined],
    ['', 400, 'INVALID_JSON', undefined],
    ['{"channelId":', 400, 'INVALID_JSON', undefined],
    ['{"channelId":"habr_com",}', 400, 'INVALID_JSON', undefined],
    ['{"channelId":"habr_com","__proto__":{"force":true}}', 400, 'INVALID_JSON', undefined],
    ['{"channelId":"habr_com","constructor":{"prototype":{"force":true}}}', 400, 'INVALID_JSON', undefined],
    [{ channelId: 'habr_com', constructor: 1 }, 400, 'INVALID_REQUEST', 'constructor'],
  ])('%j → %d %s %s', async (payload, status, code, field) => {
    const answer = await ask(app, post(SYNC, payload));
    expect(answer).toMatchObject({ status, body: { error: { code } } });
    expect(answer.body.error.field).toBe(field);
    expect(house.submitted).toEqual([]);
  });

  it('and the largest body is 1 MiB', async () => {
    const filled = (size: number): string => `{"channelId":"habr_com"${' '.repeat(size - 24)}}`;
    expect(filled(2 ** 20)).toHaveLength(2 ** 20);
    expect(await ask(app, post(SYNC, filled(2 ** 20)))).toMatchObject({ status: 202 });
    expect(await ask(app, post(SYNC, filled(2 ** 20 + 1)))).toMatchObject({
      status: 413,
      body: { error: { code: 'BODY_TOO_LARGE' } },
    });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/xml',
    'nonsense',
  ])('nor one of type %s', async (type) => {
    const answer = await ask(app, post(SYNC, { channelId: 'habr_com' }, { 'content-type': type }));
    expect(answer).toMatchObject({ status: 415, body: { error: { code: 'UNSUPPORTED_MEDIA_TYPE' } } });
    expect(house.submitted).toEqual([]);
  });

  it('nor one of no type', async () => {
    const answer = await ask(app, { method: 'POST', url: SYNC, payload: Buffer.from('{"channelId":"habr_com"}') });
    expect(answer).toMatchObject({ status: 415, body: { error: { code: 'UNSUPPORTED_MEDIA_TYPE' } } });
  });

  it('and a missing one is not taken for an empty one where a field is needed', async () => {
    expect(await ask(app, { method: 'POST', url: SYNC })).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST' } },
    });
    expect(await ask(app, { method: 'POST', url: '/api/telegram-gateway/get-channels' })).toMatchObject({ status: 202 });
  });

  it('any body gives 202 or 400, never 500', async () => {
    const field = fc.oneof(fc.constantFrom('channelId', 'limit', 'force', 'accountId', 'constructor', 'toString'), fc.string());
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('habr_com', '@habr_com', 5, 50, true));
    const body = fc.oneof(
      fc.dictionary(field, value).map((one) => JSON.stringify(one)),
      fc.json(),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(body, async (payload) => {
        expect([202, 400]).toContain((await ask(app, post(SYNC, payload))).status);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a query or path that does not fit is refused with its field', () => {
  beforeEach(() => void house.channels.push(aChannel()));

  it.each([
    ['/habr_com/messages?limit=0', 'limit'],
    ['/habr_com/messages?limit=501', 'limit'],
    ['/habr_com/messages?limit=abc', 'limit'],
    ['/habr_com/messages?limit=', 'limit'],
    ['/habr_com/messages?limit=1e2', 'limit'],
    ['/habr_com/messages?limit=0x10', 'limit'],
    ['/habr_com/messages?limit=%205', 'limit'],
    ['/habr_com/messages?limit=1&limit=2', 'limit'],
    ['/habr_com/messages?before=0', 'before'],
    ['/habr_com/messages?after=-1', 'after'],
    ['/habr_com/messages?before=2147483648', 'before'],
    ['/habr_com/messages?search=', 'search'],
    ['/habr_com/messages?offset=1', 'offset'],
    ['/habr_com/messages?__proto__=1', '__proto__'],
    ['?after=5', 'after'],
    ['?limit=1000', 'limit'],
    ['/habr_com?x=1', 'x'],
    ['/habr%20com', 'id'],
    [`/${'x'.repeat(300)}`, 'id'],
  ])('%s → %s', async (path, field) => {
    const answer = await ask(app, { url: CHANNELS + path });
    expect(answer.status).toBe(400);
    expect(answer.body.error.field).toBe(field);
  });

  it('and so is a path that is not well encoded, or without end', async () => {
    expect(await ask(app, { url: `${CHANNELS}/%zz` })).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST' } },
    });
    expect(await ask(app, { url: `${CHANNELS}/${'x'.repeat(2000)}` })).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST' } },
    });
    expect(await ask(app, { url: '/api/telegram-gateway/jobs/a%2Fb' })).toMatchObject({
      status: 400,
      body: { error: { field: 'id' } },
    });
  });
});

describe('what is wrong is said in words', () => {
  const LOGIN = '/api/telegram-gateway/accounts/main/login';
  const JOBS = '/api/telegram-gateway/jobs';

  it.each([
    ['?status=done', 'status: must be one of queued, processing, completed, failed, delayed, cancelled.'],
    ['?action=foo', 'action: must be one of sync-messages, get-channels.'],
    ['?limit=0', 'limit: must be from 1 to 200.'],
    ['?limit=many', 'limit: must be a whole number.'],
    ['?channel=', 'channel: must not be empty.'],
    [`?channel=${'x'.repeat(257)}`, 'channel: must have at most 256 characters.'],
    ['/a%20b', 'id: must be 1 to 64 letters (A to Z), digits, _ and -.'],
  ])('%s → %s', async (url, message) => {
    expect((await ask(app, { url: JOBS + url })).body.error.message).toBe(message);
  });

  it('choices of machines and logins too', async () => {
    const { body } = await ask(app, { url: '/api/machines/job?format=png' });
    expect(body.error.message).toBe('format: must be one of json, svg, mermaid.');
    const login = await ask(app, post(LOGIN, { method: 'sms', phone: 'mine' }));
    expect(login.body.error.message).toBe(
      'method: must be one of code, qr; phone: must be a number in international form, as +55 11 90000-1234.',
    );
  });

  it('all at once, the first of them as the field', async () => {
    const wrong = { limit: 0, force: 'yes', Limit: 5, accountID: 'main' };
    const { body } = await ask(app, post(SYNC, wrong));
    expect(body.error).toEqual({
      code: 'INVALID_REQUEST',
      message:
        'Limit: there is no such field in the body; accountID: there is no such field in the body; channelId: is missing; ' +
        'limit: must be from 1 to 1000000; force: must be true or false.',
      field: 'Limit',
    });
    const both = await ask(app, post(SYNC, { channelId: true }));
    expect(both.body.error.message).toBe('channelId: must be a string, or must be a whole number.');
  });

  it('but at most eight faults, in fields of a bounded length', async () => {
    const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`${at}`.padEnd(200, 'x'), at]));
    const { error } = (await ask(app, post(SYNC, body))).body;
    expect(error.message.split('; ').length).toBeLessThanOrEqual(8);
    expect(error.message.length).toBeLessThan(1_000);
    expect(error.field).toBe(`0${'x'.repeat(63)}…`);
  });
});

describe('what is not there', () => {
  it.each([
    ['GET', '/nowhere'],
    ['POST', '/api/telegram-gateway'],
    ['GET', '/api/telegram-gateway/jobs/sync-none'],
    ['GET', '/api/telegram-gateway/channels/nobody_here'],
    ['GET', '/api/telegram-gateway/channels/12345/messages'],
    ['GET', '/api/state/root/nobody'],
  ] as const)('%s %s is 404', async (method, url) => {
    expect(await ask(app, { method, url })).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });

  it.each([
    ['GET', SYNC, 'POST'],
    ['PUT', SYNC, 'POST'],
    ['DELETE', '/api/telegram-gateway/jobs/sync-1', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/api/state/root', 'GET, HEAD'],
    ['OPTIONS', SYNC, 'POST'],
  ] as const)('%s %s is 405, and %s is what there is', async (method, url, allow) => {
    const answer = await ask(app, { method, url });
    expect(answer).toMatchObject({ status: 405, body: { error: { code: 'METHOD_NOT_ALLOWED' } } });
    expect(answer.headers.allow).toBe(allow);
  });
});

describe('the request id', () => {
  it('is the one that came, where it is harmless', async () => {
    const answer = await ask(app, { url: '/health/live', headers: { 'x-request-id': 'Abc_1-2' } });
    expect(answer.headers['x-request-id']).toBe('Abc_1-2');
  });

  it.each(['', 'with space', 'x'.repeat(65), 'a"b', 'ü'])('is a new one instead of %j', async (given) => {
    const answer = await ask(app, { url: '/health/live', headers: { 'x-request-id': given } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a failure of ours', () => {
  it('is told by its code alone, and logged with its causes under the request id', async () => {
    const lines: unknown[] = [];
    const log = { ...house.log, error: (fields: object) => void lines.push(fields) };
    const broken = buildGateway(
      house.deps({
        log,
        intake: {
          checkAccount: async () => {},
          submitted: async () => undefined,
          submit: async () => {
            throw new Error('syntax error in "SELECT secret FROM t" at /src/x.ts:1');
          },
        },
      }),
    );
    const answer = await ask(broken, post(SYNC, { channelId: 'habr_com' }, { 'x-request-id': 'find-me' }));
    expect(answer).toMatchObject({ status: 500, body: { error: { code: 'INTERNAL' } } });
    expect(answer.text).not.toMatch(/SELECT|x\.ts/);
    expect(lines).toMatchObject([{ requestId: 'find-me', causes: [expect.stringContaining('SELECT')] }]);
  });
});

describe('GET /', () => {
  it('lists what can be asked', async () => {
    const { status, body } = await ask(app, { url: '/' });
    expect(status).toBe(200);
    expect(body.routes).toContainEqual({ method: 'POST', path: SYNC, scope: 'write', summary: expect.stringMatching(/./) });
    for (const route of body.routes) expect(route.summary).not.toBe('');
  });
});
