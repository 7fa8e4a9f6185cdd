import type { Answers } from './answers.ts';
import { LOGGED_IN_AT } from './story.ts';

const SINCE = Date.parse(LOGGED_IN_AT);
const NO_GAPS = { detected: 0, healed: 0, missing: 0 };

const OK = {
  status: 'ok',
  simulated: false,
  world: { kind: 'telegram' },
  role: 'all',
  version: '0.1.0',
  uptimeMs: 86_400_000,
  accounts: [
    {
      id: 'main',
      state: 'authenticated',
      since: SINCE,
      lastPongAgeMs: 4_200,
      lastRpcAgeMs: 3_083,
      lastUpdateAgeMs: 812,
      gaps: 0,
      gapCounts: { account: NO_GAPS, channel: NO_GAPS },
      userId: 700_000_001,
    },
  ],
  dependencies: {
    store: { kind: 'postgresql', state: 'up', since: SINCE, latencyMs: 0.9, lastAnswerAgeMs: 3_837 },
    broker: { kind: 'rabbitmq', state: 'up', since: SINCE },
    cache: { kind: 'redis', state: 'up', since: SINCE },
  },
  notes: [],
};
/** Telegram is away: jobs are taken and wait, what is stored is read. */
const DOWN = {
  ...OK,
  status: 'down',
  accounts: [
    {
      id: 'main',
      state: 'backoff',
      since: SINCE + 3_600_000,
      lastPongAgeMs: 94_000,
      lastRpcAgeMs: 96_410,
      lastUpdateAgeMs: 101_220,
      gaps: 0,
      reason: 'TELEGRAM_OFFLINE: no connection to Telegram could be opened',
      userId: 700_000_001,
    },
  ],
};

/** What probes and people are answered who ask how it is. */
export const HEALTH_ANSWERS: Answers = {
  'GET /health/live': { 200: { status: 'ok' } },
  'GET /health/ready': { 200: { status: 'ok' } },
  'GET /health': { 200: OK, 503: DOWN },
};
