import { beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { aChannel, HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const CHANNELS = '/api/telegram-gateway/channels';
let house: HttpHouse;
let app: App;
let id: number;

beforeEach(() => {
  house = new HttpHouse();
  house.unfollowed.set('second', new Set());
  house.channels.push(aChannel({ username: 'habr_com' }));
  id = house.channels[0]?.chatId ?? 0;
  app = buildGateway(house.deps());
});

const follow = (method: 'GET' | 'PUT' | 'DELETE', query = '', channel = 'habr_com') =>
  ask(app, { method, url: `${CHANNELS}/${channel}/follow${query}` });

describe('following a channel', () => {
  it('is what every account does until it is told not to, and again', async () => {
    expect(await follow('GET')).toMatchObject({ status: 200, body: { channel: { id }, followed: { main: true, second: true } } });
    expect((await follow('DELETE')).body.followed).toEqual({ main: false, second: false });
    expect((await follow('DELETE')).body.followed).toEqual({ main: false, second: false });
    expect([...(house.unfollowed.get('main') ?? [])]).toEqual([id]);
    expect((await follow('PUT')).body.followed).toEqual({ main: true, second: true });
    expect((await follow('GET')).body.followed).toEqual({ main: true, second: true });
  });

  it('is told of one account where it is named', async () => {
    expect((await follow('DELETE', '?accountId=second')).body.followed).toEqual({ second: false });
    expect((await follow('GET')).body.followed).toEqual({ main: true, second: false });
  });

  it('asks the store as often for a thousand accounts as for one', async () => {
    for (const query of ['', '?accountId=second'])
      for (const method of ['GET', 'PUT', 'DELETE'] as const) await follow(method, query);
    const often = house.asked.store;
    house.asked.store = 0;
    for (let n = 0; n < 1_000; n++) house.unfollowed.set(`account-${n}`, new Set());
    for (const query of ['', '?accountId=second'])
      for (const method of ['GET', 'PUT', 'DELETE'] as const) await follow(method, query);
    expect(house.asked.store).toBe(often);
    expect([...house.unfollowed.values()].every((channels) => channels.has(id))).toBe(true);
  });

  it('waits for the store no longer than for any other answer, however many steps it takes', async () => {
    const clock = new VirtualClock();
    house.clock = clock;
    app = buildGateway(house.deps());
    // Each step is just quick enough for itself.
    house.storeGate = () => new Promise((resolve) => clock.setTimeout(() => resolve(), 6_000));
    const asked = follow('PUT');
    while (house.asked.store === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let step = 0; step < 2; step++) {
      await clock.advance(6_000);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await asked).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
  });

  it('refuses accounts and channels that nobody knows', async () => {
    expect(await follow('PUT', '?accountId=nobody')).toMatchObject({ status: 400, body: { error: { code: 'UNKNOWN_ACCOUNT' } } });
    expect(await follow('PUT', '', 'unknown_name')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await follow('PUT', '', 'not%20one')).toMatchObject({ status: 400, body: { error: { code: 'INVALID_CHANNEL' } } });
  });

  it('refuses a body, which nobody would heed, unless it says nothing', async () => {
    const put = (payload: unknown) => ask(app, { method: 'PUT', url: `${CHANNELS}/habr_com/follow`, payload: payload as object });
    const { status, body } = await put({ accountId: 'second' });
    expect(status).toBe(400);
    expect(body.error).toEqual({
      code: 'INVALID_REQUEST',
      field: 'accountId',
      message: 'This route takes no body. What it takes stands in the query string.',
    });
    expect(await put([1])).toMatchObject({ status: 400 });
    expect(await put({})).toMatchObject({ status: 200, body: { followed: { main: true, second: true } } });
  });

  it('needs a token that may write to change it', async () => {
    const tokens = [{ scope: 'read' as const, token: 'a-token-that-may-only-read-things' }];
    app = buildGateway(house.deps({ tokens }));
    const headers = { 'x-gateway-token': tokens[0]?.token ?? '' };
    expect(await ask(app, { method: 'GET', url: `${CHANNELS}/habr_com/follow`, headers })).toMatchObject({ status: 200 });
    expect(await ask(app, { method: 'DELETE', url: `${CHANNELS}/habr_com/follow`, headers })).toMatchObject({ status: 403 });
  });
});
