import { beforeEach, describe, expect, it } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';

const BASE = '/api/telegram-gateway/accounts';
const AT = `${BASE}/main/login`;
const PHONE = '+5511900001234';

let house: HttpHouse;
let app: App;
beforeEach(() => {
  house = new HttpHouse();
  app = buildGateway(house.deps());
});

const begin = async () => {
  house.logins.next = (login) => ({ ...login, state: 'awaiting-code' });
  return ask(app, post(AT, { method: 'code', phone: PHONE }));
};

describe('accounts', () => {
  it('are listed with how they are', async () => {
    expect((await ask(app, { url: BASE })).body).toEqual({
      accounts: [{ id: 'main', state: 'reauth-required', since: '2023-11-14T22:13:20.000Z' }],
    });
  });

  it('are shown one by one', async () => {
    expect(await ask(app, { url: `${BASE}/main` })).toMatchObject({
      status: 200,
      body: { id: 'main', state: 'reauth-required' },
    });
    expect(await ask(app, { url: `${BASE}/absent` })).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', message: 'There is no account absent; POST …/accounts makes one.', field: 'id' } },
    });
  });

  it('are made, and say where to log them in', async () => {
    const made = await ask(app, post(BASE, { id: 'second' }));
    expect(made).toMatchObject({ status: 201, body: { id: 'second' }, headers: { location: `${BASE}/second/login` } });
    house.logins.failure = new VigiliaError('ACCOUNT_EXISTS', 'there is an account second already', { field: 'id' });
    expect(await ask(app, post(BASE, { id: 'second' }))).toMatchObject({
      status: 409,
      body: { error: { code: 'ACCOUNT_EXISTS' } },
    });
  });

  it('are removed once, and say how many jobs waited for them', async () => {
    const remove = () => ask(app, { method: 'DELETE', url: `${BASE}/main` });
    expect(await remove()).toMatchObject({ status: 200, body: { id: 'main', cancelledJobs: 2 } });
    expect(await remove()).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND', field: 'id' } } });
    expect((await ask(app, { url: BASE })).body).toEqual({ accounts: [] });
  });

  it.each([{}, { id: '' }, { id: 'a b' }, { id: 'a/b' }, { id: 'x'.repeat(65) }, { id: 7 }, { id: 'a', more: 1 }])(
    'are not made of %j',
    async (body) => {
      expect(await ask(app, post(BASE, body))).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
      expect(house.logins.asked).toEqual([]);
    },
  );
});

describe('a login', () => {
  it('is begun with a number in any spelling', async () => {
    for (const phone of ['+55 11 90000-1234', '5511900001234', '+55 (11) 90000.1234']) {
      await ask(app, post(AT, { method: 'code', phone }));
      expect(house.logins.asked.at(-1)).toEqual(['begin', 'main', { method: 'code', phone: PHONE }, false]);
    }
    await ask(app, post(AT, { method: 'qr', replace: true }));
    expect(house.logins.asked.at(-1)).toEqual(['begin', 'main', { method: 'qr' }, true]);
  });

  it.each([
    [{}, 'method'],
    [{ method: 'sms' }, 'method'],
    [{ method: 'code' }, 'phone'],
    [{ method: 'code', phone: 'me' }, 'phone'],
    [{ method: 'code', phone: '+12 - - -' }, 'phone'],
    [{ method: 'code', phone: '+1234567890123456' }, 'phone'],
    [{ method: 'qr', replace: 'yes' }, 'replace'],
    [{ method: 'qr', code: '12345' }, 'code'],
  ])('is not begun by %j', async (body, field) => {
    const refused = await ask(app, post(AT, body));
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST', field } } });
    expect(house.logins.asked).toEqual([]);
  });

  it('answers 202 while it is at work and 200 when it waits for somebody, and is kept by no cache', async () => {
    house.logins.next = (login) => login;
    const working = await ask(app, post(AT, { method: 'code', phone: PHONE }));
    expect(working).toMatchObject({ status: 202, body: { state: 'sending-code' }, headers: { 'cache-control': 'no-store' } });
    expect(await begin()).toMatchObject({ status: 200, body: { state: 'awaiting-code' } });
    expect(await ask(app, { url: AT })).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  });

  it('shows the QR code as text and as an image', async () => {
    const expiresAt = 1_700_000_030_000;
    house.logins.next = (login) => ({ ...login, state: 'showing-qr', qr: { url: 'tg://login?token=abc', expiresAt } });
    const { status, body } = await ask(app, post(AT, { method: 'qr' }));
    expect(status).toBe(200);
    expect(body.qr).toEqual({
      url: 'tg://login?token=abc',
      svg: expect.stringMatching(/^<svg [\s\S]*<\/svg>$/),
      expiresAt: new Date(expiresAt).toISOString(),
    });
  });

  it('takes code, password, another sending and the end of it', async () => {
    await begin();
    await ask(app, post(`${AT}/code`, { code: ' 12345 ' }));
    await ask(app, post(`${AT}/password`, { password: ' as it is ' }));
    await ask(app, { method: 'POST', url: `${AT}/resend` });
    await ask(app, { method: 'DELETE', url: AT });
    expect(house.logins.asked.slice(1)).toEqual([
      ['giveCode', 'main', '12345'],
      ['givePassword', 'main', ' as it is '],
      ['resendCode', 'main'],
      ['cancel', 'main'],
    ]);
    expect((await ask(app, { method: 'POST', url: `${BASE}/main/logout` })).body).toEqual({ id: 'main' });
  });

  it.each([
    ['/code', {}],
    ['/code', { code: '' }],
    ['/code', { code: 12345 }],
    ['/code', { code: '12345', password: 'x' }],
    ['/password', { password: '' }],
    ['/password', { password: 'x'.repeat(513) }],
  ])('refuses %s with %j, and repeats no value', async (step, body) => {
    await begin();
    const refused = await app.inject({
      ...post(AT + step, body),
      headers: { host: 'localhost', 'content-type': 'application/json' },
    });
    expect(refused.statusCode).toBe(400);
    for (const value of Object.values(body)) if (String(value).length > 4) expect(refused.body).not.toContain(String(value));
    expect(house.logins.asked).toHaveLength(1);
  });

  it('that is not there, or an account that is not, gets 404; a step out of turn 409; too soon 429', async () => {
    expect(await ask(app, { url: AT })).toMatchObject({ status: 404, body: { error: { code: 'LOGIN_NOT_FOUND' } } });
    expect(await ask(app, post(`${BASE}/absent/login`, { method: 'qr' }))).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', field: 'id' } },
    });
    for (const [method, step, body] of [
      ['GET', '', undefined],
      ['DELETE', '', undefined],
      ['POST', '/code', { code: '1' }],
      ['POST', '/password', { password: 'x' }],
      ['POST', '/resend', undefined],
    ] as const) {
      const url = `${BASE}/absent/login${step}`;
      const asked = body === undefined ? { method, url } : post(url, body);
      expect(await ask(app, asked), step).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND', field: 'id' } } });
    }
    await begin();
    house.logins.failure = new VigiliaError('LOGIN_WRONG_STEP', 'the login does not wait for that');
    expect((await ask(app, post(`${AT}/code`, { code: '1' }))).status).toBe(409);
    house.logins.failure = new VigiliaError('LOGIN_UNDER_WAY', 'one is under way');
    expect((await ask(app, post(AT, { method: 'qr' }))).status).toBe(409);
    house.logins.failure = new VigiliaError('TELEGRAM_FLOOD', 'later', { retryAfterMs: 30_000 });
    expect(await ask(app, post(`${AT}/code`, { code: '1' }))).toMatchObject({ status: 429, headers: { 'retry-after': '30' } });
  });
});

describe('who may', () => {
  it.each([
    ['GET', BASE, 'read'],
    ['GET', `${BASE}/main`, 'read'],
    ['POST', BASE, 'admin'],
    ['GET', AT, 'admin'],
    ['POST', AT, 'admin'],
    ['DELETE', AT, 'admin'],
    ['POST', `${AT}/code`, 'admin'],
    ['POST', `${AT}/password`, 'admin'],
    ['POST', `${AT}/resend`, 'admin'],
    ['POST', `${BASE}/main/logout`, 'admin'],
  ] as const)('%s %s needs %s', async (method, url, scope) => {
    const token = (word: string) => `${word}-token-0123456789`;
    const tokens = (['read', 'write', 'admin'] as const).map((word) => ({ scope: word, token: token(word) }));
    const guarded = buildGateway(house.deps({ tokens }));
    const statusWith = async (headers: Record<string, string>): Promise<number> =>
      (await guarded.inject({ method, url, headers: { host: 'localhost', ...headers } })).statusCode;
    expect(await statusWith({})).toBe(401);
    if (scope === 'admin')
      for (const less of ['read', 'write']) expect(await statusWith({ 'x-gateway-token': token(less) })).toBe(403);
    expect([401, 403]).not.toContain(await statusWith({ 'x-gateway-token': token(scope) }));
  });
});
