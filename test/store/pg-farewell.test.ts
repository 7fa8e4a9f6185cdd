import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';

/** A message of PostgreSQL's protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const READY = [message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))];
const FAREWELL = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

it('a server that says good-bye in the packet of its welcome is a database that is away, and no end of the process', async () => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([...READY, FAREWELL])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  onTestFinished(() => void process.off('uncaughtException', note));

  const url = `postgresql://u:p@127.0.0.1:${port}/d`;
  const driver = openPgDriver({ url }, { clock: systemClock, log: silentLog });
  await expect(driver.query('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await driver.close();
  expect(uncaught).toEqual([]);
});
