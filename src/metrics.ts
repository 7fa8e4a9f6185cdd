import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, within } from './clock.ts';
import { causeChain, VigiliaError } from './errors.ts';
import type { Log } from './log.ts';
import {
  type ActorNode,
  type ActorSystemView,
  type DependencyHealth,
  type EventFigures,
  type HealthReport,
  JOB_STATUSES,
  type Json,
  type ProcessFigures,
  type RetentionFigures,
  type Store,
  type StreamState,
} from './ports.ts';

/** Where the figures that are read, not counted, come from: asked once a scrape. */
export interface MetricSources {
  readonly store: Pick<Store, 'countJobs' | 'streamState'>;
  readonly system: ActorSystemView;
  health(): HealthReport | Promise<HealthReport>;
  /** Of this process: its event loop. */
  figures(): ProcessFigures;
  /** Of the event streams of this process. */
  events(): EventFigures;
  /** Of what this process deletes; absent where it deletes nothing. */
  readonly retention?: () => RetentionFigures;
}

/** What one name of a series means. */
export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly labels: readonly string[];
  readonly help: string;
}

/** What is measured, for Prometheus. */
export interface Metrics {
  /** @param route the route's template, or `none` */
  observeHttp(method: string, route: string, status: number, seconds: number): void;
  /** Every series there may be, in the order of their names. */
  describe(): readonly MetricRow[];
  /** The text to answer a scrape with. A source that fails is left out and counted; it never fails the scrape. */
  expose(): Promise<{ contentType: string; body: string }>;
}

/** Within 1 ms (cached reads) and 10 s (the deadline of a read). */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Actors that have series of their own; children that come and go are without number, and so would be the series. */
const ACTORS_NAMED = 200;
/** As opossum names them. */
const BREAKER_STATES = ['closed', 'open', 'half-open'] as const;
const CACHE_OUTCOMES = ['hits', 'misses', 'errors'] as const;
/** What becomes of a message that is published, and those that are delivered. */
const BROKER_OUTCOMES = ['confirmed', 'returned', 'rejected', 'failed', 'delivered'] as const;
/** The label that the other actors share. */
const OTHER_ACTORS = 'other';
/** A scrape waits no longer for a source: Prometheus itself gives up after 10 s. */
const SOURCE_MS = 2_000;

/** A registry of its own, so that several can live in one process. */
export function createMetrics(
  { store, system, health, figures, events, retention }: MetricSources,
  clock: Clock,
  log: Log,
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectNodeMetrics(registry);

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
  const breakers = gauge('vigilia_breaker_state', '1 for the state of the breaker now.', ['name', 'state']);
  const floodLeft = gauge('vigilia_flood_wait_seconds', 'How long Telegram still wants to be left alone with a kind of call.', [
    'account',
    'method',
  ]);
  const floodWaits = new Counter({
    name: 'vigilia_flood_waits_total',
    help: 'How often Telegram asked to wait, by kind of call.',
    labelNames: ['account', 'method'],
    registers,
  });
  const limited = gauge('vigilia_account_limited', '1 for a kind of call in which Telegram has limited the account.', [
    'account',
    'method',
  ]);
  const pongAge = gauge('vigilia_connection_pong_age_seconds', 'Time since the last pong.', ['account']);
  const gapsOpen = gauge('vigilia_gap_open', 'Known gaps in the received updates that are not filled.', ['account']);
  const gaps = new Counter({
    name: 'vigilia_gaps_total',
    help: 'Gaps in the received updates by what became of them; missing counts what Telegram does not tell any more, or could not be stored.',
    labelNames: ['account', 'box', 'outcome'],
    registers,
  });
  const cacheReads = new Counter({
    name: 'vigilia_cache_calls_total',
    help: 'Windows asked of Redis by what came of it: hits, misses, and calls of any kind that failed.',
    labelNames: ['outcome'],
    registers,
  });
  const dependencies = gauge('vigilia_dependency_state', '1 for the state of what we depend on now.', [
    'dependency',
    'kind',
    'state',
  ]);
  const broker = brokerMetrics(registers);
  const foreign = foreignMetrics(registers);
  const stream = streamMetrics(registers);
  const actors = actorMetrics(registers);
  const loop = loopMetrics(registers);
  const deletions = retentionMetrics(registers);

  const collectJobs = async (): Promise<void> => {
    jobs.reset();
    const counts = await store.countJobs();
    for (const status of JOB_STATUSES) jobs.set({ status }, counts[status]);
  };
  const collectHealth = async (): Promise<void> => {
    for (const one of [
      simulated,
      info,
      served,
      connections,
      pongAge,
      gapsOpen,
      gaps,
      dependencies,
      cacheReads,
      breakers,
      floodLeft,
      floodWaits,
      limited,
    ])
      one.reset();
    const report = await health();
    simulated.set(report.simulated ? 1 : 0);
    info.set({ version: report.version, role: report.role, world: report.world.kind }, 1);
    for (const status of ['ok', 'degraded', 'down']) served.set({ status }, report.status === status ? 1 : 0);
    for (const account of report.accounts) {
      connections.set({ account: account.id, state: account.state }, 1);
      if (account.lastPongAgeMs !== null) pongAge.set({ account: account.id }, account.lastPongAgeMs / 1000);
      gapsOpen.set({ account: account.id }, account.gaps);
      for (const state of BREAKER_STATES)
        breakers.set({ name: `telegram:${account.id}`, state }, state === (account.breaker ?? 'closed') ? 1 : 0);
      for (const { method, waits, leftMs } of account.floods ?? []) {
        floodLeft.set({ account: account.id, method }, leftMs / 1000);
        floodWaits.inc({ account: account.id, method }, waits);
      }
      for (const { method } of account.limited ?? []) limited.set({ account: account.id, method }, 1);
      for (const [box, counts] of Object.entries(account.gapCounts ?? {})) {
        for (const [outcome, count] of Object.entries(counts)) gaps.inc({ account: account.id, box, outcome }, count);
      }
    }
    broker.set(report.dependencies.broker);
    foreign.set(report.dependencies.broker);
    for (const [dependency, found] of Object.entries(report.dependencies)) {
      if (found === undefined) continue;
      dependencies.set({ dependency, kind: found.kind, state: found.state }, 1);
      if (typeof found.breaker === 'string')
        for (const state of BREAKER_STATES) breakers.set({ name: dependency, state }, state === found.breaker ? 1 : 0);
      for (const outcome of CACHE_OUTCOMES) {
        const count = found[outcome];
        if (typeof count === 'number') cacheReads.inc({ outcome }, count);
      }
    }
  };
  const collectStream = async (): Promise<void> => {
    stream.setFigures(events());
    loop.set(figures());
    if (retention) deletions.set(retention());
    stream.setState(undefined, clock.now());
    stream.setState(await store.streamState(), clock.now());
  };
  const collectActors = async (): Promise<void> => {
    actors.set(system.tree());
  };

  const ask = async (source: string, collect: () => Promise<void>): Promise<void> => {
    try {
      await within(clock, SOURCE_MS, collect(), () => {
        throw new VigiliaError('INTERNAL', `no answer within ${SOURCE_MS} ms`);
      });
    } catch (error) {
      failures.inc({ source });
      log.debug({ source, causes: causeChain(error) }, 'metric source failed');
    }
  };

  return {
    observeHttp(method, route, status, seconds) {
      http.observe({ method, route, status }, seconds);
    },
    describe: () => describeAll(registry),
    async expose() {
      await Promise.all([
        ask('store', collectJobs),
        ask('stream', collectStream),
        ask('health', collectHealth),
        ask('actors', collectActors),
      ]);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** What prom-client finds that wakes the process for the event loop's lag: never, in ms. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * What prom-client collects of every Node process, but for the event loop: it wakes the process a hundred times a second for that, which at rest is about
 * a percent of a core, and forgets with each scrape, so that whoever scrapes second reads what means nothing.
 */
function collectNodeMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray())
    if (name.startsWith('nodejs_eventloop_')) registry.removeSingleMetric(name);
}

/** How late the event loop is, over windows that no scrape ends. */
function loopMetrics(registers: Registry[]): { set(figures: ProcessFigures): void } {
  const lag = new Gauge({
    name: 'vigilia_event_loop_lag_seconds',
    help: 'How late the event loop came to what was due, over the last 10 s: half of it, 99 of 100, and the worst.',
    labelNames: ['quantile'],
    registers,
  });
  const busy = new Gauge({
    name: 'vigilia_event_loop_busy_ratio',
    help: 'The part of the last 10 s in which the event loop was at work.',
    registers,
  });
  return {
    set({ lag: { p50Ms, p99Ms, maxMs }, busy: part }) {
      lag.set({ quantile: '0.5' }, p50Ms / 1000);
      lag.set({ quantile: '0.99' }, p99Ms / 1000);
      lag.set({ quantile: '1' }, maxMs / 1000);
      busy.set(part);
    },
  };
}

/** The figures of RabbitMQ, as its connection has them; none where the broker is in this process. */
function brokerMetrics(registers: Registry[]): { set(found: DependencyHealth): void } {
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const messages = new Counter({
    name: 'vigilia_broker_messages_total',
    help: 'Messages by what came of them: confirmed, returned for want of a queue, rejected by a queue, failed (not confirmed in time), delivered to us.',
    labelNames: ['outcome'],
    registers,
  });
  const underWay = gauge('vigilia_broker_publishing', 'Messages that wait for a place in the window, or for their confirm.', [
    'state',
  ]);
  const consumers = gauge('vigilia_broker_consumers', 'Queues that are to be consumed here, and those that are.', ['state']);
  const ready = gauge(
    'vigilia_broker_queue_ready',
    'Messages that wait in a queue that other programs use, as of the last look.',
    ['queue'],
  );
  const problems = gauge('vigilia_broker_problems', 'Queues and exchanges that are missing, or not as they have to be.');
  return {
    set(found) {
      for (const one of [messages, underWay, consumers, ready]) one.reset();
      problems.remove();
      if (found.kind !== 'rabbitmq') return;
      const number = (name: string): number => (typeof found[name] === 'number' ? found[name] : 0);
      for (const outcome of BROKER_OUTCOMES) messages.inc({ outcome }, number(outcome));
      for (const state of ['waiting', 'unconfirmed']) underWay.set({ state }, number(state));
      consumers.set({ state: 'wanted' }, number('consumers'));
      consumers.set({ state: 'consuming' }, number('consuming'));
      for (const [queue, count] of Object.entries(found.queues ?? {})) if (typeof count === 'number') ready.set({ queue }, count);
      problems.set(Array.isArray(found.problems) ? found.problems.length : 0);
    },
  };
}

/** The figures of other programs that ask and listen over RabbitMQ; none where this process does not deal with them. */
function foreignMetrics(registers: Registry[]): { set(found: DependencyHealth): void } {
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const requests = counter(
    'vigilia_foreign_requests_total',
    'Requests of other programs by what came of them: stored, known (the same again), or the code of the error that made them dead letters.',
    ['outcome'],
  );
  const answers = counter('vigilia_foreign_answers_total', 'Answers to jobs of other programs.');
  const owed = gauge('vigilia_foreign_answers_owed', 'Answers that are owed and were not taken by RabbitMQ, 16 at most.');
  const published = counter('vigilia_events_published_total', 'Events that RabbitMQ has confirmed.');
  const missed = counter(
    'vigilia_events_never_published_total',
    'Events that were deleted as old before they could be published.',
  );
  const lag = gauge('vigilia_publisher_lag_events', 'Events that are to be published; only where this process publishes.');
  const lagSeconds = gauge('vigilia_publisher_lag_seconds', 'Time since the first of them was written; 0 where there is none.');
  return {
    set(found) {
      requests.reset();
      for (const one of [answers, owed, published, missed, lag, lagSeconds]) one.remove();
      const [asked, answered, events] = [found.requests, found.answers, found.events].map(figuresOf);
      if (!asked || !answered || !events) return;
      for (const [outcome, count] of Object.entries(asked)) requests.inc({ outcome }, count);
      answers.inc(answered.sent ?? 0);
      owed.set(answered.owed ?? 0);
      published.inc(events.published ?? 0);
      missed.inc(events.missed ?? 0);
      if (events.lag !== undefined) lag.set(events.lag);
      if (events.lagMs !== undefined) lagSeconds.set(events.lagMs / 1000);
    },
  };
}

/** @returns what of an object is numbers; undefined where it is none */
function figuresOf(found: Json | undefined): Readonly<Record<string, number>> | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

function describeAll(registry: Registry): MetricRow[] {
  const rows = registry.getMetricsAsArray() as unknown as (Omit<MetricRow, 'labels'> & {
    readonly labelNames: readonly string[];
  })[];
  return rows
    .map(({ name, type, help, labelNames }) => ({ name, type, help, labels: [...labelNames] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The figures of the stream of events, and of those who listen to it here. */
function streamMetrics(registers: Registry[]): {
  setFigures(figures: EventFigures): void;
  /** @param state undefined where it is not known */
  setState(state: StreamState | undefined, nowMs: number): void;
} {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const subscribers = gauge('vigilia_event_subscribers', 'Event streams that are open in this process.');
  const sent = new Counter({ name: 'vigilia_events_sent_total', help: 'Events written to subscribers.', registers });
  const resets = new Counter({
    name: 'vigilia_event_resets_total',
    help: 'Subscribers who came for events that are not kept any more.',
    registers,
  });
  const cutOffs = new Counter({
    name: 'vigilia_event_cut_offs_total',
    help: 'Event streams that were ended from this side, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const head = gauge('vigilia_stream_position', 'The last position of the stream of events.');
  const oldest = gauge('vigilia_stream_oldest_position', 'The first position of the stream that is kept.');
  const waiting = gauge('vigilia_sequencer_waiting', 'Committed events without a position.');
  const lag = gauge(
    'vigilia_sequencer_lag_seconds',
    'How long the first event without a position has waited; 0 when none waits.',
  );
  return {
    setFigures(figures) {
      subscribers.set(figures.subscribers);
      for (const one of [sent, resets, cutOffs]) one.reset();
      sent.inc(figures.sent);
      resets.inc(figures.resets);
      for (const [reason, count] of Object.entries(figures.cutOffs)) cutOffs.inc({ reason }, count);
    },
    setState(state, nowMs) {
      for (const one of [head, oldest, waiting, lag]) one.remove();
      if (!state) return;
      head.set(state.head);
      oldest.set(state.oldest);
      waiting.set(state.waiting);
      lag.set(state.waitingSince === null ? 0 : Math.max(0, nowMs - state.waitingSince) / 1000);
    },
  };
}

/** The figures of what is deleted because it is old. */
function retentionMetrics(registers: Registry[]): { set(figures: RetentionFigures): void } {
  const deleted = new Counter({
    name: 'vigilia_rows_deleted_total',
    help: 'Rows that this process has deleted because they were old: messages, and records of jobs, events and requests.',
    labelNames: ['kind'],
    registers,
  });
  const ended = new Gauge({
    name: 'vigilia_retention_done_timestamp_seconds',
    help: 'When this process last saw that nothing old was left.',
    registers,
  });
  return {
    set({ records, messages, endedAt }) {
      deleted.reset();
      deleted.inc({ kind: 'records' }, records);
      deleted.inc({ kind: 'messages' }, messages);
      ended.remove();
      if (endedAt !== null) ended.set(endedAt / 1000);
    },
  };
}

/** The figures of the actors, each by its path: the first ones of the tree by name, the rest together. */
function actorMetrics(registers: Registry[]): { set(tree: ActorNode): void } {
  const gauge = (name: string, help: string, labelNames: string[]): Gauge => new Gauge({ name, help, labelNames, registers });
  const restarts = gauge('vigilia_actor_restarts', 'Restarts of the actors that are there now.', ['actor']);
  const events = new Counter({
    name: 'vigilia_actor_events_total',
    help: 'Events that actors handled; the rejected ones had no transition where the machine was.',
    labelNames: ['actor', 'outcome'],
    registers,
  });
  const longest = gauge(
    'vigilia_actor_longest_handler_seconds',
    'The longest that one event of the actor took, or one piece of its work with what it waited for.',
    ['actor'],
  );
  const queued = gauge('vigilia_actor_queued', 'What waits for an actor that has a queue of its own.', ['actor']);
  const used = gauge('vigilia_supervisor_restarts', 'Restarts within the period that ends now, by supervisor.', ['actor']);
  const allowed = gauge('vigilia_supervisor_max_restarts', 'Restarts within the period that a supervisor allows.', ['actor']);

  return {
    set(tree) {
      for (const one of [restarts, events, longest, queued, used, allowed]) one.reset();
      let named = 0;
      let otherLongestMs = 0;
      const visit = (node: ActorNode): void => {
        const alone = named++ < ACTORS_NAMED;
        const actor = alone ? node.path : OTHER_ACTORS;
        const { handled, rejected, longest: slowest } = node.events;
        restarts.inc({ actor }, node.restarts);
        events.inc({ actor, outcome: 'taken' }, handled - rejected);
        events.inc({ actor, outcome: 'rejected' }, rejected);
        const longestMs = slowest?.durationMs ?? 0;
        if (!alone) otherLongestMs = Math.max(otherLongestMs, longestMs);
        longest.set({ actor }, (alone ? longestMs : otherLongestMs) / 1000);
        if (node.queued !== undefined) queued.inc({ actor }, node.queued);
        // Of several, the sum would say nothing about any.
        if (alone && node.supervision) {
          used.set({ actor }, node.supervision.restarts);
          allowed.set({ actor }, node.supervision.maxRestarts);
        }
        for (const child of node.children) visit(child);
      };
      visit(tree);
    },
  };
}
