import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { ProcessGauge } from '../../src/process-gauge.ts';
import { HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const NS = 1e6;
const clock = new VirtualClock();
let gauge: ProcessGauge | undefined;
afterEach(() => gauge?.close());

/** Readings that the test sets: intervals of the event loop in ms, and its time at work and at rest. */
function scripted() {
  const set = { ms: [] as number[], active: 0, idle: 0 };
  const at = (part: number): number => (set.ms.toSorted((a, b) => a - b)[Math.ceil(set.ms.length * part) - 1] ?? Number.NaN) * NS;
  const intervals = {
    get count() {
      return set.ms.length;
    },
    get max() {
      return at(1);
    },
    percentile: (percentile: number) => at(percentile / 100),
    reset: () => {
      set.ms = [];
    },
  };
  const memory = () => ({ rssBytes: 2, heapUsedBytes: 1 });
  return { set, readings: { intervals, utilization: () => ({ ...set }), memory, close: () => {} } };
}

it('tells how late the loop was over the last 10 s, however often it is asked, and at once what was worse since', async () => {
  const { set, readings } = scripted();
  gauge = new ProcessGauge(clock, readings);
  expect(gauge.figures()).toEqual({ lag: { p50Ms: 0, p99Ms: 0, maxMs: 0 }, busy: 0, memory: { rssBytes: 2, heapUsedBytes: 1 } });
  set.ms = [...Array(98).fill(20), 25, 320];
  [set.active, set.idle] = [2_000, 8_000];
  await clock.advance(10_000);
  for (let asked = 0; asked < 3; asked++)
    expect(gauge.figures()).toMatchObject({ lag: { p50Ms: 0, p99Ms: 5, maxMs: 300 }, busy: 0.2 });
  set.ms = [20, 1_020];
  expect(gauge.figures()).toMatchObject({ lag: { p50Ms: 0, p99Ms: 5, maxMs: 1_000 }, busy: 0.2 });
  await clock.advance(10_000);
  set.ms = [];
  expect(gauge.figures()).toMatchObject({ lag: { maxMs: 1_000 } });
  await clock.advance(10_000);
  expect(gauge.figures()).toMatchObject({ lag: { p50Ms: 0, p99Ms: 0, maxMs: 0 }, busy: 0 });
});

it('sees this very process being kept from its work', async () => {
  gauge = new ProcessGauge(clock);
  await expect
    .poll(() => {
      const until = performance.now() + 120;
      while (performance.now() < until);
      return gauge?.figures().lag.maxMs;
    })
    .toBeGreaterThan(50);
  expect(gauge.figures().busy).toBeGreaterThan(0);
  expect(gauge.figures().memory.rssBytes).toBeGreaterThan(gauge.figures().memory.heapUsedBytes);
});

it('is in /metrics, the same for whoever scrapes second, in place of what prom-client makes of it', async () => {
  const house = new HttpHouse();
  const { system, health } = house.deps();
  const figures = () => ({ lag: { p50Ms: 1, p99Ms: 20, maxMs: 400 }, busy: 0.25, memory: { rssBytes: 2, heapUsedBytes: 1 } });
  const metrics = createMetrics(
    { store: house.store, system, health, figures, events: () => house.hub.figures },
    clock,
    silentLog,
  );
  for (let scrape = 0; scrape < 2; scrape++) {
    const { body } = await metrics.expose();
    expect(body).toContain('vigilia_event_loop_lag_seconds{quantile="0.5"} 0.001');
    expect(body).toContain('vigilia_event_loop_lag_seconds{quantile="0.99"} 0.02');
    expect(body).toContain('vigilia_event_loop_lag_seconds{quantile="1"} 0.4');
    expect(body).toContain('vigilia_event_loop_busy_ratio 0.25');
    expect(body).not.toContain('nodejs_eventloop');
    expect(body).not.toContain('NaN');
    expect(body).toContain('process_cpu_seconds_total');
  }
});
