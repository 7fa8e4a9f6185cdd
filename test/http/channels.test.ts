import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { aChannel, aMessage, HttpHouse } from '../support/http-house.ts';

const CHANNELS = '/api/telegram-gateway/channels';
let house: HttpHouse;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  app = buildGateway(house.deps());
});

/** Walks `next` from a page on until it is null. @returns the ids of each page */
async function walk(query: string): Promise<number[][]> {
  const pages: number[][] = [];
  let next = '';
  for (let turn = 0; turn < 2000; turn++) {
    const { status, body } = await ask(app, { url: `${CHANNELS}/habr_com/messages?${query}${next}` });
    expect(status).toBe(200);
    pages.push(body.messages.map(({ id }: { id: number }) => id));
    if (body.next === null) return pages;
    next = Object.entries(body.next)
      .map(([name, value]) => `&${name}=${value}`)
      .join('');
  }
  throw new Error('the walk does not end');
}

describe("a channel's messages", () => {
  it.each([
    [0, 50],
    [1, 1],
    [50, 50],
    [51, 50],
    [499, 7],
    [500, 100],
    [501, 500],
    [1203, 500],
  ])('%d of them, %d a page, are walked from the newest to the first, each once', async (count, limit) => {
    house.channels.push(aChannel({ complete: true, syncedDepth: count, syncedAt: 1 }));
    for (let id = 1; id <= count; id++) house.messages.push(aMessage(id * 3));
    const all = Array.from({ length: count }, (_, index) => (count - index) * 3);
    for (let time = 0; time < 2; time++) expect((await walk(`limit=${limit}`)).flat()).toEqual(all);
  });

  it('are walked alike from any state of cache and channel, backwards and forwards', async () => {
    const cases = fc.record({
      ids: fc.uniqueArray(fc.integer({ min: 1, max: 2000 }), { maxLength: 120 }),
      limit: fc.integer({ min: 1, max: 40 }),
      depth: fc.integer({ min: 0, max: 130 }),
      complete: fc.boolean(),
      warm: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ ids, limit, depth, complete, warm }) => {
        house = new HttpHouse();
        house.channels.push(
          aChannel({ syncedDepth: Math.min(depth, ids.length), syncedAt: 1, complete: complete && depth >= ids.length }),
        );
        house.messages.push(...ids.map((id) => aMessage(id)));
        app = buildGateway(house.deps());
        if (warm) await ask(app, { url: `${CHANNELS}/habr_com/messages` });
        const sorted = ids.toSorted((a, b) => b - a);
        expect((await walk(`limit=${limit}`)).flat()).toEqual(sorted);
        // Forwards, pages come oldest first, each newest first; the later `after` takes the place of the first.
        const pages: number[][] = [];
        for (let after: number | undefined = 1; after !== undefined; ) {
          const { body } = await ask(app, { url: `${CHANNELS}/habr_com/messages?limit=${limit}&after=${after}` });
          pages.unshift(body.messages.map(({ id }: { id: number }) => id));
          after = body.next?.after;
        }
        expect(pages.flat()).toEqual(sorted.filter((id) => id > 1));
      }),
      { numRuns: 60 },
    );
  });

  it('between two ids, and by a part of their text', async () => {
    house.channels.push(aChannel());
    for (let id = 1; id <= 40; id++) house.messages.push(aMessage(id, { text: id % 2 === 0 ? `Привет ${id}` : 'x' }));
    const ids = async (query: string): Promise<number[]> =>
      (await ask(app, { url: `${CHANNELS}/habr_com/messages?${query}` })).body.messages.map(({ id }: { id: number }) => id);
    expect(await ids('before=10&after=6')).toEqual([9, 8, 7]);
    expect(await ids('before=10&after=6&limit=2')).toEqual([8, 7]);
    expect(await ids(`search=${encodeURIComponent('привет')}&limit=3`)).toEqual([40, 38, 36]);
    expect(await ids('search=100%25')).toEqual([]);
  });

  it.each([
    '1032086354',
    '-1001032086354',
    'habr_com',
    '@habr_com',
    'HABR_COM',
    encodeURIComponent('https://t.me/habr_com'),
    encodeURIComponent('t.me/c/1032086354/5'),
  ])('are found under %s', async (name) => {
    house.channels.push(aChannel());
    house.messages.push(aMessage(7));
    const { body } = await ask(app, { url: `${CHANNELS}/${name}/messages` });
    expect(body.channel.id).toBe(-1001032086354);
    expect(body.messages).toHaveLength(1);
  });

  it('are told whole: entities, edits, replies, service actions', async () => {
    house.channels.push(aChannel());
    const entities = [{ type: 'text_link', offset: 0, length: 3, url: 'https://example.org/' }] as const;
    house.messages.push(
      aMessage(2, {
        editDate: 1_600_000_100,
        entities,
        fromId: 5,
        replyToId: 1,
        views: 9,
        media: 'Photo',
        raw: { secretish: 1 },
      }),
      aMessage(1, { kind: 'service', text: '', raw: { action: { _: 'MessageActionPinMessage' } } }),
    );
    const { body, text } = await ask(app, { url: `${CHANNELS}/habr_com/messages` });
    expect(body.messages[0]).toMatchObject({
      editDate: '2020-09-13T12:28:20.000Z',
      entities,
      fromId: 5,
      replyToId: 1,
      views: 9,
      media: 'Photo',
    });
    expect(body.messages[1]).toMatchObject({ kind: 'service', action: { _: 'MessageActionPinMessage' } });
    expect(text).not.toContain('secretish');
  });

  it('come from the cache while the database is away', async () => {
    house.channels.push(aChannel({ syncedAt: 1, syncedDepth: 50 }));
    for (let id = 1; id <= 50; id++) house.messages.push(aMessage(id));
    const first = await ask(app, { url: `${CHANNELS}/habr_com/messages` });
    expect(first.headers['x-source']).toBe('store');
    house.storeGate = () => Promise.reject(new Error('away'));
    const second = await ask(app, { url: `${CHANNELS}/habr_com/messages` });
    expect(second.headers['x-source']).toBe('cache');
    expect(second.body.messages).toEqual(first.body.messages);
  });
});

describe('channels', () => {
  it('are listed by title, page by page', async () => {
    for (let index = 1; index <= 25; index++) {
      house.channels.push(aChannel({ chatId: -1_000_000_000_000 - index, username: `name_${index}`, title: `T${index % 10}` }));
    }
    const seen: number[] = [];
    let url: string | undefined = `${CHANNELS}?limit=10`;
    while (url !== undefined) {
      const { body }: Awaited<ReturnType<typeof ask>> = await ask(app, { url });
      seen.push(...body.channels.map(({ id }: { id: number }) => id));
      url = body.next === null ? undefined : `${CHANNELS}?limit=10&after=${body.next.after}`;
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });

  it('have a page of their own, which counts what is stored', async () => {
    house.channels.push(aChannel({ about: 'about', syncedAt: 1_700_000_000_000, complete: true }));
    house.messages.push(aMessage(1), aMessage(2));
    expect((await ask(app, { url: `${CHANNELS}/@habr_com` })).body).toEqual({
      id: -1001032086354,
      username: 'habr_com',
      title: 'Хабр',
      kind: 'channel',
      about: 'about',
      participants: 100,
      messages: 2,
      syncedAt: '2023-11-14T22:13:20.000Z',
      complete: true,
    });
  });
});

describe("a channel's hours", () => {
  const HOUR_S = 3600;
  const FIRST_S = Date.parse('2024-05-06T07:00:00Z') / 1000;

  function fill(): void {
    house.channels.push(aChannel());
    for (const [id, at] of [0, 5, HOUR_S, 30 * HOUR_S].entries()) house.messages.push(aMessage(id + 1, { date: FIRST_S + at }));
  }

  it('are told from one moment on and before another, those without messages left out', async () => {
    fill();
    const url = `${CHANNELS}/@habr_com/stats?from=2024-05-06T07:00:00Z&to=2024-05-07T07:00:00Z`;
    const { status, body } = await ask(app, { url });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      channel: { id: -1001032086354 },
      from: '2024-05-06T07:00:00.000Z',
      to: '2024-05-07T07:00:00.000Z',
      messages: 3,
      hours: [
        { hour: '2024-05-06T07:00:00.000Z', messages: 2 },
        { hour: '2024-05-06T08:00:00.000Z', messages: 1 },
      ],
    });
  });

  it('are those of the last week where nothing was asked for', async () => {
    fill();
    house.clock = { ...systemClock, now: () => Date.parse('2024-05-13T08:00:00Z') };
    app = buildGateway(house.deps());
    const { body } = await ask(app, { url: `${CHANNELS}/habr_com/stats` });
    expect(body).toMatchObject({ from: '2024-05-06T08:00:00.000Z', messages: 2 });
  });

  it.each([
    ['from=yesterday', 400, 'INVALID_REQUEST'],
    ['from=2024-05-06T07:00:00Z&to=2024-05-05T07:00:00Z', 400, 'INVALID_REQUEST'],
    ['from=2022-05-06T07:00:00Z&to=2024-05-05T07:00:00Z', 400, 'INVALID_REQUEST'],
    ['from=9999-05-06T07:00:00Z', 400, 'INVALID_REQUEST'],
    ['limit=3', 400, 'INVALID_REQUEST'],
  ])('are refused for ?%s', async (query, status, code) => {
    fill();
    expect(await ask(app, { url: `${CHANNELS}/habr_com/stats?${query}` })).toMatchObject({ status, body: { error: { code } } });
  });

  it('of a channel that is not stored are not found', async () => {
    expect(await ask(app, { url: `${CHANNELS}/nobody_here/stats` })).toMatchObject({ status: 404 });
  });
});
