import { beforeEach, describe, expect, it } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import type { AccountHealth } from '../../src/ports.ts';
import { ask, post } from '../support/ask.ts';
import { aChannel, aJob, aMessage, HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const BASE = '/api/telegram-gateway';
const never = (): Promise<never> => new Promise(() => {});
let house: HttpHouse;
let clock: VirtualClock;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  clock = new VirtualClock();
  house.clock = clock;
  app = buildGateway(house.deps());
});

const sync = (body: object): ReturnType<typeof ask> => ask(app, post(`${BASE}/sync-messages`, body));

describe('sync-messages', () => {
  it('becomes a job, and says where to ask for it', async () => {
    const answer = await sync({ channelId: 'https://t.me/habr_com', limit: 2000, accountId: 'main', force: true, priority: 1 });
    const [jobId] = house.jobs.keys();
    const pollUrl = `${BASE}/jobs/${jobId}`;
    expect(answer).toMatchObject({ status: 202, headers: { location: pollUrl }, body: { jobId, status: 'queued', pollUrl } });
    expect(house.submitted).toEqual([
      { action: 'sync-messages', params: { channelId: 'habr_com', limit: 2000, force: true }, accountId: 'main', priority: 1 },
    ]);
    expect((await ask(app, { url: answer.body.pollUrl })).body.status).toBe('queued');
  });

  it('asks for 50 messages of any account unless told otherwise', async () => {
    await sync({ channelId: 1032086354 });
    expect(house.submitted).toEqual([
      { action: 'sync-messages', params: { channelId: '-1001032086354', limit: 50, force: false }, priority: 5 },
    ]);
  });

  describe('of a channel that was read within 5 minutes', () => {
    beforeEach(() => {
      house.channels.push(aChannel({ syncedAt: clock.now() - 299_000, syncedDepth: 60 }));
      for (let id = 1; id <= 700; id++) house.messages.push(aMessage(id));
    });

    it('is answered at once, newest first', async () => {
      const { status, body } = await sync({ channelId: '@Habr_Com' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ source: 'cache', count: 50, next: null });
      expect(body.messages.map(({ id }: { id: number }) => id)).toEqual(Array.from({ length: 50 }, (_, index) => 700 - index));
      expect(body.messages[0]).toEqual({
        id: 700,
        channelId: -1001032086354,
        date: '2020-09-13T12:38:20.000Z',
        editDate: null,
        kind: 'message',
        text: 'message 700',
        entities: [],
        fromId: null,
        replyToId: null,
        views: null,
        media: null,
      });
      expect(house.submitted).toEqual([]);
    });

    it('is answered from the cache the second time, without the database', async () => {
      await sync({ channelId: 'habr_com' });
      house.storeGate = never;
      expect((await sync({ channelId: 'habr_com' })).status).toBe(200);
    });

    it('becomes a job when forced, when too old, or when more is asked than was read', async () => {
      expect((await sync({ channelId: 'habr_com', force: true })).status).toBe(202);
      expect((await sync({ channelId: 'habr_com', limit: 61 })).status).toBe(202);
      await clock.advance(1_000);
      expect((await sync({ channelId: 'habr_com' })).status).toBe(202);
    });

    it('to its first message, is answered whatever was asked, and says where the rest is', async () => {
      house.channels[0] = aChannel({ syncedAt: clock.now(), syncedDepth: 700, complete: true });
      const { status, body } = await sync({ channelId: 'habr_com', limit: 1_000_000 });
      expect(status).toBe(200);
      expect(body.count).toBe(700);
      expect(body.messages).toHaveLength(500);
      const rest = await ask(app, { url: body.next.url });
      expect(rest.body.messages.map(({ id }: { id: number }) => id)).toEqual(
        Array.from({ length: 200 }, (_, index) => 200 - index),
      );
      expect(rest.body.next).toBeNull();
    });

    it('is answered from the database when the cache fails', async () => {
      house.cacheGate = () => Promise.reject(new Error('gone'));
      expect((await sync({ channelId: 'habr_com' })).status).toBe(200);
    });
  });
});

describe('a database that is away', () => {
  it('that refuses is told at once', async () => {
    house.storeGate = () => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'connect ECONNREFUSED 10.1.2.3:5432'));
    for (const request of [post(`${BASE}/sync-messages`, { channelId: 'habr_com' }), post(`${BASE}/get-channels`, {})]) {
      const answer = await ask(app, request);
      expect(answer).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.text).not.toContain('10.1.2.3');
    }
  });

  it.each([{}, { force: true }])('that hangs is told within 2 seconds in all: %j', async (extra) => {
    house.storeGate = never;
    let answer: Awaited<ReturnType<typeof sync>> | undefined;
    const asked = sync({ channelId: 'habr_com', ...extra }).then((one) => {
      answer = one;
    });
    await settled(() => house.asked.store > 0);
    await clock.advance(1_000);
    await settled(() => house.asked.store > 1 || 'force' in extra);
    await clock.advance(999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    await asked;
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { error: { code: 'STORE_UNAVAILABLE' } },
    });
  });

  it('that hangs ends a read after 10 seconds', async () => {
    house.storeGate = never;
    const asked = ask(app, { url: `${BASE}/jobs/sync-1` });
    await settled(() => house.asked.store > 0);
    await clock.advance(10_000);
    expect(await asked).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
  });
});

/** Waits, turn by turn of the event loop, until something is so. */
async function settled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a job', () => {
  it.each([
    ['queued', 'queued', null],
    ['processing', 'processing', null],
    ['delayed', 'delayed', '2023-11-14T22:13:20.000Z'],
    ['parked', 'delayed', null],
    ['completed', 'completed', null],
    ['failed', 'failed', null],
    ['cancelled', 'cancelled', null],
  ] as const)('that is %s shows as %s', async (status, shown, nextAttemptAt) => {
    house.jobs.set('sync-1', aJob({ status, reason: 'because', progress: { done: 3, total: null }, attempts: 1 }));
    expect((await ask(app, { url: `${BASE}/jobs/sync-1` })).body).toEqual({
      jobId: 'sync-1',
      action: 'sync-messages',
      params: {},
      accountId: 'main',
      status: shown,
      priority: 5,
      cancelRequested: false,
      progress: { done: 3, total: null },
      attempts: 1,
      reason: 'because',
      result: null,
      error: null,
      createdAt: '2023-11-14T22:13:20.000Z',
      updatedAt: '2023-11-14T22:13:20.000Z',
      endedAt: null,
      nextAttemptAt,
    });
  });

  it('says why it waits when its account does not serve', async () => {
    house.jobs.set('sync-1', aJob({ status: 'queued' }));
    expect((await ask(app, { url: `${BASE}/jobs/sync-1` })).body.reason).toBeNull();
    const [account] = house.report.accounts;
    house.report = {
      ...house.report,
      accounts: [{ ...(account as AccountHealth), id: 'main', state: 'reauth-required', reason: 'the session is damaged' }],
    };
    expect((await ask(app, { url: `${BASE}/jobs/sync-1` })).body).toMatchObject({
      status: 'queued',
      reason: 'account main is reauth-required: the session is damaged',
    });
  });

  it('shows its result and its error, but not how it goes on', async () => {
    const error = { code: 'TELEGRAM_TIMEOUT', fault: 'transient', message: 'late' } as const;
    house.jobs.set('sync-1', aJob({ result: { count: 2, messages: [{ id: 1 }] }, error, checkpoint: { hidden: 'yes' } }));
    const { body, text } = await ask(app, { url: `${BASE}/jobs/sync-1` });
    expect(body.result).toEqual({ count: 2, messages: [{ id: 1 }] });
    expect(body.error).toEqual({ code: 'TELEGRAM_TIMEOUT', message: 'Late.' });
    expect(text).not.toContain('hidden');
  });
});

describe('an account that does not exist', () => {
  it('is refused even where the messages are at hand', async () => {
    const payload = { channelId: 'news', accountId: 'absent' };
    const answer = await ask(app, post(`${BASE}/sync-messages`, payload));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'UNKNOWN_ACCOUNT', field: 'accountId' } } });
  });
});

describe('get-channels', () => {
  it('becomes a job', async () => {
    const answer = await ask(app, post(`${BASE}/get-channels`, { accountId: 'main' }));
    const [jobId] = house.jobs.keys();
    expect(answer).toMatchObject({ status: 202, body: { jobId, status: 'queued', pollUrl: `${BASE}/jobs/${jobId}` } });
    expect(house.submitted).toEqual([{ action: 'get-channels', params: {}, accountId: 'main', priority: 5 }]);
  });
});
