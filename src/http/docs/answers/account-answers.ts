import type { Answers } from './answers.ts';
import { LOGGED_IN_AT } from './story.ts';

const MAIN = { id: 'main', state: 'authenticated', since: LOGGED_IN_AT, userId: 700_000_001 };
const SECOND = {
  id: 'second',
  state: 'reauth-required',
  since: '2026-01-31T11:59:40.000Z',
  reason: 'account second has no session yet: it has to be logged in',
};

const STARTED = {
  accountId: 'second',
  method: 'code',
  state: 'sending-code',
  startedAt: '2026-01-31T12:00:00.000Z',
  phone: '+15…0002',
  code: null,
  triesLeft: null,
  passwordHint: null,
  qr: null,
  waitUntil: null,
  expiresAt: null,
  error: null,
};
const CODE = { via: 'app', length: 5, nextVia: 'sms', resendAt: '2026-01-31T12:02:00.000Z' };
const AWAITING_CODE = {
  ...STARTED,
  state: 'awaiting-code',
  code: CODE,
  triesLeft: 5,
  expiresAt: '2026-01-31T12:10:00.000Z',
};
const AWAITING_PASSWORD = { ...AWAITING_CODE, state: 'awaiting-password', passwordHint: 'the usual' };
const DONE = { ...STARTED, state: 'done', code: CODE };
const CANCELLED = { ...STARTED, state: 'cancelled', code: CODE, triesLeft: 5 };

/** What is answered about accounts and logins: one account's way from its making to its removal. */
export const ACCOUNT_ANSWERS: Answers = {
  'GET /accounts': { 200: { accounts: [MAIN, SECOND] } },
  'POST /accounts': { 201: { id: 'second' } },
  'GET /accounts/:id': { 200: SECOND },
  'POST /accounts/:id/login': { 200: AWAITING_CODE, 202: STARTED },
  'GET /accounts/:id/login': { 200: AWAITING_CODE },
  'POST /accounts/:id/login/code': { 200: AWAITING_PASSWORD, 202: { ...STARTED, state: 'checking-code', code: CODE } },
  'POST /accounts/:id/login/password': {
    200: DONE,
    202: { ...STARTED, state: 'checking-password', code: CODE, passwordHint: 'the usual' },
  },
  'POST /accounts/:id/login/resend': {
    200: { ...AWAITING_CODE, code: { via: 'sms', length: 5, nextVia: 'call', resendAt: '2026-01-31T12:04:00.000Z' } },
    202: STARTED,
  },
  'DELETE /accounts/:id/login': { 200: CANCELLED, 202: { ...CANCELLED, state: 'cancelling' } },
  'POST /accounts/:id/logout': { 200: { id: 'second' } },
  'DELETE /accounts/:id': { 200: { id: 'second', cancelledJobs: 0 } },
};
