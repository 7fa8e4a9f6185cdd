import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const LINGER_MS = 2_000;
let clock: VirtualClock;
let app: App;
const sockets: Socket[] = [];

beforeEach(async () => {
  const house = new HttpHouse();
  clock = new VirtualClock();
  house.clock = clock;
  app = buildGateway(house.deps());
  await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

/** A client that asks for a WebSocket, never says anything after that, and never ends its side. */
function ask(path = '/api/telegram-gateway/ws'): Socket {
  const socket = connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  sockets.push(socket);
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  return socket;
}

async function answered(socket: Socket): Promise<string> {
  const [first] = (await once(socket, 'data')) as [Buffer];
  return first.toString();
}

/** What is said to one that is refused: all of it, to the end. */
async function refused(socket: Socket): Promise<string> {
  const ended = once(socket, 'end');
  const answer = await answered(socket);
  await ended;
  return answer;
}

describe('a listener that closes', () => {
  it('takes no WebSocket that arrives while those that are open go, and comes to its end', async () => {
    const open = ask();
    expect(await answered(open)).toMatch(/^HTTP\/1\.1 101 /);
    const goingAway = once(open, 'data');
    const closed = app.close();
    await goingAway;
    const late = await refused(ask());
    expect(late).toMatch(/^HTTP\/1\.1 503 /);
    expect(late).toMatch(/retry-after: \d+\r\n/);
    await clock.advance(LINGER_MS);
    await closed;
  });

  it('says at once that it is not ready any more, while it waits for open sockets', async () => {
    const open = ask();
    await answered(open);
    const goingAway = once(open, 'data');
    const closed = app.close();
    await goingAway;
    expect(await refused(ask('/health/ready'))).toMatch(/^HTTP\/1\.1 503 /);
    await clock.advance(LINGER_MS);
    await closed;
  });

  it('does not wait for a client that was refused an upgrade and never goes', async () => {
    expect(await refused(ask('/health/live'))).toMatch(/^HTTP\/1\.1 200 /);
    const closed = app.close();
    await clock.advance(LINGER_MS);
    await closed;
  });
});
