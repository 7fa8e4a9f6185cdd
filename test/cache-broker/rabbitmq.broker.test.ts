import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Breaker } from '../../src/actors/breaker.ts';
import { brokerLinkSpec } from '../../src/actors/broker/rabbitmq/broker-link.actor.ts';
import type { Delivery } from '../../src/actors/broker/rabbitmq/consumer.ts';
import { type OpenedRabbitmqBroker, openRabbitmqBroker } from '../../src/actors/broker/rabbitmq/open-rabbitmq-broker.ts';
import type { OutgoingMessage } from '../../src/actors/broker/rabbitmq/publisher.ts';
import { RabbitConnection } from '../../src/actors/broker/rabbitmq/rabbit-connection.ts';
import { DEAD_QUEUE, EVENTS_EXCHANGE } from '../../src/actors/broker/rabbitmq/sync-topology.ts';
import type { BoundQueue } from '../../src/actors/broker/rabbitmq/topology.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { systemClock } from '../../src/clock.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { parseRabbitmqUrl, type RabbitAddress } from '../../src/rabbitmq-url.ts';
import { until } from '../support/program.ts';
import { describeRabbitmq, PrivateRabbitmq } from '../support/rabbitmq.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { brokerContract } from './broker.contract.ts';

/** For a machine that has more to do. */
const WAIT = { timeout: 30_000 };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const atEnd = <T extends { close(): Promise<unknown> }>(closing: T): T => {
  ends.push(() => closing.close());
  return closing;
};

/** A connection that nobody but the test looks after. */
function unconnected(url: string, { heartbeatS, log = silentLog }: { heartbeatS?: number; log?: Log } = {}): RabbitConnection {
  const breaker = new Breaker({ name: 'rabbitmq', leastCalls: 1_000_000 });
  const address = parseRabbitmqUrl(url) as RabbitAddress;
  return new RabbitConnection({ address, clock: systemClock, log, breaker, ...(heartbeatS && { heartbeatS }) });
}

async function connected(url: string, log = silentLog): Promise<RabbitConnection> {
  const connection = atEnd(unconnected(url, { log }));
  await connection.connect();
  return connection;
}

/** A broker whose link runs, as in the program. */
async function linked(url: string, patience: { patienceMs?: number } = {}): Promise<OpenedRabbitmqBroker> {
  const opened = openRabbitmqBroker(url, { clock: systemClock, log: silentLog, ...patience });
  const deps = { clock: systemClock, random: () => 0.05, log: silentLog, registry: new Registry(systemClock) };
  const system = startSystem(
    { children: [brokerLinkSpec(opened.connection, opened.status, { ...deps, patienceMs: () => 1_000 })] },
    deps,
  );
  ends.push(async () => {
    await system.stop();
    await opened.broker.close();
  });
  await system.started;
  return opened;
}

const reaches = ({ health }: OpenedRabbitmqBroker, state: string): Promise<true> =>
  until(async () => health().state === state || undefined);

const quorum = (name = `test.${randomUUID()}`): BoundQueue => ({ name, type: 'quorum' });

const to = (queue: BoundQueue, text: string, overrides: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  exchange: '',
  routingKey: queue.name,
  body: Buffer.from(text),
  mandatory: true,
  messageId: text,
  ...overrides,
});

/** Consumes a queue and acknowledges all. @returns the texts that came, as they come */
async function collect(
  connection: RabbitConnection,
  queue: BoundQueue,
  more: Partial<{ hold: boolean }> = {},
): Promise<Delivery[]> {
  const seen: Delivery[] = [];
  const subscription = await connection.consume({
    queue,
    prefetch: 100,
    onDelivery: (delivery) => {
      seen.push(delivery);
      if (!more.hold) delivery.ack();
    },
  });
  expect(subscription.state).toBe('consuming');
  return seen;
}

const texts = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ body }) => body.toString());

describeRabbitmq('RabbitMQ', () => {
  let rabbit: PrivateRabbitmq;
  let admin: RabbitConnection;
  beforeAll(async () => {
    rabbit = await PrivateRabbitmq.start();
    admin = unconnected(rabbit.url);
    await admin.connect();
  });
  afterAll(async () => {
    await admin?.close();
    await rabbit?.remove();
  });

  describe('as a broker of wake-ups', () => {
    brokerContract(async () => {
      for (const account of ['main', 'other']) await admin.deleteQueue(`telegram.account.${account}`);
      const opened = openRabbitmqBroker(rabbit.url, { clock: systemClock, log: silentLog });
      await opened.connection.connect();
      return opened.broker;
    });
  });

  describe('publishing', () => {
    test('sends in the order of the calls, however many at once, and holds back what is beyond its window', async () => {
      const connection = await connected(rabbit.url);
      const queue = quorum();
      const seen = await collect(connection, queue);
      const ids = Array.from({ length: 2_000 }, (_, at) => String(at));
      const published = ids.map((id) => connection.publish(to(queue, id)));
      const full = await vi.waitFor(
        () => {
          const evidence = connection.evidence() as { waiting: number; unconfirmed: number; confirmed: number };
          expect(evidence.unconfirmed).toBe(256);
          return evidence;
        },
        { interval: 1 },
      );
      expect(full.waiting).toBeGreaterThan(0);
      expect(full.waiting + full.unconfirmed + full.confirmed).toBe(ids.length);
      await Promise.all(published);
      await until(async () => seen.length === ids.length || undefined);
      expect(texts(seen)).toEqual(ids);
      expect(connection.evidence()).toMatchObject({ unconfirmed: 0, waiting: 0, confirmed: ids.length, delivered: ids.length });
    });

    test('says when there is no queue, for the message it is true of', async () => {
      const connection = await connected(rabbit.url);
      const [there, missing] = [quorum(), quorum()];
      await connection.ensure(there);
      const outcomes = await Promise.allSettled(
        [there, missing, there, missing].map((queue) => connection.publish(to(queue, 'the same id'))),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
      expect(outcomes[1]).toMatchObject({
        reason: { code: 'BROKER_UNROUTABLE', message: expect.stringContaining(missing.name) },
      });
      await connection.publish(to(missing, 'nobody listens, and that is fine', { mandatory: false }));
      expect(connection.evidence()).toMatchObject({ confirmed: 3, returned: 2 });
    });

    test('says when a full queue does not take a message', async () => {
      const connection = await connected(rabbit.url);
      const queue: BoundQueue = { ...quorum(), arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } };
      await connection.ensure(queue);
      // A quorum queue notices that it is full a little later.
      const refused = await until(async () => {
        const publishing = ['a', 'b', 'c'].map((text) => connection.publish(to(queue, text)));
        return (await Promise.allSettled(publishing)).find(({ status }) => status === 'rejected');
      });
      expect(refused).toMatchObject({ reason: { code: 'BROKER_UNAVAILABLE', message: expect.stringContaining('full') } });
      expect(connection.evidence().rejected).toBeGreaterThan(0);
    });

    test('goes on after an exchange was deleted, which is made anew', async () => {
      const connection = await connected(rabbit.url);
      const exchange = `test.${randomUUID()}`;
      await connection.declare({ exchanges: [{ name: exchange, type: 'topic' }] });
      const event = (messageId: string): OutgoingMessage => ({
        exchange,
        routingKey: 'a.b',
        body: Buffer.from('{}'),
        mandatory: false,
        messageId,
      });
      await connection.publish(event('1'));
      await rabbit.ctl('eval', `rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"${exchange}">>), false, <<"test">>).`);
      await expect(connection.publish(event('2'))).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        message: expect.stringContaining(`no exchange '${exchange}'`),
      });
      await until(() =>
        connection.publish(event('3')).then(
          () => true as const,
          () => undefined,
        ),
      );
    });

    test('a message that cannot be encoded is a defect of ours, and costs nothing else', async () => {
      const connection = await connected(rabbit.url);
      const queue = quorum();
      await connection.ensure(queue);
      const tooMuch = connection.publish(to(queue, 'x', { headers: { all: 'x'.repeat(100_000) } }));
      await expect(tooMuch).rejects.toMatchObject({ code: 'INTERNAL' });
      await connection.publish(to(queue, 'y'));
    });

    test('without a connection fails at once', async () => {
      const connection = atEnd(unconnected(rabbit.url));
      await expect(connection.publish(to(quorum(), 'x'))).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    });
  });

  describe('consuming', () => {
    test('a callback that throws, or rejects, costs nothing but its delivery: that comes again once, then goes to the dead letters', async () => {
      const error = vi.fn();
      const connection = await connected(rabbit.url, { ...silentLog, error });
      const dead = quorum();
      const queue: BoundQueue = {
        ...quorum(),
        arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead.name },
      };
      const buried = await collect(connection, dead);
      const seen: Delivery[] = [];
      await connection.consume({
        queue,
        prefetch: 10,
        onDelivery: (delivery) => {
          seen.push(delivery);
          if (delivery.messageId === 'throws') throw new Error('a defect');
          if (delivery.messageId === 'rejects') return Promise.reject(new Error('another'));
          delivery.ack();
          return;
        },
      });
      for (const text of ['throws', 'rejects', 'fine']) await connection.publish(to(queue, text));
      await until(async () => buried.length === 2 || undefined);
      expect(texts(seen).sort()).toEqual(['fine', 'rejects', 'rejects', 'throws', 'throws']);
      expect(seen.filter(({ messageId }) => messageId === 'throws').map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1]);
      expect(error).toHaveBeenCalledTimes(4);
      expect(error).toHaveBeenCalledWith(
        expect.objectContaining({ messageId: 'throws', causes: ['a defect'] }),
        expect.anything(),
      );
      expect(connection.isConnected).toBe(true);
    });

    test('what is not settled comes again, to whoever comes next, and cannot be settled any more by who had it', async () => {
      const [one, other] = [await connected(rabbit.url), await connected(rabbit.url)];
      const queue = quorum();
      const held = await collect(one, queue, { hold: true });
      for (const text of ['a', 'b', 'c']) await one.publish(to(queue, text));
      await until(async () => held.length === 3 || undefined);
      expect(held[0]?.ack()).toBe(true);
      expect(held[0]?.ack()).toBe(false);
      const seen = await collect(other, queue);
      one.drop();
      await until(async () => seen.length === 2 || undefined);
      expect(texts(seen)).toEqual(['b', 'c']);
      expect(seen.every(({ redelivered }) => redelivered)).toBe(true);
      expect(held[1]?.ack()).toBe(false);
    });

    test('ending gives those in hand time to be settled, and gives back what is not', async () => {
      const connection = await connected(rabbit.url);
      const queue = quorum();
      const held: Delivery[] = [];
      const subscription = await connection.consume({ queue, prefetch: 2, onDelivery: (delivery) => void held.push(delivery) });
      for (const text of ['a', 'b', 'c']) await connection.publish(to(queue, text));
      await until(async () => held.length === 2 || undefined);
      const ending = subscription.end(50);
      expect(held[0]?.ack()).toBe(true);
      await ending;
      expect(held[1]?.ack()).toBe(false);
      expect(subscription.state).toBe('ended');
      const seen = await collect(connection, queue);
      await until(async () => seen.length === 2 || undefined);
      expect(texts(seen).sort()).toEqual(['b', 'c']);
    });

    test('goes on when its queue is deleted under it, bound as it was', async () => {
      const info = vi.fn();
      const connection = await connected(rabbit.url, { ...silentLog, info });
      const queue: BoundQueue = { ...quorum(), bindings: [{ exchange: 'amq.topic', pattern: `${randomUUID()}.#` }] };
      const seen = await collect(connection, queue);
      await admin.deleteQueue(queue.name);
      await vi.waitFor(() => expect(info).toHaveBeenCalledWith({ queue: queue.name }, 'a queue is consumed again'), WAIT);
      expect(connection.evidence()).toMatchObject({ consumers: 1, consuming: 1 });
      const [binding] = queue.bindings ?? [];
      await connection.publish(
        to(queue, 'bound again', { exchange: 'amq.topic', routingKey: binding?.pattern.replace('#', 'x') ?? '' }),
      );
      await until(async () => seen.length === 1 || undefined);
    });

    test('a queue of its own is bound to the events, and gone with its connection', async () => {
      const connection = await connected(rabbit.url);
      await connection.declare({ exchanges: [{ name: EVENTS_EXCHANGE, type: 'topic' }] });
      const own: BoundQueue = {
        name: `telegram.gateway.${randomUUID()}`,
        type: 'exclusive',
        bindings: [{ exchange: EVENTS_EXCHANGE, pattern: 'message.*' }],
      };
      const seen = await collect(connection, own);
      const publish = (routingKey: string): Promise<void> =>
        connection.publish({
          exchange: EVENTS_EXCHANGE,
          routingKey,
          body: Buffer.from(routingKey),
          mandatory: false,
          messageId: routingKey,
        });
      for (const key of ['job.done', 'message.new']) await publish(key);
      await until(async () => seen.length === 1 || undefined);
      expect(texts(seen)).toEqual(['message.new']);
      await connection.close();
      await expect(admin.publish(to(own, 'x'))).rejects.toMatchObject({ code: 'BROKER_UNROUTABLE' });
    });
  });

  describe('what exists already', () => {
    const made = async (queue: BoundQueue): Promise<void> => admin.ensure(queue);

    test('is adopted where it differs only in what may differ, and refused, clearly, where it does not', async () => {
      const info = vi.fn();
      const connection = await connected(rabbit.url, { ...silentLog, info });
      const queue: BoundQueue = { ...quorum(), arguments: { 'x-max-length': 10, 'x-overflow': 'drop-head' } };
      await made(queue);
      await connection.ensure({
        ...queue,
        arguments: { 'x-message-ttl': 5_000 },
        adopts: ['x-max-length', 'x-overflow', 'x-message-ttl'],
      });
      expect(info).toHaveBeenCalledWith(
        { queue: queue.name, differsIn: expect.arrayContaining(['x-max-length', 'x-overflow', 'x-message-ttl']) },
        expect.any(String),
      );
      await expect(connection.ensure({ name: queue.name, type: 'quorum', adopts: ['x-overflow'] })).rejects.toMatchObject({
        code: 'BROKER_REFUSED',
        message: expect.stringMatching(new RegExp(`${queue.name} .*inequivalent arg 'x-max-length'.*delete it`)),
      });
    });

    test('a classic queue, or one that forgets, in place of a quorum queue', async () => {
      const connection = await connected(rabbit.url);
      const [classic, transient] = [quorum(), quorum()];
      const declare = (name: string, durable: boolean): Promise<string> =>
        rabbit.ctl(
          'eval',
          `rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"${name}">>), ${durable}, false, [], none, <<"test">>).`,
        );
      await declare(classic.name, true);
      await declare(transient.name, false);
      await connection.ensure({ ...classic, adopts: ['x-queue-type'] });
      await expect(connection.ensure(classic)).rejects.toMatchObject({ code: 'BROKER_REFUSED' });
      await expect(connection.ensure({ ...transient, adopts: ['x-queue-type'] })).rejects.toMatchObject({
        code: 'BROKER_REFUSED',
        message: expect.stringContaining("'durable'"),
      });
    });

    test('an exchange of another type is refused', async () => {
      const connection = await connected(rabbit.url);
      await connection.declare({ exchanges: [{ name: 'amq.fanout', type: 'topic' }] });
      expect(connection.evidence()).toMatchObject({ problems: [{ name: 'amq.fanout', code: 'BROKER_REFUSED' }] });
    });

    test('whoever may not declare uses what there is, and is told what he may not make', async () => {
      await rabbit.ctl(
        'eval',
        [
          'rabbit_auth_backend_internal:add_user(<<"modest">>, <<"modest-password">>, <<"test">>)',
          'rabbit_auth_backend_internal:set_permissions(<<"modest">>, <<"/">>, <<"^$">>, <<".*">>, <<".*">>, <<"test">>).',
        ].join(', '),
      );
      const queue = quorum();
      await made(queue);
      const connection = await connected(rabbit.urlAs('modest', 'modest-password'));
      const seen = await collect(connection, queue);
      await connection.publish(to(queue, 'x'));
      await until(async () => seen.length === 1 || undefined);
      await expect(connection.ensure(quorum())).rejects.toMatchObject({
        code: 'BROKER_REFUSED',
        message: expect.stringMatching(/access to queue .* refused for user 'modest'/),
      });
    });
  });

  test('what there has to be is made, takes the policies that are shipped, and is made anew when somebody deletes it', async () => {
    const opened = openRabbitmqBroker(rabbit.url, { clock: systemClock, log: silentLog });
    ends.push(() => opened.broker.close());
    await opened.connection.connect();
    await opened.broker.wake('main', 'x');
    const looked = async (): Promise<Record<string, number> | undefined> => {
      await opened.connection.check();
      const queues = opened.health().queues as Record<string, number> | undefined;
      return Object.keys(queues ?? {}).length === 3 ? queues : undefined;
    };
    expect(await until(looked)).toEqual({ 'telegram.sync.dead': 0, 'telegram.sync.requests': 0, 'telegram.sync.responses': 0 });
    expect(opened.health()).not.toHaveProperty('problems');
    await rabbit.ctl('import_definitions', fileURLToPath(new URL('../../ops/rabbitmq/policies.json', import.meta.url)));
    const listed = await until(async () => {
      const queues = await rabbit.ctl('list_queues', 'name', 'policy', 'type', '--no-table-headers');
      return queues.includes('telegram-account') ? queues : undefined;
    });
    for (const [name, policy] of [
      ['telegram.account.main', 'telegram-account'],
      ['telegram.sync.requests', 'telegram-requests'],
      ['telegram.sync.responses', 'telegram-responses'],
      ['telegram.sync.dead', 'telegram-dead'],
    ])
      expect(listed).toMatch(new RegExp(`${name}\\s+${policy}\\s+.*quorum`));
    await opened.connection.publish(to({ name: DEAD_QUEUE, type: 'quorum' }, 'x'));
    await admin.deleteQueue(DEAD_QUEUE);
    await until(async () => {
      await opened.connection.check();
      await opened.connection.publish(to({ name: DEAD_QUEUE, type: 'quorum' }, 'x'));
      return true as const;
    });
  });

  describe('a server that does not let us in', () => {
    test.each([
      ['its password', () => rabbit.urlAs('guest', 'not-that-one'), /user or the password of RABBITMQ_URL/],
      [
        'a virtual host that is none',
        () => rabbit.urlAs('guest', 'guest', 'not%2Fthere'),
        /virtual host "not\/there" of RABBITMQ_URL/,
      ],
    ])('for %s says so, and nobody is told the password', async (_why, url, words) => {
      const refused = await unconnected(url())
        .connect()
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'BROKER_REFUSED', message: expect.stringMatching(words) });
      expect(inspect(refused, { depth: 9 })).not.toContain('not-that-one');
    });

    test('because it is not there, or is none, says so', async () => {
      const proxy = atEnd(await TcpProxy.to(1));
      await expect(unconnected('amqp://127.0.0.1:1').connect()).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        message: expect.stringContaining('ECONNREFUSED'),
      });
      await expect(unconnected(`amqp://127.0.0.1:${proxy.port}`).connect()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    });
  });

  describe('that vanishes', () => {
    test('by kill -9 while it is published and consumed: nothing confirmed is lost, and all is as it was by itself once it is back', async () => {
      const { broker, connection, health } = await linked(rabbit.url);
      const ups = vi.fn();
      connection.onUp(ups);
      const opened = { broker, connection, health } as OpenedRabbitmqBroker;
      await reaches(opened, 'up');
      const queue = quorum();
      await connection.ensure(queue);
      const woken = new Set<string>();
      await broker.consume('killed', (id) => woken.add(id));
      await broker.wake('killed', 'before');
      await rabbit.settle();
      const confirmed: string[] = [];
      const failures: unknown[] = [];
      const publishing = Array.from({ length: 6_000 }, async (_, at) => {
        await connection.publish(to(queue, `m${at}`)).then(
          () => confirmed.push(`m${at}`),
          (error: unknown) => failures.push(error),
        );
      });
      await until(async () => confirmed.length > 200 || undefined);
      await rabbit.kill();
      await Promise.all(publishing);
      expect(failures.length).toBeGreaterThan(0);
      for (const error of failures)
        expect(error).toMatchObject({ code: expect.stringMatching(/^(BROKER_UNAVAILABLE|BREAKER_OPEN)$/) });
      // It is known at once, before anybody asks.
      expect(health()).toMatchObject({ state: 'down', reason: expect.stringContaining('RabbitMQ') });
      expect(broker.isReady()).toBe(false);
      await expect(broker.wake('killed', 'meanwhile')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
      // Who begins to consume meanwhile is served when it is back.
      const late = new Set<string>();
      await broker.consume('late', (id) => late.add(id));

      await rabbit.start();
      const startedAt = performance.now();
      await reaches(opened, 'up');
      console.info(`RabbitMQ: used again ${Math.round(performance.now() - startedAt)} ms after it was back`);
      expect(ups).toHaveBeenCalledTimes(1);
      await until(async () => health().consuming === 2 || undefined);
      await broker.wake('killed', 'after');
      await broker.wake('late', 'after');
      await until(async () => (woken.has('after') && late.has('after')) || undefined);
      expect(woken.has('before')).toBe(true);
      const seen = await collect(connection, queue);
      await until(async () => {
        const there = new Set(texts(seen));
        return confirmed.every((id) => there.has(id)) || undefined;
      });
      expect(confirmed.length).toBeGreaterThan(200);
    });

    test('by hanging: whoever publishes is told in time, and so is the link', async () => {
      const connection = await connected(rabbit.url);
      const queue = quorum();
      await connection.ensure(queue);
      rabbit.freeze();
      ends.push(async () => rabbit.thaw());
      const asked = performance.now();
      await expect(connection.publish(to(queue, 'x', { deadlineMs: 300 }))).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        message: expect.stringContaining('0.3 s'),
      });
      expect(performance.now() - asked).toBeLessThan(3_000);
      await expect(connection.check()).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        message: expect.stringContaining('5 s'),
      });
      rabbit.thaw();
      await connection.connect();
      await connection.publish(to(queue, 'y'));
    });

    test('a queue of wake-ups that does not answer is made anew, and keeps nobody else from publishing meanwhile', async () => {
      const opened = await linked(rabbit.url, { patienceMs: 300 });
      const { broker, connection } = opened;
      await reaches(opened, 'up');
      const woken: string[] = [];
      await broker.wake('silent', 'before');
      await rabbit.ctl('eval', "sys:suspend('%2F_telegram.account.silent').");
      const unheard = Array.from({ length: 300 }, () =>
        connection.publish(to({ name: 'telegram.account.silent', type: 'quorum' }, 'x', { deadlineMs: 200 })),
      );
      await Promise.all(unheard.map((publishing) => expect(publishing).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })));
      // Once the breaker lets it.
      const others = until(() =>
        broker.wake('other', 'x').then(
          () => true as const,
          () => undefined,
        ),
      );
      await broker.consume('silent', (id) => woken.push(id));
      await others;
      await until(async () => {
        await broker.wake('silent', 'after').catch(() => {});
        return woken.includes('after') || undefined;
      });
    });

    test('behind a network that is cut: the heartbeat notices, and nothing stays open', async () => {
      const proxy = atEnd(await TcpProxy.to(rabbit.port));
      const connection = atEnd(unconnected(rabbit.urlAs('guest', 'guest', '', proxy.port), { heartbeatS: 1 }));
      await connection.connect();
      const lost = new Promise((resolve) => connection.onLost(resolve));
      proxy.block();
      expect(await lost).toMatchObject({ code: 'BROKER_UNAVAILABLE', message: 'RabbitMQ: Heartbeat timeout' });
      expect(connection.isConnected).toBe(false);
      await expect(connection.check()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    });

    test('for want of memory: it is said at once, what is consumed goes on, and so does all when it has some again', async () => {
      const opened = await linked(rabbit.url);
      const { broker, connection, health } = opened;
      await reaches(opened, 'up');
      const queue = quorum();
      await connection.ensure(queue);
      await Promise.all(['a', 'b', 'c'].map((text) => connection.publish(to(queue, text))));
      const ups = vi.fn();
      connection.onUp(ups);
      await rabbit.ctl('set_vm_memory_high_watermark', '0.00001');
      ends.push(() => rabbit.ctl('set_vm_memory_high_watermark', '0.4'));
      // It tells whoever publishes.
      await until(async () => {
        await connection.publish(to(queue, 'unwanted', { deadlineMs: 500 })).catch(() => {});
        return connection.blocked;
      });
      expect(health()).toMatchObject({
        state: 'blocked',
        blocked: expect.stringContaining('memory'),
        reason: expect.any(String),
      });
      expect(broker.isReady()).toBe(false);
      await expect(connection.publish(to(queue, 'x'))).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        message: expect.stringContaining('memory'),
      });
      expect(await connection.check()).toBeGreaterThan(0);
      const seen = await collect(connection, queue);
      await until(async () => ['a', 'b', 'c'].every((text) => texts(seen).includes(text)) || undefined);
      await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
      await until(async () => (connection.blocked === undefined ? true : undefined));
      expect(ups).toHaveBeenCalledTimes(1);
      await connection.publish(to(queue, 'd'));
      expect(health()).toMatchObject({ state: 'up' });
    });
  });
});

describe('a RabbitMQ address', () => {
  const guest = { tls: false, username: 'guest', password: 'guest', vhost: '/' };

  test.each([
    ['amqp://localhost', { ...guest, host: 'localhost', port: 5672 }],
    ['amqps://[::1]/', { ...guest, tls: true, host: '::1', port: 5671 }],
    [
      'amqp://me:p%40ss%2F@mq.example:5673/%2Fa%2Fb',
      { tls: false, username: 'me', password: 'p@ss/', vhost: '/a/b', host: 'mq.example', port: 5673 },
    ],
    ['amqp://me@mq/x', { tls: false, username: 'me', password: '', vhost: 'x', host: 'mq', port: 5672 }],
  ])('%s', (url, address) => {
    expect(parseRabbitmqUrl(url)).toEqual(address);
  });

  test.each([
    'amqp://',
    'amqp:mq',
    'http://mq',
    'amqp://mq/a/b',
    'amqp://mq?heartbeat=0',
    'amqp://mq#x',
    'amqp://%zz@mq',
    'amqp://mq:99999',
  ])('%s is none', (url) => {
    expect(parseRabbitmqUrl(url)).toBeUndefined();
  });
});
