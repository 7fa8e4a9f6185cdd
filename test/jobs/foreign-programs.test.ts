import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Delivery } from '../../src/actors/broker/rabbitmq/consumer.ts';
import type { OutgoingMessage } from '../../src/actors/broker/rabbitmq/publisher.ts';
import {
  DEAD_QUEUE,
  EVENTS_EXCHANGE,
  REQUESTS_QUEUE,
  RESPONSES_QUEUE,
  SYNC_TOPOLOGY,
} from '../../src/actors/broker/rabbitmq/sync-topology.ts';
import type { BoundQueue } from '../../src/actors/broker/rabbitmq/topology.ts';
import type { EventTopic } from '../../src/event-topics.ts';
import type { JsonObject, Store } from '../../src/ports.ts';
import { step } from '../store/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { Program, temporaryFolder, until, writeWorld } from '../support/program.ts';
import { describeRabbitmq, PrivateRabbitmq } from '../support/rabbitmq.ts';
import { ForeignHouse } from './foreign-house.ts';
import { openTestStore } from './job-house.ts';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 });

const JSON_REQUEST = { exchange: '', routingKey: REQUESTS_QUEUE, mandatory: true } as const;
const queueOf = (name: string): BoundQueue => SYNC_TOPOLOGY.queues?.find((queue) => queue.name === name) as BoundQueue;

/** What a test looks at of a message. */
interface Seen {
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly type: string | undefined;
  readonly key: string;
}

describeRabbitmq('other programs', () => {
  let server: PrivateRabbitmq;
  let store: Store;
  let house: ForeignHouse;
  /** Another program's connection is like ours. */
  let other: ForeignHouse;
  const houses: ForeignHouse[] = [];

  beforeAll(async () => {
    [server, store] = await Promise.all([PrivateRabbitmq.start(), openTestStore()]);
    for (const account of ['main', 'second']) await store.ensureAccount(account);
  });
  afterEach(async () => {
    for (const one of houses.splice(0)) await one.stop();
  });
  afterAll(async () => {
    await store?.close();
    await server?.remove();
  });

  async function open(owner: string = randomUUID()): Promise<ForeignHouse> {
    const opened = new ForeignHouse(store, server.url, owner);
    houses.push(opened);
    await opened.start();
    await until(async () => opened.opened.connection.isUsable || undefined);
    return opened;
  }

  async function openProgram(): Promise<void> {
    other = new ForeignHouse(store, server.url, 'other');
    houses.push(other);
    await other.opened.connection.connect();
  }

  /** Consumes a queue and acknowledges all. @returns what came, as it comes */
  async function listen(queue: BoundQueue): Promise<Seen[]> {
    const seen: Seen[] = [];
    const onDelivery = (delivery: Delivery): void => {
      const { body, headers, messageId, correlationId, type, routingKey: key } = delivery;
      const text = body.toString();
      seen.push({ body: parsed(text), text, headers, messageId, correlationId, type, key });
      delivery.ack();
    };
    const subscription = await other.opened.connection.consume({ queue, prefetch: 100, onDelivery });
    onTestFinished(() => subscription.end());
    return seen;
  }

  async function send(body: JsonObject | string, more: Partial<OutgoingMessage> = {}): Promise<void> {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    await other.opened.connection.publish({ ...JSON_REQUEST, messageId: randomUUID(), body: bytes, ...more });
  }

  /** Ends the worker; whatever it has not settled comes to the next one, before what is sent after it. */
  async function nothingIsLeft(): Promise<void> {
    await house.stop();
    house = await open();
    const last = jobId();
    await send(request(last));
    await until(() => store.findJob(last));
    await until(async () => house.tally.requests.stored === 1 || undefined);
    expect(house.tally.requests).toEqual({ stored: 1 });
  }

  const complete = (id: string, result: JsonObject) =>
    house.store.stepJob(id, (job) =>
      job.status === 'completed'
        ? undefined
        : {
            ...step({ status: 'completed', claim: null, dueAt: null, result, endedAt: Date.now() }, 'END'),
            outbox: [{ topic: 'job.completed', payload: { jobId: id } }],
          },
    );
  const jobId = (): string => `job-${randomUUID()}`;
  const request = (id: string, changes: JsonObject = {}): JsonObject => ({
    jobId: id,
    action: 'sync-messages',
    params: { channelId: '@habr_com', limit: 7 },
    ...changes,
  });

  test('ask, and ask again; what nobody can do anything with is a dead letter that says why, and is answered where it names a job', async () => {
    house = await open();
    await openProgram();
    const [dead, responses] = [await listen(queueOf(DEAD_QUEUE)), await listen(queueOf(RESPONSES_QUEUE))];
    const id = jobId();
    await send(request(id, { priority: 2, accountId: 'second' }), { correlationId: 'mine' });
    await send(request(id, { priority: 2, accountId: 'second' }));
    await send(request(id, { priority: 3 }));
    await send('{"jobId":', { headers: { 'x-theirs': 'kept' }, type: 'sync', messageId: 'm-1' });
    await send(request(id), { contentType: 'text/plain' });
    await send(request('fly', { action: 'fly' }), { correlationId: 'mine too' });
    await send(request('nobody', { accountId: 'nobody' }));
    await until(async () => (dead.length === 5 && responses.length === 3) || undefined);
    await until(async () => house.tally.requests.known === 1 || undefined);

    expect(await store.findJob(id)).toMatchObject({
      action: 'sync-messages',
      accountId: 'second',
      priority: 2,
      status: 'queued',
      params: { channelId: 'habr_com', limit: 7, force: false },
    });
    expect(house.tally.requests).toEqual({
      stored: 1,
      known: 1,
      JOB_ID_TAKEN: 1,
      INVALID_JSON: 1,
      UNSUPPORTED_MEDIA_TYPE: 1,
      UNKNOWN_ACTION: 1,
      UNKNOWN_ACCOUNT: 1,
    });
    const letter = (code: string): Seen | undefined => dead.find(({ headers }) => headers['x-vigilia-code'] === code);
    expect(letter('INVALID_JSON')).toMatchObject({
      text: '{"jobId":',
      messageId: 'm-1',
      type: 'sync',
      headers: {
        'x-theirs': 'kept',
        'x-vigilia-reason': 'The body is not JSON in UTF-8.',
        'x-vigilia-exchange': '',
        'x-vigilia-routing-key': REQUESTS_QUEUE,
        'x-vigilia-time': expect.stringMatching(/^\d{4}-.*Z$/),
      },
    });
    expect(letter('JOB_ID_TAKEN')?.body).toEqual(request(id, { priority: 3 }));
    const answer = (code: string): Seen | undefined => responses.find(({ body }) => (body.error as JsonObject).code === code);
    expect(answer('UNKNOWN_ACTION')).toMatchObject({
      body: {
        jobId: 'fly',
        status: 'failed',
        error: { code: 'UNKNOWN_ACTION', message: 'there is no action fly' },
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      correlationId: 'mine too',
    });
    expect(answer('JOB_ID_TAKEN')?.body.jobId).toBe(id);
    expect(answer('UNKNOWN_ACCOUNT')?.body.jobId).toBe('nobody');
    await nothingIsLeft();
  });

  test('are answered when the job has ended, and again with the same message where the first word of it was lost with the worker', async () => {
    house = await open('worker');
    await openProgram();
    const [dead, responses] = [await listen(queueOf(DEAD_QUEUE)), await listen(queueOf(RESPONSES_QUEUE))];
    const [done, lost, failed] = [jobId(), jobId(), jobId()];
    await send(request(done), { correlationId: 'mine' });
    for (const id of [lost, failed]) await send(request(id));
    for (const id of [done, lost, failed]) await until(() => store.findJob(id));
    await complete(done, { count: 2, messages: [{ id: 1, text: 'Olá' }] });
    await until(async () => responses.length === 1 || undefined);
    expect(responses[0]).toMatchObject({
      body: {
        jobId: done,
        status: 'completed',
        result: { count: 2, messages: [{ id: 1, text: 'Olá' }] },
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      messageId: `response-${done}`,
      correlationId: 'mine',
      type: 'response',
    });
    expect(responses[0]?.body).not.toHaveProperty('error');

    // Published, and killed before that is noted.
    house.broken.add('noteAnswered');
    await complete(lost, { count: 0 });
    await until(async () => responses.length >= 2 || undefined);
    await house.stop();
    house = await open('worker');
    const again = responses.length;
    await until(async () => responses.length > again || undefined);
    const error = { code: 'CHANNEL_NOT_FOUND', fault: 'permanent', message: 'no such channel' } as const;
    await house.store.stepJob(failed, () => ({
      ...step({ status: 'failed', claim: null, dueAt: null, error, attempts: 1, endedAt: Date.now() }, 'FAIL'),
      outbox: [{ topic: 'job.failed', payload: { jobId: failed } }],
    }));
    await until(async () => responses.some(({ body }) => body.jobId === failed) || undefined);

    expect(new Set(responses.slice(1, -1).map(({ messageId }) => messageId))).toEqual(new Set([`response-${lost}`]));
    expect(new Set(responses.slice(1, -1).map(({ text }) => text)).size).toBe(1);
    expect(responses.at(-1)?.body).toMatchObject({
      status: 'failed',
      error: { code: 'CHANNEL_NOT_FOUND', message: 'no such channel' },
    });
    expect(dead).toHaveLength(1);
    expect(dead[0]).toMatchObject({
      body: { jobId: failed, action: 'sync-messages', params: { channelId: 'habr_com' } },
      headers: { 'x-vigilia-code': 'CHANNEL_NOT_FOUND', 'x-retry-count': 0 },
    });
    const history = JSON.parse(String(dead[0]?.headers['x-vigilia-history'])) as { event: string }[];
    expect(history.map(({ event }) => event)).toEqual(['SUBMIT', 'FAIL']);
    await house.stop();
    const answered = responses.length;
    house = await open('worker');
    await until(async () => house.tally.standing !== undefined || undefined);
    expect(responses).toHaveLength(answered);
  });

  test('wait with their requests in the queue while the database is away, and lose none', async () => {
    house = await open();
    await openProgram();
    for (const method of ['insertForeignJob', 'proveWrite']) house.broken.add(method);
    const ids = Array.from({ length: 50 }, jobId);
    await Promise.all(ids.map((id) => send(request(id))));
    await until(async () => house.tally.pausedBy !== undefined || undefined);
    expect(house.tally.evidence()).toMatchObject({ requests: { pausedBy: 'the test took the database away' } });
    expect(house.tally.requests).toEqual({});
    await until(async () => house.opened.connection.evidence().consumers === 0 || undefined);
    house.broken.clear();
    for (const id of ids) await until(() => store.findJob(id));
    await until(async () => house.tally.pausedBy === undefined || undefined);
    const { stored = 0, known = 0 } = house.tally.requests;
    expect(stored).toBe(ids.length);
    expect(known).toBe(0);
    await nothingIsLeft();
  });

  test('hear every event in its order, over a broker that is away for a while, and go on where the worker before them stopped', async () => {
    const queue: BoundQueue = {
      name: 'listener',
      type: 'quorum',
      bindings: [
        { exchange: EVENTS_EXCHANGE, pattern: 'message.*.-7' },
        { exchange: EVENTS_EXCHANGE, pattern: 'job.#' },
      ],
    };
    house = await open('worker');
    await openProgram();
    await until(async () => house.tally.standing !== undefined || undefined);
    await other.opened.connection.declare({ queues: [queue] });
    const before = house.tally.standing?.position ?? 0;
    let told = 0;
    const tell = async (events: number, topic: EventTopic = 'message.new.-7'): Promise<void> => {
      const entries = Array.from({ length: events }, () => ({ topic, payload: { channelId: -7, n: ++told } }));
      await house.store.transaction((tx) => tx.appendOutbox(entries));
    };
    await tell(300);
    await until(async () => house.tally.published >= 100 || undefined);
    // As a restart does it. Killed so soon after it was declared, the listener’s queue itself might not come back.
    await server.ctl('stop_app');
    await tell(300);
    await tell(1, 'message.new.-8');
    await until(async () => house.tally.eventsHeldBy !== undefined || undefined);
    await until(async () => (house.tally.evidence().events as { lag: number }).lag >= 301 || undefined);
    await other.opened.broker.close();
    await server.ctl('start_app');
    await until(async () => (house.tally.evidence().events as { lag: number }).lag === 0 || undefined);
    expect(house.tally.eventsHeldBy).toBeUndefined();
    await tell(10);
    await tell(1, 'job.completed');
    await house.stop();
    house = await open('worker');
    await until(async () => house.tally.standing !== undefined || undefined);
    expect(house.tally.standing).toEqual({ position: before + told, head: before + told, since: null });
    await openProgram();
    const seen = await listen(queue);
    await until(async () => seen.some(({ key }) => key === 'job.completed') || undefined);
    const first = new Map<number, Seen>();
    for (const one of seen) if (!first.has(one.body.id as number)) first.set(one.body.id as number, one);
    const positions = [...first.keys()];
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const wanted = Array.from({ length: told }, (_, at) => before + at + 1).filter((position) => position !== before + 601);
    expect(positions).toEqual(wanted);
    expect(first.get(before + 1)).toMatchObject({
      body: { version: 1, id: before + 1, topic: 'message.new.-7', at: expect.stringMatching(/Z$/), channelId: -7, n: 1 },
      messageId: String(before + 1),
      type: 'message.new',
      key: 'message.new.-7',
    });
    for (const { body, messageId } of seen) expect(messageId).toBe(String(body.id));
  });

  test('may have a queue that is full and refuses: events wait for it and say so, and nothing else does', async () => {
    house = await open();
    await openProgram();
    await until(async () => house.tally.standing !== undefined || undefined);
    const full: BoundQueue = {
      name: 'full',
      type: 'quorum',
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
      bindings: [{ exchange: EVENTS_EXCHANGE, pattern: 'job.#' }],
    };
    await other.opened.connection.declare({ queues: [full] });
    await house.store.transaction((tx) =>
      tx.appendOutbox(Array.from({ length: 300 }, () => ({ topic: 'job.progress', payload: {} }))),
    );
    await until(async () => house.tally.eventsHeldBy !== undefined || undefined);
    expect(house.tally.evidence()).toMatchObject({ events: { heldBy: expect.stringContaining('its queue is full') } });
    const [dead, responses] = [await listen(queueOf(DEAD_QUEUE)), await listen(queueOf(RESPONSES_QUEUE))];
    const id = jobId();
    await send(request(id));
    await send('garbage');
    await until(() => store.findJob(id));
    await complete(id, { count: 0 });
    await until(async () => (responses.length === 1 && dead.length === 1) || undefined);
    expect(house.opened.health()).toMatchObject({ state: 'up', breaker: 'closed' });
    await other.opened.connection.deleteQueue(full.name);
    await until(async () => (house.tally.evidence().events as { lag: number }).lag === 0 || undefined);
    expect(house.tally.eventsHeldBy).toBeUndefined();
  });

  test('are told by one worker at a time', async () => {
    house = await open('one');
    await until(async () => house.tally.standing !== undefined || undefined);
    const second = await open('two');
    expect(second.tally.evidence()).toMatchObject({ events: { publishes: false } });
    await house.stop();
    await until(async () => second.tally.standing !== undefined || undefined);
    expect(house.tally.evidence()).toMatchObject({ events: { publishes: false } });
  });

  test('deal with the program as it is started, which shows in its health and metrics', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const world = await writeWorld(folder, [{ username: 'news', title: 'News', kind: 'channel', messages: 120, seed: 4 }]);
    const env = { HTTP_PORT: String(await freePort()), SIMULATOR_WORLD: world, RABBITMQ_URL: server.url };
    const program = new Program(['start'], env, folder);
    onTestFinished(() => program.kill());
    await openProgram();
    const heard: BoundQueue = {
      name: 'heard',
      type: 'quorum',
      bindings: [{ exchange: EVENTS_EXCHANGE, pattern: 'job.completed' }],
    };
    const [responses, events] = [await listen(queueOf(RESPONSES_QUEUE)), await listen(heard)];
    const [id, never] = [jobId(), jobId()];
    await send(request(id, { params: { channelId: 'news', limit: 110 } }));
    await send(request(never, { params: { channelId: 'nowhere_at_all' } }));
    await program.healthy();
    await until(async () => (responses.length >= 2 && events.length >= 1) || undefined);
    const [done] = responses.filter(({ body }) => body.jobId === id);
    expect(done?.body).toMatchObject({
      status: 'completed',
      result: { count: 110, more: expect.stringMatching(/^\/api\/telegram-gateway\/channels\/-100\d+\/messages$/) },
    });
    expect((done?.body.result as { messages: unknown[] } | undefined)?.messages).toHaveLength(100);
    expect(responses.find(({ body }) => body.jobId === never)?.body).toMatchObject({
      status: 'failed',
      error: { code: 'CHANNEL_NOT_FOUND' },
    });
    expect(events[0]).toMatchObject({
      key: 'job.completed',
      body: { version: 1, topic: 'job.completed', jobId: id, status: 'completed' },
    });
    expect(await program.get(`/api/telegram-gateway/jobs/${id}`)).toMatchObject({ status: 200, body: { status: 'completed' } });
    const health = await until(async () => {
      const { broker } = (await program.health()).report.dependencies;
      return (broker.events as { lag: number }).lag === 0 ? broker : undefined;
    });
    expect(health).toMatchObject({
      kind: 'rabbitmq',
      state: 'up',
      requests: { stored: 2 },
      answers: { sent: 2, owed: 0 },
      events: { publishes: true, lag: 0, lagMs: 0 },
    });
    const { text: metrics } = await program.ask('/metrics');
    for (const line of [
      /^vigilia_foreign_requests_total\{outcome="stored"\} 2$/m,
      /^vigilia_foreign_answers_total 2$/m,
      /^vigilia_publisher_lag_events 0$/m,
    ])
      expect(metrics).toMatch(line);
    expect(await program.stop()).toBe(0);
    expect(responses).toHaveLength(2);
  });
});

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}
