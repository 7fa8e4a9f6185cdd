import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EventClient } from '../support/event-client.ts';
import { type Program, until } from '../support/program.ts';
import { AWAY, SAFE } from './login-house.ts';
import { ProgramHouse } from './program-house.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const API = '/api/telegram-gateway';

/** One house for all: what follows is the life of an installation, in order, since each start of the program is seconds of work. */
let house: ProgramHouse;
let program: Program;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  house = await ProgramHouse.open((close) => closing.push(close));
  program = await house.start();
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const stats = () => house.control.tell('stats', {});
const logout = () => program.ask(`${API}/accounts/main/logout`, { method: 'POST' });
const begin = (more: object = {}) => house.login(program, 'POST', '', { method: 'code', phone: SAFE.phone, ...more });
const code = () => house.login(program, 'POST', '/code', { code: SAFE.code });
const password = () => house.login(program, 'POST', '/password', { password: SAFE.password });

describe('a program without a session', () => {
  it('serves, says that a person is needed, takes the login over HTTP, and does what waited for it', async () => {
    await house.is(program, 'reauth-required');
    const job = await program.sync('news', 10);
    expect((await program.get('/health/ready')).status).toBe(200);
    expect((await program.get('/health')).body).toMatchObject({
      status: 'down',
      accounts: [{ state: 'reauth-required' }],
      notes: expect.arrayContaining([expect.stringContaining('vigilia login --account main')]),
    });

    expect(await begin()).toMatchObject({
      status: 200,
      body: { state: 'awaiting-code', phone: '+55…2345', code: { via: 'app' } },
    });
    const wrong = await house.login(program, 'POST', '/code', { code: '98769187' });
    expect(wrong).toMatchObject({
      status: 200,
      body: { state: 'awaiting-code', triesLeft: 4, error: { code: 'LOGIN_CODE_INVALID' } },
    });
    expect(await code()).toMatchObject({ body: { state: 'awaiting-password', passwordHint: 'a horse' } });
    await house.login(program, 'POST', '/password', { password: 'wrong-pass-word' });
    expect(await password()).toMatchObject({ status: 200, body: { state: 'done' } });
    await house.is(program, 'authenticated');
    expect(await house.completed(program, job)).toMatchObject({ status: 'completed', attempts: 1, result: { count: 10 } });
    expect(JSON.stringify((await program.get('/health')).body)).not.toContain('vigilia login');

    const written = await house.written(program);
    for (const secret of [SAFE.phone, SAFE.code, '98769187', SAFE.password, 'wrong-pass-word', SAFE.hint]) {
      expect(written.includes(secret), `${secret} was written`).toBe(false);
    }
  });

  it('tells the world, and the log', async () => {
    const client = await EventClient.open(`${program.url}${API}/events`, { query: 'topics=account&lastEventId=0' });
    await client.until(({ events }) => events.some(({ event }) => event === 'account.authenticated'));
    client.close();
    const told = client.events.filter(({ event }) => ['account.reauth-required', 'account.authenticated'].includes(event));
    expect(told.map(({ data }) => data)).toMatchObject([
      { topic: 'account.reauth-required', accountId: 'main', code: 'SESSION_MISSING' },
      { topic: 'account.authenticated', accountId: 'main', code: null },
    ]);
    expect(JSON.stringify(client.events)).not.toContain(SAFE.phone);
    const said = program.log.map(({ msg }) => msg);
    expect(said).toEqual(
      expect.arrayContaining(['a person has to log in', 'login: done', 'a new session: connecting with it', 'connected']),
    );
    expect(program.log).toContainEqual(
      expect.objectContaining({ msg: 'a person has to log in', todo: 'vigilia login --account main' }),
    );
  });
});

describe('a revoked session', () => {
  it('asks for a person, and goes on where it was once somebody scanned the QR code', async () => {
    const before = await house.generations();
    await house.control.tell('revoke', { phone: SAFE.phone });
    const job = await program.sync('news', 20);
    await house.is(program, 'reauth-required');
    const shown = await house.login(program, 'POST', '', { method: 'qr' });
    expect(shown).toMatchObject({ status: 200, body: { state: 'showing-qr', qr: { svg: expect.stringContaining('<svg') } } });
    const token = shown.body.qr?.url.split('token=')[1] ?? '';
    await house.control.tell('acceptToken', { phone: SAFE.phone, token });
    await until(async () => ((await house.login(program, 'GET', '')).body.state === 'awaiting-password' ? true : undefined));
    await house.login(program, 'POST', '/password', { password: SAFE.password });
    await house.is(program, 'authenticated');
    expect(await house.completed(program, job)).toMatchObject({ status: 'completed', result: { count: 20 } });
    expect(await house.generations()).toEqual([...before, before.length + 1]);
    expect(await house.login(program, 'GET', '')).toMatchObject({ status: 200, body: { state: 'done' } });
    expect((await house.written(program)).includes(token)).toBe(false);
  });
});

describe('an account', () => {
  it('that works is logged in anew only when that is said, and keeps its session until it is done', async () => {
    const before = await house.generations();
    expect(await house.login(program, 'POST', '', { method: 'qr' })).toMatchObject({
      status: 409,
      body: { error: { code: 'LOGIN_NOT_NEEDED' } },
    });
    await begin({ replace: true });
    await house.is(program, 'authenticated');
    expect(await house.login(program, 'DELETE', '')).toMatchObject({ body: { state: 'cancelled' } });
    expect(await house.generations()).toEqual(before);
  });

  it('is made and logged in while the program runs', async () => {
    const absent = await house.login(program, 'POST', '', { method: 'qr' }, 'second');
    expect(absent).toMatchObject({ status: 404, body: { error: { message: expect.stringContaining('POST …/accounts') } } });
    expect(await program.post(`${API}/accounts`, { id: 'second' })).toMatchObject({ status: 201, body: { id: 'second' } });
    expect(await program.post(`${API}/accounts`, { id: 'second' })).toMatchObject({ status: 409 });
    expect(await house.logIn(program, AWAY, {}, 'second')).toMatchObject({ body: { state: 'done' } });
    await house.is(program, 'authenticated', 'second');
    await house.is(program, 'authenticated');
  });

  it('is logged out at Telegram, stays so over a restart while others come back, and can be logged in again', async () => {
    expect((await logout()).status).toBe(200);
    await house.is(program, 'reauth-required');
    expect((await logout()).status).toBe(409);
    expect((await stats()).calls['auth.logOut']).toBe(1);
    const codes = (await stats()).calls['auth.sendCode'];
    expect(await program.stop()).toBe(0);
    const [list] = await Promise.all([
      house.run(['session', 'list']),
      (async () => {
        program = await house.start();
      })(),
    ]);
    expect(list.stdout).toContain('logged out');
    await house.is(program, 'authenticated', 'second');
    await house.is(program, 'reauth-required');
    expect((await stats()).calls['auth.sendCode']).toBe(codes);
    await begin();
    await code();
    await password();
    await house.is(program, 'authenticated');
  });
});

describe('kill -9 in the middle of a login', () => {
  const at: Record<string, () => Promise<unknown>> = {
    'waiting for the code': () => begin({ replace: true }),
    'checking the code': async () => {
      await begin({ replace: true });
      // No answer comes before the end.
      await house.control.tell('delay', { method: 'auth.signIn', delayMs: 60_000 });
      void code().catch(() => {});
      await program.logged(({ msg, state }) => msg === 'login' && state === 'checking-code');
    },
    'checking the password': async () => {
      await begin({ replace: true });
      await code();
      void password().catch(() => {});
      await program.logged(({ msg, state }) => msg === 'login' && state === 'checking-password');
    },
    'saving the session': async () => {
      await begin({ replace: true });
      await code();
      void password().catch(() => {});
      await program.logged(({ msg, state }) => msg === 'login' && state === 'saving');
    },
    'connecting with it': async () => {
      await begin({ replace: true });
      await code();
      void password().catch(() => {});
      await program.logged(({ msg }) => msg === 'login: done');
    },
  };
  const renewed: string[] = [];

  it.each(Object.keys(at))('while %s leaves the session from before, or the new one', async (step) => {
    const before = await house.generations();
    await at[step]?.();
    await program.kill();
    await house.control.tell('delay', { method: 'auth.signIn', delayMs: 0 });
    program = await house.start();
    await house.is(program, 'authenticated');
    if ((await house.generations()).at(-1) !== before.at(-1)) renewed.push(step);
  });

  it('and which of both is no matter of chance where it is decided', async () => {
    expect(renewed).toContain('connecting with it');
    for (const step of ['waiting for the code', 'checking the code']) expect(renewed).not.toContain(step);
    expect((await house.run(['session', 'list'])).exitCode).toBe(0);
    expect((await stats()).maxSocketsPerKey).toBe(1);
    const kills = Object.keys(at).length;
    console.info(
      `kill -9 at ${kills} instants of a login: authenticated after each, ${renewed.length} times with the new session`,
    );
  });
});
