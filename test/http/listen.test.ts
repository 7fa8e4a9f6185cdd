import { afterEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { listen } from '../../src/http/listen.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { HttpHouse } from '../support/http-house.ts';

const apps: App[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

const gateway = (): App => {
  const app = buildGateway(new HttpHouse().deps());
  apps.push(app);
  return app;
};

describe('listening', () => {
  it('on port 0 takes a free one and says which', async () => {
    const url = await listen(gateway(), { host: '127.0.0.1', port: 0 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d{2,5}$/);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('on a port that is taken is refused, and names it', async () => {
    const port = Number(new URL(await listen(gateway(), { host: '127.0.0.1', port: 0 })).port);
    const ops = buildOps(new HttpHouse().deps());
    apps.push(ops);
    await expect(listen(ops, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it('on an address that is not ours is refused with the reason', async () => {
    await expect(listen(gateway(), { host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('EADDRNOTAVAIL'),
    });
  });
});
