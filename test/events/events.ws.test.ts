import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { VigiliaError } from '../../src/errors.ts';
import { GatewayTokens } from '../../src/gateway-tokens.ts';
import { buildGateway } from '../../src/http/server.ts';
import { aChannel, type HouseChanges, HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TOKEN = 'a-read-token-0123456789';
const READ = { scope: 'read' as const, token: TOKEN };
const ENDS: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ENDS.splice(0).reverse()) await end();
});

type Said = Readonly<Record<string, unknown>>;

/** A client that keeps what it hears. */
class SocketClient {
  readonly socket: WebSocket;
  readonly heard: Said[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  constructor(url: string, options: ClientOptions) {
    this.socket = new WebSocket(url, options);
    this.socket.on('message', (data) => this.heard.push(JSON.parse(String(data))));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }
  say(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  async first(count: number): Promise<Said[]> {
    while (this.heard.length < count) await once(this.socket, 'message');
    return this.heard.slice(0, count);
  }
  get events(): Said[] {
    return this.heard.filter(({ at }) => at !== undefined);
  }
}

async function listening(house: HttpHouse, changes: HouseChanges = {}) {
  const app = buildGateway(house.deps(changes));
  await app.listen({ host: '127.0.0.1', port: 0 });
  ENDS.push(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const path = '/api/telegram-gateway/ws';
  return {
    app,
    port,
    path,
    open: async (options: ClientOptions = {}) => {
      const client = new SocketClient(`ws://127.0.0.1:${port}${path}`, options);
      ENDS.push(async () => client.socket.terminate());
      await once(client.socket, 'open');
      return client;
    },
    /** @returns the status with which an upgrade is refused */
    refused: (headers: Record<string, string>, method = 'GET') =>
      new Promise<{ status: number | undefined; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
        const asking = request({ port, path, method, headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers } });
        asking.on('upgrade', () => reject(new Error('it was taken')));
        asking.on('error', reject);
        asking.on('response', async (response) => {
          let body = '';
          for await (const chunk of response) body += chunk;
          resolve({ status: response.statusCode, body, headers: response.headers });
        });
        asking.end();
      }),
  };
}

describe('…/ws', () => {
  it('tells the same events as …/events has, after the first message', async () => {
    const house = new HttpHouse();
    house.tell('job.queued', { jobId: 'before' });
    const { open } = await listening(house);
    const client = await open();
    client.say({ type: 'subscribe' });
    expect(await client.first(2)).toEqual([
      { version: 1, topic: 'welcome', scope: 'admin' },
      { version: 1, topic: 'subscribed', id: 1 },
    ]);
    house.tell('job.completed', { jobId: 'sync-1', text: 'Olá\n"mundo" 🌍\n\ndata: x' });
    expect((await client.first(3))[2]).toEqual({
      version: 1,
      id: 2,
      topic: 'job.completed',
      at: '2023-11-14T22:13:20.000Z',
      jobId: 'sync-1',
      text: 'Olá\n"mundo" 🌍\n\ndata: x',
    });
    expect(house.hub.figures).toMatchObject({ subscribers: 1, sent: 1 });
  });

  it('resumes after an id, for topics and a channel, and resets who comes too late', async () => {
    const house = new HttpHouse();
    house.channels.push(aChannel());
    const chat = -1_001_032_086_354;
    for (const [topic, channelId] of [
      [`message.new.${chat}`, chat],
      ['job.completed'],
      ['message.new.-5', -5],
      [`message.edited.${chat}`, chat],
    ] as const)
      house.tell(topic, channelId === undefined ? {} : { channelId });
    const { open } = await listening(house);
    const client = await open();
    client.say({ type: 'hello', topics: ['message.*'], channelId: '@habr_com', lastEventId: 0 });
    expect((await client.first(4)).slice(2).map(({ id }) => id)).toEqual([1, 4]);
    house.oldestEvent = 3;
    const late = await open();
    late.say({ type: 'subscribe', lastEventId: 1 });
    expect((await late.first(3))[2]).toEqual({ version: 1, id: 4, topic: 'reset', requested: 1, oldest: 3 });
  });

  it('lets a client wish otherwise, and goes on where it stood', async () => {
    const house = new HttpHouse();
    const { open } = await listening(house);
    const client = await open();
    client.say({ type: 'hello' });
    client.say({ type: 'subscribe', topics: ['job'] });
    await client.first(2);
    house.tell('job.queued');
    house.tell('gap.healed');
    await client.first(3);
    client.say({ type: 'subscribe', topics: ['gap'], lastEventId: 1 });
    await client.first(5);
    house.tell('job.completed');
    house.tell('gap.detected');
    await client.first(6);
    expect(client.events.map(({ topic }) => topic)).toEqual(['job.queued', 'gap.healed', 'gap.detected']);
    client.say({ type: 'subscribe' });
    await client.first(7);
    house.tell('job.failed');
    expect((await client.first(8)).slice(6)).toMatchObject([{ topic: 'subscribed', id: 4 }, { topic: 'job.failed' }]);
    expect(house.hub.figures.subscribers).toBe(1);
  });

  it.each([
    ['no JSON', 'hello', 4400, 'INVALID_JSON'],
    ['a list', '[]', 4400, 'INVALID_REQUEST'],
    ['an unknown type', { type: 'hallo' }, 4400, 'INVALID_REQUEST'],
    ['an unknown field', { type: 'hello', x: 1 }, 4400, 'INVALID_REQUEST'],
    ['a misspelt topic', { type: 'subscribe', topics: ['mesage.new'] }, 4400, 'INVALID_REQUEST'],
    ['a channel that is not stored', { type: 'subscribe', channelId: '@nobody_here' }, 4404, 'NOT_FOUND'],
  ])('ends with the reason who says %s', async (_what, message, code, error) => {
    const { open } = await listening(new HttpHouse());
    const client = await open();
    client.say(message);
    expect(await client.closed).toEqual({ code, reason: error });
    expect(client.heard.at(-1)).toMatchObject({ topic: 'error', error: { code: error, message: expect.stringMatching(/./) } });
  });

  it('names the topics there are to who misspelt one', async () => {
    const { open } = await listening(new HttpHouse());
    const client = await open();
    client.say({ type: 'subscribe', topics: ['mesage.new'] });
    await client.closed;
    expect(client.heard.at(-1)).toMatchObject({ error: { field: 'topics', message: expect.stringContaining('message.new') } });
  });

  it('cuts off a message that is too large', async () => {
    const { open } = await listening(new HttpHouse());
    const client = await open();
    client.say(`{"type":"${'x'.repeat(20_000)}"}`);
    expect((await client.closed).code).toBe(1009);
  });

  it('cuts off who does not read, tells why, and holds back a bounded part', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { open } = await listening(house);
    const slow = await open();
    slow.say({ type: 'subscribe' });
    await slow.first(2);
    slow.socket.pause();
    const text = 'x'.repeat(64 * 1024);
    for (let n = 1; n <= 300; n++) house.tell('job.progress', { n, text });
    await clock.advance(10_500);
    expect(house.hub.figures).toMatchObject({ subscribers: 0, cutOffs: { slow: 1 } });
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: 'slow' });
    const closed = slow.heard.at(-1);
    expect(closed).toMatchObject({ topic: 'closed', reason: 'slow', id: slow.events.length, retryMs: 1_000 });
    expect(slow.events.length).toBeLessThan(250);
    const again = await open();
    again.say({ type: 'subscribe', lastEventId: slow.events.length });
    await again.first(2 + 300 - slow.events.length);
    expect([...slow.events, ...again.events].map(({ n }) => n)).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
  });

  it('keeps the line alive, and lets go of who gives no sign of life', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { open } = await listening(house);
    const client = await open();
    client.say({ type: 'subscribe', topics: ['gap'] });
    await client.first(2);
    house.tell('job.completed');
    const pinged = once(client.socket, 'ping');
    await clock.advance(15_100);
    await pinged;
    expect((await client.first(3))[2]).toEqual({ version: 1, topic: 'heartbeat', id: 1 });
    const mute = await open({ autoPong: false });
    mute.say({ type: 'subscribe' });
    await mute.first(2);
    await clock.advance(31_000);
    expect((await mute.closed).code).toBe(1006);
  });

  it('ends with 1001 when the gateway stops, listening or not', async () => {
    const house = new HttpHouse();
    const { app, open } = await listening(house);
    const [idle, busy] = [await open(), await open()];
    busy.say({ type: 'subscribe' });
    await busy.first(2);
    await app.close();
    expect(await idle.closed).toEqual({ code: 1001, reason: 'stopping' });
    expect(await busy.closed).toEqual({ code: 1001, reason: 'stopping' });
    expect(busy.heard.at(-1)).toMatchObject({ topic: 'closed', reason: 'stopping' });
    expect(house.hub.figures).toMatchObject({ subscribers: 0, cutOffs: { stopping: 1 } });
  });

  it('says that the database is away to who resumes', async () => {
    const house = new HttpHouse();
    for (let n = 0; n < 3; n++) house.tell('job.completed');
    const { open } = await listening(house);
    house.storeGate = async () => {
      throw new VigiliaError('STORE_UNAVAILABLE', 'away');
    };
    const client = await open();
    client.say({ type: 'subscribe', lastEventId: 1 });
    expect(await client.closed).toEqual({ code: 1013, reason: 'store-unavailable' });
  });

  it('refuses what is no upgrade, and goes on serving requests that ask for another one', async () => {
    const { app, port, refused } = await listening(new HttpHouse());
    const answer = await app.inject({ url: '/api/telegram-gateway/ws', headers: { host: 'localhost' } });
    expect([answer.statusCode, answer.headers.upgrade, answer.json().error.code]).toEqual([426, 'websocket', 'UPGRADE_REQUIRED']);
    expect(await refused({ upgrade: 'h2c' })).toMatchObject({ status: 426 });
    const other = await new Promise<number | undefined>((resolve) =>
      request({ port, path: '/health/live', headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .end(),
    );
    expect(other).toBe(200);
  });

  it('is nothing for the pages of other sites', async () => {
    const house = new HttpHouse();
    const { open, refused } = await listening(house);
    expect(await refused({ origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      body: expect.stringContaining('HOST_NOT_ALLOWED'),
    });
    expect(await refused({ host: 'rebound.example' })).toMatchObject({ status: 403 });
    await open({ origin: 'http://localhost:5173' });
    const guarded = await listening(house, { tokens: [READ], access: { corsOrigins: ['https://app.example'] } });
    expect(await guarded.refused({ origin: 'https://evil.example' })).toMatchObject({ status: 403 });
    expect(await guarded.refused({ origin: 'null' })).toMatchObject({ status: 403 });
    await guarded.open({ origin: 'https://app.example' });
    await guarded.open({ origin: `http://127.0.0.1:${guarded.port}` });
    await guarded.open();
  });
});

describe('…/ws where tokens are', () => {
  it('wants one in the first message, within five seconds', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { open } = await listening(house, { tokens: [READ] });
    const [silent, without, wrong, right] = [await open(), await open(), await open(), await open()];
    without.say({ type: 'subscribe' });
    expect(await without.closed).toEqual({ code: 4401, reason: 'UNAUTHORIZED' });
    wrong.say({ type: 'hello', token: 'wrong' });
    expect(await wrong.closed).toEqual({ code: 4401, reason: 'UNAUTHORIZED' });
    right.say({ type: 'hello', token: TOKEN });
    expect(await right.first(1)).toEqual([{ version: 1, topic: 'welcome', scope: 'read' }]);
    await clock.advance(5_000);
    expect(await silent.closed).toEqual({ code: 4408, reason: 'REQUEST_TIMEOUT' });
    right.say({ type: 'hello', token: TOKEN });
    expect(await right.closed).toEqual({ code: 4400, reason: 'INVALID_REQUEST' });
  });

  it('takes one in a header as well', async () => {
    const { open } = await listening(new HttpHouse(), { tokens: [READ] });
    const client = await open({ headers: { 'x-gateway-token': TOKEN } });
    client.say({ type: 'subscribe' });
    await client.first(2);
  });

  it('ends with the token: at once when it is revoked, in time when it expires', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const tokens = new GatewayTokens([READ, { scope: 'read', token: 'another-token-0123456' }]);
    const secret = 'a-secret-of-thirty-two-characters';
    const jwt = { secret, jwksUrl: null, issuer: null, audience: null, scopeClaim: 'scope' };
    const { open } = await listening(house, { tokens, access: { jwt } });
    const [idle, busy, other, signed] = [await open(), await open(), await open(), await open()];
    idle.say({ type: 'hello', token: TOKEN });
    busy.say({ type: 'subscribe', token: TOKEN });
    other.say({ type: 'subscribe', token: 'another-token-0123456' });
    const claims = { sub: 'anna', scope: 'read', exp: clock.now() / 1_000 + 60 };
    const payload = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' });
    signed.say({ type: 'subscribe', token: await payload.sign(new TextEncoder().encode(secret)) });
    await Promise.all([idle.first(1), busy.first(2), other.first(2), signed.first(2)]);
    tokens.replace([{ scope: 'read', token: 'another-token-0123456' }]);
    expect(await idle.closed).toEqual({ code: 4401, reason: 'token-revoked' });
    expect(await busy.closed).toEqual({ code: 4401, reason: 'token-revoked' });
    await clock.advance(91_000);
    expect(await signed.closed).toEqual({ code: 4401, reason: 'token-expired' });
    expect(other.socket.readyState).toBe(WebSocket.OPEN);
    expect(house.hub.figures.cutOffs).toMatchObject({ 'token-revoked': 1, 'token-expired': 1 });
  });

  it('counts what a token asks, over sockets too', async () => {
    const { open } = await listening(new HttpHouse(), { tokens: [READ], access: { rateLimit: 2 } });
    const client = await open();
    client.say({ type: 'hello', token: TOKEN });
    client.say({ type: 'subscribe' });
    client.say({ type: 'subscribe' });
    expect(await client.closed).toEqual({ code: 1013, reason: 'RATE_LIMITED' });
  });
});
