import { beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { deferred } from '../support/deferred.ts';
import { aChannel, aMessage, HttpHouse } from '../support/http-house.ts';

const MESSAGES = '/api/telegram-gateway/messages';
const OTHER = -1_009_000_000_001;
let house: HttpHouse;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  app = buildGateway(house.deps());
});

const search = (query: string) => ask(app, { url: `${MESSAGES}?${query}` });

describe('a search over all channels', () => {
  it('walks what fits from the newest to the oldest, each once, whatever channel it is of', async () => {
    for (let id = 1; id <= 25; id++) {
      const text = id % 5 === 0 ? 'nothing of it' : 'a NEEDLE in hay';
      house.messages.push({ ...aMessage(id), chatId: id % 2 === 0 ? OTHER : aMessage(1).chatId, date: 1_000 + (id % 7), text });
    }
    const seen: string[] = [];
    let next = '';
    for (let page = 0; page < 10; page++) {
      const { status, body, headers } = await search(`q=needle&limit=4${next}`);
      expect(status).toBe(200);
      for (const { channelId, id } of body.messages) seen.push(`${channelId} ${id}`);
      if (body.next === null) break;
      expect(headers.link).toContain(`before=${body.next.before}`);
      next = `&before=${body.next.before}`;
    }
    expect(seen).toHaveLength(20);
    expect(new Set(seen).size).toBe(20);
  });

  it('finds what an account may see, where one is named', async () => {
    house.messages.push({ ...aMessage(1), text: 'needle here' }, { ...aMessage(2), chatId: OTHER, text: 'needle there' });
    house.met.set('main', [OTHER]);
    const { body } = await search('q=needle&accountId=main');
    expect(body).toMatchObject({ messages: [{ channelId: OTHER, id: 2 }], next: null });
    expect(await search('q=needle&accountId=absent')).toMatchObject({
      status: 400,
      body: { error: { code: 'UNKNOWN_ACCOUNT' } },
    });
  });

  it.each([
    '',
    'q=ab',
    `q=${'x'.repeat(257)}`,
    'q=needle&before=5',
    'q=needle&before=253402300800_-5_1',
    'q=needle&limit=101',
    'q=needle&page=2',
  ])('refuses ?%s and says what is wrong', async (query) => {
    expect(await search(query)).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
    expect(house.asked.store).toBe(0);
  });

  it('is two at a time: who comes third is told to come back, and the others end', async () => {
    const gate = deferred();
    house.storeGate = () => gate.promise;
    const two = [search('q=needle'), search('q=needle')];
    while (house.asked.store < 2) await new Promise((resolve) => setImmediate(resolve));
    const third = await search('q=needle');
    expect(third).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED' } } });
    expect(third.headers['retry-after']).toBe('1');
    gate.resolve();
    for (const answer of await Promise.all(two)) expect(answer.status).toBe(200);
    expect((await search('q=needle')).status).toBe(200);
  });

  it('is thirty times a minute for a token; its other requests go on', async () => {
    const tokens = [{ name: 'reader', scope: 'read' as const, token: 'r'.repeat(32) }];
    const guarded = buildGateway(house.deps({ tokens }));
    const headers = { 'x-gateway-token': 'r'.repeat(32) };
    const statuses: number[] = [];
    for (let time = 0; time < 31; time++) statuses.push((await ask(guarded, { url: `${MESSAGES}?q=needle`, headers })).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.at(-1)).toBe(429);
    expect((await ask(guarded, { url: '/api/telegram-gateway/channels', headers })).status).toBe(200);
  });
});

describe('what an account may see', () => {
  it('is its channels in the list, and the messages of those', async () => {
    const [mine, theirs] = [aChannel(), aChannel({ chatId: OTHER, username: 'other', title: 'Other' })];
    house.channels.push(mine, theirs);
    house.met.set('main', [mine.chatId]);
    const listed = await ask(app, { url: '/api/telegram-gateway/channels?accountId=main' });
    expect(listed.body.channels.map(({ id }: { id: number }) => id)).toEqual([mine.chatId]);
    const messagesOf = (id: number, account: string) =>
      ask(app, { url: `/api/telegram-gateway/channels/${id}/messages?accountId=${account}` });
    expect((await messagesOf(mine.chatId, 'main')).status).toBe(200);
    expect(await messagesOf(OTHER, 'main')).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND', field: 'accountId', message: expect.stringContaining('has not met') } },
    });
    expect(await messagesOf(OTHER, 'absent')).toMatchObject({ status: 400, body: { error: { code: 'UNKNOWN_ACCOUNT' } } });
  });
});
