import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LeaseHouse, untilServed } from '../lease/lease-house.ts';
import { describePostgres } from '../support/postgres.ts';
import { type Program, until } from '../support/program.ts';
import { describeRabbitmq, PrivateRabbitmq } from '../support/rabbitmq.ts';

// A server that takes ten seconds to start, twice, and three programs.
vi.setConfig({ testTimeout: 150_000, hookTimeout: 90_000 });

describePostgres('a gateway and a worker', () => {
  describeRabbitmq('with RabbitMQ between them', () => {
    let rabbit: PrivateRabbitmq;
    let house: LeaseHouse;
    const ends: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      const starting = PrivateRabbitmq.start().then((started) => {
        rabbit = started;
        ends.push(() => started.remove());
      });
      [house] = (await LeaseHouse.open([1], (end) => ends.push(end)).finally(() => starting)) as [LeaseHouse];
    });
    afterAll(async () => {
      for (const end of ends.reverse()) await end();
    });

    it('do jobs through it, accept them without it, and do those when it is back', async () => {
      const env = { RABBITMQ_URL: rabbit.url };
      const [worker, gateway] = [await house.worker('one', env), await house.gateway(env)];
      await untilServed(worker, house.accounts[0] ?? '');
      const brokerIs = (program: Program, state: string) =>
        until(async () => {
          const { status, report } = await program.health();
          return report.dependencies.broker.state === state ? { status, report } : undefined;
        });
      // The account's wake-ups, and what other programs ask for.
      await until(async () => (await brokerIs(worker, 'up')).report.dependencies.broker.consuming === 2 || undefined);
      const broker = await until(async () => {
        const found = (await worker.health()).report.dependencies.broker;
        return Number(found.consumers) > 0 && found.consuming === found.consumers ? found : undefined;
      });
      expect(broker).toMatchObject({
        kind: 'rabbitmq',
        state: 'up',
        breaker: 'closed',
        version: expect.stringMatching(/^\d+\.\d+/),
      });
      expect(broker).not.toHaveProperty('problems');
      await brokerIs(gateway, 'up');
      await until(async () => ((await gateway.health()).report.status === 'ok' ? true : undefined));

      expect(await gateway.job(await gateway.sync('leased', 20))).toMatchObject({ status: 'completed', attempts: 1 });
      expect((await brokerIs(worker, 'up')).report.dependencies.broker.delivered).toBeGreaterThan(0);
      // A broker may deliver a message before it confirms it.
      await until(async () => ((await brokerIs(gateway, 'up')).report.dependencies.broker.confirmed ? true : undefined));
      // How much waits in a queue is known from the first look on.
      const text = await until(async () => {
        const { text } = await gateway.ask('/metrics');
        return text.includes('vigilia_broker_queue_ready{queue="telegram.sync.dead"}') ? text : undefined;
      });
      expect(text).toMatch(/vigilia_broker_messages_total\{outcome="confirmed"\} [1-9]/);
      expect(text).toContain('vigilia_broker_queue_ready{queue="telegram.sync.dead"} 0');
      expect(text).toContain('vigilia_breaker_state{name="broker",state="closed"} 1');

      // What the worker tells other programs wakes those who listen at the gateway.
      await until(async () =>
        Number((await brokerIs(gateway, 'up')).report.dependencies.broker.delivered) > 0 ? true : undefined,
      );

      await rabbit.settle();
      await rabbit.kill();
      expect(await brokerIs(gateway, 'down')).toMatchObject({ status: 200, report: { status: 'degraded' } });
      await brokerIs(worker, 'down');
      expect((await gateway.ask('/health/ready')).status).toBe(200);
      const waiting = await Promise.all([1, 2, 3].map(() => gateway.sync('leased', 20)));
      for (const job of waiting) expect((await gateway.get(job)).body).toMatchObject({ status: 'queued', attempts: 0 });

      await rabbit.start();
      const backAt = performance.now();
      for (const job of waiting) expect(await gateway.job(job)).toMatchObject({ status: 'completed', attempts: 1 });
      console.info(`RabbitMQ: jobs that waited for it are done ${Math.round(performance.now() - backAt)} ms after it is back`);
      await until(async () => ((await gateway.health()).report.status === 'ok' ? true : undefined));

      expect([await gateway.stop(), await worker.stop()]).toEqual([0, 0]);
      for (const { stdout, stderr } of [gateway, worker]) expect(stdout + stderr).not.toContain('amqp://');
    });
  });
});
