import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { Program, temporaryFolder } from '../support/program.ts';

/** Takes connections, and never says a word. */
async function silentServer(): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

it('a gateway whose servers all take connections and say nothing answers before the last of them was given up', async () => {
  const port = await silentServer();
  const program = new Program(
    ['start'],
    {
      VIGILIA_ROLE: 'gateway',
      // A gateway says what it serves, and never asks Telegram.
      TELEGRAM_API_ID: '1',
      TELEGRAM_API_HASH: '0'.repeat(32),
      DATABASE_URL: `postgresql://x:y@127.0.0.1:${port}/z`,
      RABBITMQ_URL: `amqp://x:y@127.0.0.1:${port}`,
      REDIS_URL: `redis://127.0.0.1:${port}`,
      HTTP_PORT: String(await freePort()),
      LOG_LEVEL: 'info',
    },
    await temporaryFolder(onTestFinished),
  );
  onTestFinished(() => program.kill());
  await program.logged(({ msg }) => msg === 'http is listening');
  expect((await program.ask('/health/live')).status).toBe(200);
  expect((await program.ask('/health/ready')).status).toBe(503);
  const { store, broker, cache } = (await program.health()).report.dependencies;
  for (const { state } of [store, broker, cache]) expect(['connecting', 'down']).toContain(state);
  await program.logged(({ msg }) => msg.startsWith('broker is down'));
  const order = program.log.map(({ msg }) => msg).filter((msg) => /^(http is listening|broker is down)/.test(msg));
  expect(order[0]).toBe('http is listening');
  expect(await program.stop()).toBe(0);
});
