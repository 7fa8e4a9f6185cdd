import { beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { HttpHouse, healthReport, node } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let house: HttpHouse;
let clock: VirtualClock;
let app: App;

beforeEach(() => {
  house = new HttpHouse();
  clock = new VirtualClock();
  house.clock = clock;
  app = buildGateway(house.deps());
});

/** Time for what was asked to reach the store. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Asks the same again and again of a store that hangs: every answer is 503, and the store was asked once; and that it is asked again once it has answered.
 * @param lastMs what passes until the last one has waited long enough
 */
async function askOneThatHangs(url: string, times: number, everyMs: number, lastMs: number): Promise<void> {
  let release = (): void => {};
  house.storeGate = () => new Promise((resolve) => (release = resolve));
  const asked: Promise<{ readonly status: number }>[] = [];
  for (let time = 0; time < times; time++) {
    asked.push(ask(app, { url }));
    while (house.asked.store === 0) await new Promise((resolve) => setImmediate(resolve));
    await turns();
    await clock.advance(everyMs);
  }
  await clock.advance(lastMs);
  for (const answer of await Promise.all(asked)) expect(answer.status).toBe(503);
  expect(house.asked.store).toBe(1);
  release();
  await turns();
  house.storeGate = async () => {};
  await clock.advance(1_000);
  expect((await ask(app, { url })).status).toBe(200);
  expect(house.asked.store).toBe(2);
}

describe('/health', () => {
  it.each([
    ['ok', 200],
    ['degraded', 200],
    ['down', 503],
  ] as const)('answers %s with %d and the evidence', async (status, code) => {
    house.report = healthReport(status);
    const answer = await ask(app, { url: '/health' });
    expect(answer.status).toBe(code);
    expect(answer.body).toEqual(house.report);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('says so when the report does not come', async () => {
    const hanging = buildGateway(house.deps({ health: () => new Promise(() => {}) }));
    const asked = ask(hanging, { url: '/health' });
    await hanging.ready();
    await clock.advance(0);
    for (let turn = 0; turn < 20; turn++) await clock.advance(200);
    expect(await asked).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
  });
});

describe('/health/ready', () => {
  it('is 200 while the store takes writes, and asks for one once a second at most', async () => {
    for (let time = 0; time < 3; time++) expect((await ask(app, { url: '/health/ready' })).status).toBe(200);
    expect(house.asked.store).toBe(1);
    await clock.advance(1_000);
    await ask(app, { url: '/health/ready' });
    expect(house.asked.store).toBe(2);
  });

  it('is 503 with Retry-After while the store does not, and 200 again after', async () => {
    house.storeGate = () => Promise.reject(new Error('away'));
    const answer = await ask(app, { url: '/health/ready' });
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
    expect(answer.headers['retry-after']).toBe('2');
    house.storeGate = async () => {};
    expect((await ask(app, { url: '/health/ready' })).status).toBe(200);
  });

  it('is 503 after 2 seconds when the store hangs, however many ask there is one write, and 200 again once that is through', async () => {
    await askOneThatHangs('/health/ready', 20, 500, 2_000);
  });

  it('does not need an account to be connected', async () => {
    house.report = healthReport('down');
    expect((await ask(app, { url: '/health/ready' })).status).toBe(200);
    expect((await ask(app, { url: '/health/live' })).body).toEqual({ status: 'ok' });
  });
});

describe('/queue/stats', () => {
  it('counts once however many ask while the store hangs, and again once that is through', async () => {
    await askOneThatHangs('/api/telegram-gateway/queue/stats', 8, 4_000, 10_000);
  });
});

describe('/api/state', () => {
  it('is the tree, or any actor of it by its path', async () => {
    house.tree = {
      ...node('root', 'supervisor', [node('root/accounts', 'supervisor', [node('root/accounts/main', 'connection', [])])]),
      restarts: 2,
      lastExit: { at: 1, reason: 'GAVE_UP', causes: ['a', 'b'] },
      context: { shown: 1 },
    };
    expect((await ask(app, { url: '/api/state' })).body).toEqual(house.tree);
    expect((await ask(app, { url: '/api/state/root/accounts' })).body.children[0].path).toBe('root/accounts/main');
    expect((await ask(app, { url: '/api/state/root/accounts/main' })).body.kind).toBe('connection');
  });
});

describe('/metrics', () => {
  it('measures answers by route template', async () => {
    await ask(app, { url: '/api/telegram-gateway/jobs/sync-77' });
    await ask(app, { url: '/nowhere/at/all' });
    const { text, headers } = await ask(app, { url: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain(
      'vigilia_http_request_duration_seconds_count{method="GET",route="/api/telegram-gateway/jobs/:id",status="404"} 1',
    );
    expect(text).toContain('vigilia_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
    expect(text).not.toMatch(/sync-77|nowhere/);
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('tells of jobs, connections, dependencies and restarts as they are now', async () => {
    house.tree = { ...house.tree, restarts: 4 };
    const { text } = await ask(app, { url: '/metrics' });
    expect(text).toContain('vigilia_jobs{status="queued"} 0');
    expect(text).toContain('vigilia_connection_state{account="main",state="authenticated"} 1');
    expect(text).toContain('vigilia_connection_pong_age_seconds{account="main"} 12');
    expect(text).toContain('vigilia_dependency_state{dependency="store",kind="in-process",state="up"} 1');
    expect(text).toContain('vigilia_actor_restarts{actor="root"} 4');
    expect(text).toContain('vigilia_health{status="ok"} 1');
    house.report = healthReport('down');
    const later = (await ask(app, { url: '/metrics' })).text;
    expect(later).toContain('vigilia_connection_state{account="main",state="backoff"} 1');
    expect(later).not.toContain('state="authenticated"');
  });

  it('goes on without a source that fails or hangs, and counts it', async () => {
    house.storeGate = () => Promise.reject(new Error('away'));
    const failing = await ask(app, { url: '/metrics' });
    expect(failing.status).toBe(200);
    expect(failing.text).not.toContain('vigilia_jobs{');
    expect(failing.text).toContain('vigilia_actor_restarts{actor="root"} 0');
    house.storeGate = () => new Promise(() => {});
    const asked = ask(app, { url: '/metrics' });
    while (house.asked.store < 2) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(0);
    await clock.advance(2_000);
    expect((await asked).text).toContain('vigilia_scrape_source_failures_total{source="store"} 2');
  });
});
