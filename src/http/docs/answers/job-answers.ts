import { ERRORS } from '../../../errors.ts';
import type { Answers } from './answers.ts';
import { POST } from './channel-answers.ts';

const ID = 'sync-01M7XS8M139VJW9K3V9V0K';
const CHANNELS_ID = 'channels-01M7XS8MNR630N2259W1WF';
const CREATED = '2026-01-31T12:00:00.000Z';
const ENDED = '2026-01-31T12:00:01.250Z';

const QUEUED = {
  jobId: ID,
  action: 'sync-messages',
  params: { channelId: 'vigilia_news', limit: 200, force: false },
  accountId: 'main',
  status: 'queued',
  priority: 5,
  progress: null,
  attempts: 0,
  reason: null,
  cancelRequested: false,
  error: null,
  createdAt: CREATED,
  updatedAt: CREATED,
  endedAt: null,
  nextAttemptAt: null,
};
const COMPLETED = {
  ...QUEUED,
  status: 'completed',
  progress: { done: 200, total: 200 },
  attempts: 1,
  updatedAt: ENDED,
  endedAt: ENDED,
};
const RESULT = {
  count: 200,
  channelId: POST.channelId,
  complete: false,
  messages: [POST],
  more: `/api/telegram-gateway/channels/${POST.channelId}/messages`,
};
/** It is asked for again once the flood wait is over. */
const DELAYED = {
  ...QUEUED,
  jobId: CHANNELS_ID,
  action: 'get-channels',
  params: {},
  status: 'delayed',
  reason: 'TELEGRAM_FLOOD: Telegram asked to wait 30 s.',
  updatedAt: ENDED,
  nextAttemptAt: '2026-01-31T12:00:31.250Z',
};
const FAILED = {
  ...QUEUED,
  params: { channelId: 'nobody_here', limit: 50, force: false },
  status: 'failed',
  attempts: 1,
  reason: `CHANNEL_NOT_FOUND: ${ERRORS.CHANNEL_NOT_FOUND.meaning}`,
  error: { code: 'CHANNEL_NOT_FOUND', message: ERRORS.CHANNEL_NOT_FOUND.meaning },
  updatedAt: ENDED,
  endedAt: ENDED,
};
const CANCELLED = {
  ...QUEUED,
  status: 'cancelled',
  reason: 'JOB_CANCELLED: it was cancelled on request',
  error: { code: 'JOB_CANCELLED', message: 'It was cancelled on request.' },
  updatedAt: ENDED,
  endedAt: ENDED,
  result: null,
};
const CANCELLING = {
  ...QUEUED,
  status: 'processing',
  progress: { done: 100, total: 200 },
  cancelRequested: true,
  updatedAt: ENDED,
  result: null,
};
/** The job after it was told to be done again: its history has how it failed. */
const AGAIN = { ...QUEUED, params: FAILED.params, updatedAt: '2026-01-31T12:05:00.000Z', result: null };

const step = (id: number, at: string, event: string, from: string, to: string, detail = {}) => ({
  id,
  at,
  event,
  from,
  to,
  detail,
});
const SUBMITTED = step(1, CREATED, 'SUBMIT', 'queued', 'queued');
const CLAIMED = step(42, '2026-01-31T12:00:00.280Z', 'CLAIM', 'queued', 'processing', { token: 2 });
const HISTORY = {
  events: [
    SUBMITTED,
    CLAIMED,
    step(43, '2026-01-31T12:00:00.900Z', 'PROGRESS', 'processing', 'processing', { done: 200, total: 200 }),
    step(45, ENDED, 'COMPLETE', 'processing', 'completed'),
  ],
  next: null,
};
const accepted = (jobId: string) => ({ jobId, status: 'queued', pollUrl: `/api/telegram-gateway/jobs/${jobId}` });
const STATS = { waiting: 1, active: 1, completed: 128, failed: 2, delayed: 1, paused: 0, total: 133 };

/** What is answered about jobs and dead letters. */
export const JOB_ANSWERS: Answers = {
  'POST /sync-messages': { 202: accepted(ID) },
  'POST /get-channels': { 202: accepted(CHANNELS_ID) },
  'GET /jobs': { 200: { jobs: [DELAYED, COMPLETED], next: null } },
  'GET /jobs/:id': { 200: { ...COMPLETED, result: RESULT } },
  'GET /jobs/:id/history': { 200: HISTORY },
  'POST /jobs/:id/cancel': { 200: CANCELLED, 202: CANCELLING },
  'POST /jobs/:id/retry': { 202: AGAIN },
  'GET /dead-letters': { 200: { deadLetters: [{ kind: 'job', ...FAILED }], next: null } },
  'GET /dead-letters/:id': {
    200: {
      kind: 'job',
      ...FAILED,
      result: null,
      history: {
        events: [SUBMITTED, CLAIMED, step(44, ENDED, 'FAIL', 'processing', 'failed', { code: 'CHANNEL_NOT_FOUND' })],
        next: null,
      },
    },
  },
  'POST /dead-letters/:id/replay': { 202: AGAIN },
  'POST /dead-letters/replay': { 202: { replayed: 3, left: 0 } },
  'POST /dead-letters/purge': { 200: { purged: 2, left: 0 } },
  'GET /queue/stats': { 200: STATS },
  'GET /queue/health': { 200: { healthy: true, stats: STATS }, 503: { healthy: false, stats: null } },
};
