import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryCounter } from '../../src/actors/cache/memory.counter.ts';
import { networkOf } from '../../src/http/network-of.ts';
import { buildGateway } from '../../src/http/server.ts';
import { useAllowance } from '../../src/machines/allowance.ts';
import { ask } from '../support/ask.ts';
import { type HouseChanges, HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TOKENS = [
  { scope: 'read' as const, token: 'one-token-0123456789' },
  { scope: 'admin' as const, token: 'other-token-0123456789' },
];
const [ONE = { token: '' }, OTHER = { token: '' }] = TOKENS;

describe('an allowance', () => {
  it('grants no more than its whole at once and what comes back, and never less', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), gaps, (most, waits) => {
        const allowance = { most, periodMs: 1_000 };
        let now = 0;
        let fullAt = 0;
        // A bucket, counted the long way.
        let left = most;
        for (const wait of waits) {
          now += wait;
          left = Math.min(most, left + (wait * most) / 1_000);
          const { answer, fullAt: next } = useAllowance(fullAt, now, allowance);
          if (Math.abs(left - 1) > 1e-6) expect(answer.granted).toBe(left > 1);
          if (answer.granted) left -= 1;
          if (!answer.granted) expect(useAllowance(next, now + answer.retryAfterMs, allowance).answer.granted).toBe(true);
          fullAt = next;
        }
      }),
    );
  });

  it('is only looked at where nothing is to be used', () => {
    const allowance = { most: 1, periodMs: 1_000 };
    const { answer, fullAt } = useAllowance(0, 5_000, allowance, 0);
    expect(answer).toEqual({ granted: true, remaining: 1, retryAfterMs: 0, fullAfterMs: 0 });
    const used = useAllowance(fullAt, 5_000, allowance);
    expect(useAllowance(used.fullAt, 5_400, allowance, 0)).toEqual({
      answer: { granted: false, remaining: 0, retryAfterMs: 600, fullAfterMs: 600 },
      fullAt: used.fullAt,
    });
  });
});

describe('counting in a process', () => {
  it('holds no more keys than it may: those that are whole again go first', async () => {
    const clock = new VirtualClock();
    const counter = createMemoryCounter(clock, 3);
    const allowance = { most: 2, periodMs: 1_000 };
    const use = async (key: string) => (await counter.use(key, allowance)).remaining;
    expect([await use('a'), await use('a'), await use('b'), await use('c')]).toEqual([1, 0, 1, 1]);
    await clock.advance(600);
    // b and c are whole again, a is not.
    expect([await use('d'), await use('a')]).toEqual([1, 0]);
  });
});

describe('addresses', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('requests', () => {
  function guarded(access: NonNullable<HouseChanges['access']>, changes: HouseChanges = {}) {
    const house = new HttpHouse();
    const clock = new VirtualClock();
    house.clock = clock;
    const app = buildGateway(house.deps({ tokens: TOKENS, host: '0.0.0.0', ...changes, access }));
    const get = (token: string | undefined, remoteAddress = '203.0.113.7', url = '/api/state', headers = {}) =>
      ask(app, { url, remoteAddress, headers: { ...(token === undefined ? {} : { 'x-gateway-token': token }), ...headers } });
    return { app, clock, get };
  }

  it('of a token are so many a minute; then it is told when to come back, and nobody else is', async () => {
    const { clock, get } = guarded({ rateLimit: 3 });
    const first = await get(ONE.token);
    expect(first.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2', 'ratelimit-reset': '20' });
    await get(ONE.token, undefined, '/nowhere');
    expect((await get(ONE.token, '198.51.100.1')).headers['ratelimit-remaining']).toBe('0');
    const refused = await get(ONE.token);
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED' } } });
    expect(refused.headers).toMatchObject({ 'retry-after': '20', 'ratelimit-remaining': '0' });
    expect((await get(OTHER.token)).status).toBe(200);
    await clock.advance(20_000);
    expect((await get(ONE.token)).status).toBe(200);
    expect((await get(ONE.token)).status).toBe(429);
  });

  it('for health are never refused, nor those without limit', async () => {
    const { get } = guarded({ rateLimit: 1 });
    for (let n = 0; n < 3; n++)
      for (const url of ['/health', '/health/ready', '/health/live', '/', '/docs']) {
        const answer = await get(ONE.token, undefined, url);
        expect(answer.status).toBe(200);
        expect(answer.headers).not.toHaveProperty('ratelimit-limit');
      }
    const endless = guarded({ rateLimit: 0 });
    for (let n = 0; n < 5; n++) expect((await endless.get(ONE.token)).headers).not.toHaveProperty('ratelimit-limit');
  });

  it('on loopback without tokens have no limit', async () => {
    const { get } = guarded({ rateLimit: 1 }, { tokens: [], host: '127.0.0.1' });
    for (let n = 0; n < 5; n++) expect((await get(undefined)).status).toBe(200);
  });

  it('with wrong tokens are so many from one network; then even a right one is refused there that never came from there', async () => {
    const { clock, get } = guarded({ failureLimit: 2 });
    expect((await get(ONE.token)).status).toBe(200);
    expect([(await get('wrong-1')).status, (await get('wrong-2')).status]).toEqual([401, 401]);
    const refused = await get('wrong-3');
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED' } } });
    expect(refused.headers['retry-after']).toBe('30');
    expect((await get(OTHER.token)).status).toBe(429);
    expect((await get(ONE.token)).status).toBe(200);
    expect((await get(OTHER.token, '198.51.100.1')).status).toBe(200);
    expect((await get(undefined)).status).toBe(401);
    await clock.advance(30_000);
    expect((await get(OTHER.token)).status).toBe(200);
  });

  it('with wrong tokens are not counted where nobody looks at a token, and are where a right one is told more', async () => {
    const { get } = guarded({ failureLimit: 2 });
    for (let n = 0; n < 5; n++) expect((await get('wrong', undefined, '/health/live')).status).toBe(200);
    expect((await get(ONE.token)).status).toBe(200);
    for (let n = 0; n < 5; n++) expect((await get('wrong', undefined, '/health')).status).toBe(200);
    expect((await get(OTHER.token)).status).toBe(429);
  });

  it('come from where a trusted proxy says, and from nowhere else', async () => {
    const believed = guarded({ failureLimit: 1, trustedProxies: ['203.0.113.0/24'] });
    const from = (client: string) => ({ 'x-forwarded-for': client });
    await believed.get('wrong', '203.0.113.7', '/api/state', from('192.0.2.1'));
    expect((await believed.get('wrong', '203.0.113.7', '/api/state', from('192.0.2.1'))).status).toBe(429);
    expect((await believed.get('wrong', '203.0.113.7', '/api/state', from('192.0.2.2'))).status).toBe(401);
    const doubted = guarded({ failureLimit: 1 });
    await doubted.get('wrong', '203.0.113.7', '/api/state', from('192.0.2.1'));
    expect((await doubted.get('wrong', '203.0.113.7', '/api/state', from('192.0.2.2'))).status).toBe(429);
  });
});
