import { ERRORS, type ErrorCode } from '../../errors.ts';

/** What errors below 500 say in one case each, and the field that is at fault. From 500 on, an answer has the code's own sentence. */
const SAID: Partial<Readonly<Record<ErrorCode, readonly [message: string, field?: string]>>> = {
  INVALID_REQUEST: ['offset: there is no such field in the query; limit: must be from 1 to 200.', 'offset'],
  INVALID_CHANNEL: ['Not a channel: expected a numeric id, a username or a t.me link.', 'channelId'],
  UNAUTHORIZED: ['A valid X-Gateway-Token or Authorization: Bearer is needed.'],
  FORBIDDEN: ['This needs a token of scope admin; yours is read.'],
  NOT_FOUND: ['There is no job JOB_ID.', 'id'],
  METHOD_NOT_ALLOWED: ['PUT is not for this path; it knows GET, HEAD.'],
  RATE_LIMITED: ['The token has used up its requests of this minute.'],
  UNKNOWN_ACCOUNT: ['There is no account third.', 'accountId'],
  IDEMPOTENCY_KEY_REUSED: ['This Idempotency-Key was used for another request within 24 hours.', 'Idempotency-Key'],
  JOB_ENDED: ['Job JOB_ID has ended: it is completed.', 'id'],
  JOB_NOT_RETRIABLE: ['Job JOB_ID is completed: only a failed or cancelled job can be retried.', 'id'],
  ANSWER_OWED: ['Who asked for JOB_ID over RabbitMQ was not answered yet.', 'id'],
  ACCOUNT_EXISTS: ['There is an account second already.', 'id'],
  LOGIN_UNDER_WAY: ['A login of account second is under way: go on with it, or cancel it.'],
  LOGIN_NOT_NEEDED: ['Account second is logged in and connected.', 'replace'],
  LOGIN_NOT_FOUND: ['Account second has no login.'],
  LOGIN_WRONG_STEP: ['The login of account second does not wait for a code: it is awaiting-password.'],
  TELEGRAM_FLOOD: ['Telegram takes nothing for this login for another 30 s.'],
};

/** @returns an answer with this code, as one sees it */
export function exampleError(code: ErrorCode) {
  const [message, field] = SAID[code] ?? [ERRORS[code].meaning];
  return { error: { code, message, ...(field !== undefined && { field }) } };
}
