import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { HttpHouse } from '../support/http-house.ts';

let house: HttpHouse;
let app: App;
let port: number;
const sockets: Socket[] = [];

beforeEach(async () => {
  house = new HttpHouse();
  app = buildGateway(house.deps({ arrival: { headersMs: 150, requestMs: 400, checkEveryMs: 25 } }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

function dial(): Socket {
  const socket = connect(port, '127.0.0.1');
  // The far end may reset what is still being written.
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Everything that comes until the connection ends. */
async function heard(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await gone(socket);
  return Buffer.concat(chunks).toString();
}

async function say(text: string): Promise<string> {
  const socket = dial();
  const answer = heard(socket);
  socket.write(text);
  return await answer;
}

async function read(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

describe('over a real socket', () => {
  it.each([
    ['evil.example.org', '403'],
    ['', '403'],
    ['localhost', '200'],
  ])('Host %j is answered %s', async (host, status) => {
    expect(await say(`GET /api/state HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toContain(`HTTP/1.1 ${status}`);
  });

  it('a request without a Host is refused', async () => {
    expect(await say('GET /api/state HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect(await say('GET /api/state HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403/);
  });

  it('what is no HTTP is told so in our shape', async () => {
    const answer = await say('\u0016\u0003\u0001 garbage\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  });

  it('headers over 16 KiB are told so', async () => {
    const answer = await say(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431/);
    expect(answer).toContain('"HEADERS_TOO_LARGE"');
  });

  it('headers that never end are cut off', async () => {
    const answer = await say('GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(answer).toMatch(/^HTTP\/1\.1 408/);
    expect(answer).toContain('"REQUEST_TIMEOUT"');
  });

  it('a body that never ends is cut off', async () => {
    const answer = await say(
      'POST /api/telegram-gateway/sync-messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"chan',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
    expect(answer).toContain('"error":{"code":');
    expect(house.submitted).toEqual([]);
  });

  it.each([
    ['with its length', `Content-Length: ${5 * 2 ** 20}\r\n\r\n`, (part: string) => part],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`],
  ])('a huge body %s is refused without being read to its end', async (_how, head, frame) => {
    const socket = dial();
    const answer = heard(socket);
    socket.write(
      `POST /api/telegram-gateway/sync-messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${head}`,
    );
    const part = frame(' '.repeat(2 ** 16));
    for (let sent = 0; sent < 80 && socket.writable; sent++) {
      if (!socket.write(part)) await new Promise<void>((resolve) => socket.once('drain', resolve).once('close', () => resolve()));
    }
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1\.1 413[\s\S]*"BODY_TOO_LARGE"/);
  });
});

describe('closing', () => {
  it('lets the request in hand finish, then closes its kept-alive connection, and takes no new one', async () => {
    let release = (): void => {};
    house.storeGate = () => new Promise((resolve) => (release = resolve));
    const agent = new Agent({ keepAlive: true });
    const idle = dial();
    idle.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const inHand = request({ port, agent, path: '/api/telegram-gateway/jobs/sync-1' });
    const answered = once(inHand, 'response');
    inHand.end();
    while (house.asked.store === 0) await new Promise((resolve) => setImmediate(resolve));
    const idleClosed = gone(idle);
    const closed = app.close();
    await idleClosed;
    const refused = await new Promise<NodeJS.ErrnoException>((resolve) => get({ port }).on('error', resolve));
    expect(refused.code).toBe('ECONNREFUSED');
    release();
    const [response] = (await answered) as [IncomingMessage];
    expect(response.statusCode).toBe(404);
    expect(JSON.parse(await read(response)).error.code).toBe('NOT_FOUND');
    await closed;
    agent.destroy();
  });

  it('does not wait for half a request', async () => {
    const half = dial();
    half.write('GET /health/live HTTP/1.1\r\nHost: local');
    const kept = dial();
    kept.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(kept, 'data');
    const bothGone = Promise.all([gone(half), gone(kept)]);
    await app.close();
    await bothGone;
  });
});
