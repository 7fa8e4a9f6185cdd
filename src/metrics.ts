import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, pause } from './clock.ts';
import { causeChain, VigiliaError } from './errors.ts';
import type { Log } from './log.ts';
import { type ActorNode, type ActorSystemView, type HealthReport, JOB_STATUSES, type Store } from './ports.ts';

/** Where the figures that are read, not counted, come from: asked once a scrape. */
export interface MetricSources {
  readonly store: Pick<Store, 'countJobs'>;
  readonly system: ActorSystemView;
  health(): HealthReport | Promise<HealthReport>;
}

/** What is measured, for Prometheus. */
export interface Metrics {
  /** @param route the route's template, or `none` */
  observeHttp(method: string, route: string, status: number, seconds: number): void;
  /** The text to answer a scrape with. A source that fails is left out and counted; it never fails the scrape. */
  expose(): Promise<{ contentType: string; body: string }>;
}

/** Within 1 ms (cached reads) and 10 s (the deadline of a read). */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A scrape waits no longer for a source: Prometheus itself gives up after 10 s. */
const SOURCE_MS = 2_000;

/** A registry of its own, so that several can live in one process. */
export function createMetrics({ store, system, health }: MetricSources, clock: Clock, log: Log): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const http = new Histogram({
    name: 'vigilia_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer, by route template.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'vigilia_scrape_source_failures_total',
    help: 'Sources that could not be asked during a scrape; their series are missing from it.',
    labelNames: ['source'],
    registers,
  });
  const gauge = (name: string, help: string, labelNames: string[]): Gauge => new Gauge({ name, help, labelNames, registers });
  const jobs = gauge('vigilia_jobs', 'Jobs by status, as stored.', ['status']);
  const simulated = gauge('vigilia_simulated', '1 when what answers as Telegram is not Telegram.', []);
  const info = gauge('vigilia_info', 'Always 1; its labels say what runs.', ['version', 'role', 'world']);
  const served = gauge('vigilia_health', '1 for what /health says now.', ['status']);
  const connections = gauge('vigilia_connection_state', '1 for the state of the account’s connection now.', ['account', 'state']);
  const pongAge = gauge('vigilia_connection_pong_age_seconds', 'Time since the last pong.', ['account']);
  const gaps = gauge('vigilia_connection_gaps', 'Known gaps in the received updates that are not filled.', ['account']);
  const dependencies = gauge('vigilia_dependency_state', '1 for the state of what we depend on now.', [
    'dependency',
    'kind',
    'state',
  ]);
  const restarts = gauge('vigilia_actor_restarts', 'Restarts of the actors that are there now.', ['actor']);

  const collectJobs = async (): Promise<void> => {
    jobs.reset();
    const counts = await store.countJobs();
    for (const status of JOB_STATUSES) jobs.set({ status }, counts[status]);
  };
  const collectHealth = async (): Promise<void> => {
    for (const one of [simulated, info, served, connections, pongAge, gaps, dependencies]) one.reset();
    const report = await health();
    simulated.set(report.simulated ? 1 : 0);
    info.set({ version: report.version, role: report.role, world: report.world.kind }, 1);
    for (const status of ['ok', 'degraded', 'down']) served.set({ status }, report.status === status ? 1 : 0);
    for (const account of report.accounts) {
      connections.set({ account: account.id, state: account.state }, 1);
      if (account.lastPongAgeMs !== null) pongAge.set({ account: account.id }, account.lastPongAgeMs / 1000);
      gaps.set({ account: account.id }, account.gaps);
    }
    for (const [dependency, found] of Object.entries(report.dependencies)) {
      if (found !== undefined) dependencies.set({ dependency, kind: found.kind, state: found.state }, 1);
    }
  };
  const collectActors = async (): Promise<void> => {
    restarts.reset();
    const visit = (node: ActorNode): void => {
      restarts.set({ actor: node.path }, node.restarts);
      for (const child of node.children) visit(child);
    };
    visit(system.tree());
  };

  const ask = async (source: string, collect: () => Promise<void>): Promise<void> => {
    const answered = new AbortController();
    const late = async (): Promise<void> => {
      if (await pause(clock, SOURCE_MS, answered.signal)) throw new VigiliaError('INTERNAL', `no answer within ${SOURCE_MS} ms`);
    };
    try {
      await Promise.race([collect().finally(() => answered.abort()), late().then(() => new Promise<never>(() => {}))]);
    } catch (error) {
      failures.inc({ source });
      log.debug({ source, causes: causeChain(error) }, 'metric source failed');
    }
  };

  return {
    observeHttp(method, route, status, seconds) {
      http.observe({ method, route, status }, seconds);
    },
    async expose() {
      await Promise.all([ask('store', collectJobs), ask('health', collectHealth), ask('actors', collectActors)]);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
