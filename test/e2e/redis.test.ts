import { expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { Program, temporaryFolder, until, writeWorld } from '../support/program.ts';
import { describeRedis, PrivateRedis } from '../support/redis.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MESSAGES = '/api/telegram-gateway/channels/news/messages?limit=3';

describeRedis('a program with Redis', () => {
  it('reads from it, from the database while it is away, and from it again, and says so', async () => {
    const redis = await PrivateRedis.start();
    onTestFinished(() => redis.remove());
    const folder = await temporaryFolder(onTestFinished);
    const world = await writeWorld(folder, [{ username: 'news', title: 'News', kind: 'channel', messages: 20, seed: 4 }]);
    const env = { HTTP_PORT: String(await freePort()), SIMULATOR_WORLD: world, REDIS_URL: redis.url };
    const program = new Program(['start'], env, folder);
    onTestFinished(() => program.kill());
    await program.healthy();
    expect(await program.job(await program.sync('news', 20))).toMatchObject({ status: 'completed' });

    const source = async (): Promise<unknown> => {
      const { status, body, headers } = await program.get(MESSAGES);
      expect(status).toBe(200);
      expect((body as { messages: unknown[] }).messages).toHaveLength(3);
      return headers.get('x-source');
    };
    const isRead = (from: string): Promise<true> => until(async () => (await source()) === from || undefined);
    const cacheIs = (state: string) =>
      until(async () => {
        const { status, report } = await program.health();
        return report.dependencies.cache.state === state ? { status, report } : undefined;
      });

    await isRead('cache');
    expect(await redis.ask((client) => client.keys('telegram:messages:*'))).toHaveLength(1);
    expect((await cacheIs('up')).report).toMatchObject({
      status: 'ok',
      dependencies: { cache: { kind: 'redis', breaker: 'closed' } },
    });

    await redis.kill();
    expect(await source()).toBe('store');
    expect(await cacheIs('down')).toMatchObject({ status: 200, report: { status: 'degraded' } });
    expect(await source()).toBe('store');

    await redis.start();
    expect(await cacheIs('up')).toMatchObject({ status: 200 });
    await isRead('cache');
    expect((await program.health()).report.status).toBe('ok');
    expect(await program.stop()).toBe(0);
  });
});
