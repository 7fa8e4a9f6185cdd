import { afterEach, describe, expect, it } from 'vitest';
import { EventHub } from '../../src/actors/events/event-hub.ts';
import { EventSource } from '../../src/actors/events/event-subscription.ts';
import { VigiliaError } from '../../src/errors.ts';
import { GatewayTokens } from '../../src/gateway-tokens.ts';
import { buildGateway } from '../../src/http/server.ts';
import { EventClient, type EventClientOptions } from '../support/event-client.ts';
import { type HouseChanges, HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const CHANNEL = -1_001_032_086_354;
const ENDS: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ENDS.splice(0).reverse()) await end();
});

async function listening(house: HttpHouse, changes: HouseChanges = {}) {
  const app = buildGateway(house.deps(changes));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  ENDS.push(() => app.close());
  const url = `${address}/api/telegram-gateway/events`;
  return {
    app,
    url,
    subscribe: async (options?: EventClientOptions) => {
      const client = await EventClient.open(url, options);
      ENDS.push(async () => client.close());
      return client;
    },
  };
}

describe('GET …/events', () => {
  it('tells what happens from now on, each event with its id, version and time', async () => {
    const house = new HttpHouse();
    house.tell('before');
    const { subscribe } = await listening(house);
    const client = await subscribe();
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    await client.until(({ lastEventId }) => lastEventId === '1');
    expect(client.retryMs).toBe(1_000);
    house.tell(`message.new.${CHANNEL}`, { channelId: CHANNEL, text: 'Olá\n"mundo" 🌍' });
    house.tell('job.completed', { jobId: 'sync-1', id: 'not this', version: 'nor this' });
    const [first, second] = await client.first(2);
    expect(first).toMatchObject({
      id: '2',
      event: 'message.new',
      data: {
        version: 1,
        id: 2,
        topic: `message.new.${CHANNEL}`,
        at: '2023-11-14T22:13:20.000Z',
        channelId: CHANNEL,
        text: 'Olá\n"mundo" 🌍',
      },
    });
    expect(second).toMatchObject({ id: '3', event: 'job.completed', data: { version: 1, id: 3, jobId: 'sync-1' } });
    expect(house.hub.figures).toMatchObject({ subscribers: 1, sent: 2 });
  });

  it.each([
    ['the header', { lastEventId: '2' }],
    ['the query', { query: 'lastEventId=2' }],
    ['the header rather than the query', { lastEventId: '2', query: 'lastEventId=4' }],
  ])('goes on after the event named in %s', async (_where, options) => {
    const house = new HttpHouse();
    for (const topic of ['a', 'b', 'c', 'd']) house.tell(topic);
    const { subscribe } = await listening(house);
    const client = await subscribe(options);
    await client.first(2);
    house.tell('e');
    expect((await client.first(3)).map(({ id, event }) => `${id} ${event}`)).toEqual(['3 c', '4 d', '5 e']);
  });

  it('gives all that is kept from 0 on, in pages, whatever comes meanwhile', async () => {
    const house = new HttpHouse();
    for (let n = 1; n <= 1_000; n++) house.tell('n', { n });
    const { subscribe } = await listening(house);
    const client = await subscribe({ query: 'lastEventId=0' });
    for (let n = 1_001; n <= 1_300; n++) {
      house.tell('n', { n });
      if (n % 50 === 0) await client.first(n - 700);
    }
    const heard = await client.first(1_300);
    expect(heard.map(({ data }) => data.n)).toEqual(Array.from({ length: 1_300 }, (_, at) => at + 1));
    expect(heard.map(({ id }) => Number(id))).toEqual(Array.from({ length: 1_300 }, (_, at) => at + 1));
  });

  it.each([
    ['older than what is kept', '1', 1],
    ['of a position that was never given', '99', 99],
    ['that is none of ours', 'abc', null],
  ])('resets who comes with an id %s, and goes on from now', async (_what, lastEventId, requested) => {
    const house = new HttpHouse();
    for (const topic of ['a', 'b', 'c', 'd']) house.tell(topic);
    house.oldestEvent = 3;
    const { subscribe } = await listening(house);
    const client = await subscribe({ lastEventId });
    await client.first(1);
    house.tell('e');
    const [reset, next] = await client.first(2);
    expect(reset).toMatchObject({ id: '4', event: 'reset', data: { version: 1, topic: 'reset', requested, oldest: 3 } });
    expect(next).toMatchObject({ id: '5', event: 'e' });
    expect(house.hub.figures.resets).toBe(1);
  });

  it('does not reset who has heard the last one before the oldest that is kept', async () => {
    const house = new HttpHouse();
    for (const topic of ['a', 'b', 'c']) house.tell(topic);
    house.oldestEvent = 3;
    const { subscribe } = await listening(house);
    const client = await subscribe({ lastEventId: '2' });
    expect((await client.first(1))[0]).toMatchObject({ id: '3', event: 'c' });
  });

  it('is for topics and channels, as one wishes', async () => {
    const house = new HttpHouse();
    house.channels.push({
      chatId: CHANNEL,
      username: 'habr_com',
      title: 'Хабр',
      kind: 'channel',
      about: null,
      participants: null,
      revision: 1,
      syncedAt: null,
      syncedDepth: 0,
      complete: false,
    });
    const { subscribe } = await listening(house);
    const [messages, created, jobs, one, named, all] = await Promise.all(
      [
        'topics=message.*',
        'topics=*.new,gap',
        'topics=job.completed,job.failed',
        `channelId=${CHANNEL}`,
        'channelId=@Habr_com&topics=gap',
        undefined,
      ].map((query) => subscribe(query === undefined ? {} : { query })),
    );
    const told: [string, number?][] = [
      ['message.new.-100', -100],
      [`message.new.${CHANNEL}`, CHANNEL],
      [`message.edited.${CHANNEL}`, CHANNEL],
      ['job.progress'],
      ['job.completed'],
      ['gap.healed', CHANNEL],
      ['messages.of.another.kind'],
    ];
    for (const [topic, channelId] of told) house.tell(topic, channelId === undefined ? {} : { channelId });
    const heard = async (client: EventClient | undefined): Promise<string> => {
      await all?.first(told.length);
      await client?.until(({ events }) => events.length > 0);
      return (client?.events ?? []).map(({ id }) => id).join();
    };
    expect(await heard(all)).toBe('1,2,3,4,5,6,7');
    expect(await heard(messages)).toBe('1,2,3');
    expect(await heard(created)).toBe('1,2,6');
    expect(await heard(jobs)).toBe('5');
    expect(await heard(one)).toBe('2,3,6');
    expect(await heard(named)).toBe('6');
  });

  it('keeps the line alive, and moves on where one resumes though nothing was for one', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { subscribe } = await listening(house);
    const client = await subscribe({ query: 'topics=gap.healed' });
    await client.until(({ lastEventId }) => lastEventId === '0');
    house.tell('a');
    house.tell('b');
    await clock.advance(14_000);
    expect(client.comments).toBe(0);
    await clock.advance(1_100);
    await client.until(({ comments }) => comments === 1);
    expect(client.lastEventId).toBe('2');
    expect(client.events).toEqual([]);
    await clock.advance(60_000);
    await client.until(({ comments }) => comments === 5);
  });

  it('cuts off who does not read, tells why, and lets them resume without a loss', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { subscribe } = await listening(house);
    const [slow, quick] = [await subscribe(), await subscribe()];
    slow.pause();
    const text = 'x'.repeat(64 * 1024);
    for (let n = 1; n <= 400; n++) {
      house.tell('n', { n, text });
      await quick.first(n);
    }
    // 25 MiB were told; what is held back for one who reads nothing is a fraction of it.
    await clock.advance(9_000);
    expect(house.hub.figures.cutOffs.slow).toBe(0);
    await clock.advance(1_500);
    expect(house.hub.figures).toMatchObject({ subscribers: 1, cutOffs: { slow: 1, stopping: 0 } });
    slow.resume();
    await slow.end();
    const [closed] = slow.events.slice(-1);
    expect(closed).toMatchObject({ id: undefined, event: 'closed', data: { topic: 'closed', reason: 'slow', version: 1 } });
    const before = slow.events.length - 1;
    expect(before).toBeLessThan(300);
    expect(slow.lastEventId).toBe(String(before));
    const again = await subscribe({ lastEventId: slow.lastEventId });
    await again.first(400 - before);
    const all = [...slow.events.slice(0, -1), ...again.events].map(({ data }) => data.n);
    expect(all).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
    expect(quick.ended).toBe(false);
  });

  it('drops a connection that is cut off and does not even read that', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const { subscribe, app } = await listening(house);
    const dead = await subscribe();
    dead.pause();
    for (let n = 0; n < 400; n++) house.tell('n', { text: 'x'.repeat(64 * 1024) });
    await clock.advance(10_500);
    await clock.advance(2_500);
    const connections = () => new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    while ((await connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('forgets who goes away', async () => {
    const house = new HttpHouse();
    const { subscribe } = await listening(house);
    const client = await subscribe();
    expect(house.hub.wanted).toBe(true);
    client.close();
    while (house.hub.wanted) await new Promise((resolve) => setImmediate(resolve));
    house.tell('nobody hears');
  });

  it('ends its streams with a word when the gateway stops', async () => {
    const house = new HttpHouse();
    const { subscribe, app } = await listening(house);
    const clients = [await subscribe(), await subscribe({ query: 'topics=gap' })];
    house.tell('a');
    await clients[0]?.first(1);
    await app.close();
    for (const client of clients) {
      await client.end();
      expect(client.events.at(-1)).toMatchObject({ event: 'closed', data: { reason: 'stopping', retryMs: 1_000 } });
    }
    expect(house.hub.figures).toMatchObject({ subscribers: 0, cutOffs: { stopping: 2 } });
  });

  it('ends a stream too that is asked for while the gateway stops', async () => {
    const house = new HttpHouse();
    const hub = new EventHub(() => {});
    const { subscribe, app } = await listening(house, { events: new EventSource(hub, house.store) });
    const asking = subscribe();
    while (!hub.wanted) await new Promise((resolve) => setImmediate(resolve));
    const closing = app.close();
    await new Promise((resolve) => setImmediate(resolve));
    hub.begin(0);
    const client = await asking;
    await client.end();
    expect(client.events).toMatchObject([{ event: 'closed', data: { reason: 'stopping', retryMs: 1_000 } }]);
    await closing;
    expect(hub.figures).toMatchObject({ subscribers: 0, cutOffs: { stopping: 1 } });
  });

  it('lets no more streams be open than it may, however many are asked for at once', async () => {
    const house = new HttpHouse();
    const hub = new EventHub(() => {});
    const { subscribe } = await listening(house, { events: new EventSource(hub, house.store), mostStreams: 2 });
    const asking = [1, 2, 3, 4].map(() => subscribe());
    while (hub.figures.subscribers < 2) await new Promise((resolve) => setImmediate(resolve));
    hub.begin(0);
    const clients = await Promise.all(asking);
    expect(clients.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503]);
    const [refused] = clients.filter(({ status }) => status === 503);
    await refused?.end();
    expect(refused?.headers['retry-after']).toBe('5');
    expect(JSON.parse(refused?.body ?? '')).toMatchObject({ error: { code: 'TOO_MANY_STREAMS' } });
    clients.find(({ status }) => status === 200)?.close();
    while (hub.figures.subscribers > 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await subscribe()).status).toBe(200);
  });

  it('tells who resumes that the database is away, and that they may come back', async () => {
    const house = new HttpHouse();
    for (const topic of ['a', 'b', 'c']) house.tell(topic);
    const { subscribe } = await listening(house);
    house.storeGate = async () => {
      throw new VigiliaError('STORE_UNAVAILABLE', 'away');
    };
    const client = await subscribe({ lastEventId: '1' });
    await client.end();
    expect(client.events).toMatchObject([{ event: 'closed', data: { reason: 'store-unavailable', id: 1 } }]);
    house.storeGate = async () => {};
    const again = await subscribe({ lastEventId: client.lastEventId });
    expect((await again.first(2)).map(({ id }) => id)).toEqual(['2', '3']);
  });

  it('answers 503 while the stream itself is not known', async () => {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const hub = new EventHub(() => {});
    const { subscribe } = await listening(house, { events: new EventSource(hub, house.store) });
    const asking = subscribe();
    while (!hub.wanted) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_500);
    const client = await asking;
    await client.end();
    expect(client.status).toBe(503);
    expect(client.headers).toMatchObject({ 'retry-after': '5' });
    expect(JSON.parse(client.body)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
    expect(hub.wanted).toBe(false);
  });

  it.each([
    ['topics=', 'topics'],
    ['topics=mesage.*', 'topics'],
    ['topics=message.new,job.newest', 'topics'],
    ['topics=message..new', 'topics'],
    [`topics=${encodeURIComponent('message.new;drop')}`, 'topics'],
    [`topics=${Array.from({ length: 33 }, () => 'a').join()}`, 'topics'],
    ['lastEventId=-1', 'lastEventId'],
    ['lastEventId=x', 'lastEventId'],
    ['channelId=%20', 'channelId'],
    ['token=secret', 'token'],
  ])('refuses ?%s', async (query, field) => {
    const { subscribe } = await listening(new HttpHouse());
    const client = await subscribe({ query });
    await client.end();
    expect(client.status).toBe(400);
    expect(JSON.parse(client.body)).toMatchObject({ error: { field } });
  });

  it('says 404 of a channel that is not stored under the name', async () => {
    const { subscribe } = await listening(new HttpHouse());
    const client = await subscribe({ query: 'channelId=@nobody' });
    await client.end();
    expect(client.status).toBe(404);
    expect(JSON.parse(client.body)).toMatchObject({ error: { code: 'NOT_FOUND', field: 'channelId' } });
  });

  it('wants a token in a header, of scope read', async () => {
    const house = new HttpHouse();
    const { subscribe } = await listening(house, { tokens: [{ scope: 'read', token: 'r'.repeat(32) }] });
    const without = await subscribe();
    await without.end();
    expect(without.status).toBe(401);
    const client = await subscribe({ headers: { 'x-gateway-token': 'r'.repeat(32) } });
    expect(client.status).toBe(200);
    house.tell('a');
    await client.first(1);
  });

  it('ends with the token that it was opened with', async () => {
    const house = new HttpHouse();
    const tokens = new GatewayTokens([{ scope: 'read', token: 'r'.repeat(32) }]);
    const { subscribe } = await listening(house, { tokens });
    const client = await subscribe({ headers: { 'x-gateway-token': 'r'.repeat(32) } });
    tokens.replace([{ scope: 'read', token: 'n'.repeat(32) }]);
    await client.end();
    expect(client.events).toMatchObject([{ event: 'closed', data: { reason: 'token-revoked' } }]);
  });

  it('has a head without a stream', async () => {
    const house = new HttpHouse();
    const { app } = await listening(house);
    const answer = await app.inject({ method: 'HEAD', url: '/api/telegram-gateway/events' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(house.hub.wanted).toBe(false);
  });

  it('does not count as a request that took long', async () => {
    const house = new HttpHouse();
    const { subscribe, app } = await listening(house);
    const client = await subscribe();
    client.close();
    while (house.hub.wanted) await new Promise((resolve) => setImmediate(resolve));
    const { body } = await app.inject({ url: '/metrics' });
    expect(body).toContain('vigilia_event_subscribers 0');
    expect(body).toContain('vigilia_event_cut_offs_total{reason="slow"} 0');
    expect(body).not.toContain('route="/api/telegram-gateway/events"');
  });
});
