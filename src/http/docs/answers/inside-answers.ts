import type { JsonObject } from '../../../ports.ts';
import type { Answers } from './answers.ts';
import { LOGGED_IN_AT, PROCESS } from './story.ts';

const AT = Date.parse(LOGGED_IN_AT);
const LIVE = 'authenticated(heartbeat.waiting, service.live, stability.stable)';
const QUIET = { handled: 0, rejected: 0, perSecond: 0 };

const CONNECTION = {
  path: 'root/accounts/main/connection',
  kind: 'connection',
  state: LIVE,
  since: AT,
  incarnation: 1,
  restarts: 0,
  events: {
    handled: 2_884,
    rejected: 0,
    perSecond: 0.1,
    longest: { event: 'xstate.done.actor.0.connection.connecting.opening', durationMs: 1.931, at: AT },
  },
  context: { generation: 1, attempt: 0, lastError: null, lastPongAt: AT + 86_390_000, delayMs: null },
  children: [],
};
const supervisor = (path: string, quarantines: boolean, children: readonly JsonObject[]) => ({
  path,
  kind: 'supervisor',
  state: 'serving.running',
  since: AT - 3_000,
  incarnation: 1,
  restarts: 0,
  supervision: {
    strategy: quarantines ? 'one_for_one' : 'rest_for_one',
    maxRestarts: 3,
    periodMs: 60_000,
    restarts: 0,
    quarantines,
  },
  events: QUIET,
  children,
});
const ACCOUNTS = supervisor('root/accounts', true, [supervisor('root/accounts/main', false, [CONNECTION])]);
const PONG = 'xstate.done.actor.0.connection.authenticated.heartbeat.pinging';

const ACT = {
  id: '9f54ae86-9fe3-42e6-8414-793e9094f887',
  at: '2026-01-31T12:00:00.000Z',
  by: { id: 'local', by: 'local', address: '127.0.0.1', requestId: 'db5ff291-9bae-4473-8328-dc18422a7436' },
  process: PROCESS,
  actor: 'root/accounts/main/connection',
  act: 'restart',
  event: null,
  reason: null,
  detail: { state: 'up' },
  outcome: 'done',
  code: null,
  why: null,
  finishedAt: '2026-01-31T12:00:00.039Z',
};
const UNDER_WAY = { ...ACT, detail: null, outcome: 'under-way', finishedAt: null };

const state = (path: string, initial: boolean, more = {}) => ({
  path,
  key: path.split('.').at(-1) ?? '',
  type: 'atomic',
  initial,
  entry: [],
  exit: [],
  invokes: [],
  children: [],
  ...more,
});
const edge = (from: string, to: string, on: string, kind: string, label: string) => ({
  from,
  to: [to],
  on,
  branch: 0,
  kind,
  label,
  reenters: false,
});

/** What is answered about actors, machines, processes, and what people did to them. */
export const INSIDE_ANSWERS: Answers = {
  'GET /api/processes': {
    200: {
      processes: [
        {
          id: PROCESS,
          self: true,
          role: 'all',
          host: 'gateway-1',
          pid: 2_691,
          version: '0.1.0',
          startedAt: AT - 16_000,
          seenAgoMs: 0,
          stale: false,
          accounts: ['main'],
          lag: { p50Ms: 0.1, p99Ms: 2.4, maxMs: 38.7 },
          busy: 0.03,
          memory: { rssBytes: 116_538_368, heapUsedBytes: 44_924_048 },
        },
      ],
    },
  },
  'GET /api/state': { 200: supervisor('root', false, [ACCOUNTS]) },
  'GET /api/state/*': {
    200: {
      ...CONNECTION,
      states: [
        { at: AT, incarnation: 1, state: 'authenticated(heartbeat.pinging, service.catching-up, stability.settling)' },
        { at: AT - 3_363, incarnation: 1, state: 'connecting.queued' },
        { at: AT - 3_364, incarnation: 1, state: 'starting' },
        { at: AT - 3_382, incarnation: 0, state: 'waiting' },
      ],
      transitions: [
        {
          number: 2_884,
          at: AT + 86_390_000,
          incarnation: 1,
          event: PONG,
          raised: false,
          rejected: false,
          failed: false,
          edges: [
            {
              from: 'authenticated.heartbeat.pinging',
              to: ['authenticated.heartbeat.waiting'],
              on: PONG,
              branch: 0,
              actions: ['markPong'],
            },
          ],
          state: LIVE,
          durationMs: 0.303,
        },
      ],
      acts: [{ act: 'restart' }, { act: 'stop' }],
    },
  },
  'POST /api/acts': { 200: { ...ACT, audited: 'now' }, 202: { ...UNDER_WAY, audited: 'now' } },
  'GET /api/acts': { 200: { acts: [ACT], next: null } },
  'GET /api/caller': { 200: { id: 'local', scope: 'admin', by: 'local', expiresAt: null } },
  'GET /api/machines': {
    200: {
      machines: [
        {
          id: 'job',
          version: 'd3fd117420b4',
          purpose: 'A job’s life. It is never alive itself: each step is taken on the job’s row.',
          states: 7,
          transitions: 25,
        },
      ],
    },
  },
  // A part of the real one, which goes on for pages.
  'GET /api/machines/:name': {
    200: {
      id: 'job',
      version: 'd3fd117420b4',
      purpose: 'A job’s life. It is never alive itself: each step is taken on the job’s row.',
      root: state('', true, {
        key: 'job',
        type: 'compound',
        children: [state('queued', true), state('processing', false), state('completed', false, { type: 'final' })],
      }),
      edges: [
        edge('queued', 'processing', 'CLAIM', 'event', 'CLAIM'),
        edge('processing', 'completed', 'COMPLETE', 'event', 'COMPLETE'),
      ],
      delays: {},
    },
  },
};
