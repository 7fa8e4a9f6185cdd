import { describe, expect, test } from 'vitest';
import { verdictOf } from '../../src/actors/jobs/verdict.ts';
import { ERRORS, type ErrorCode, errorRecord, VigiliaError } from '../../src/errors.ts';

const claim = { token: 3, number: 2 };
const NOW = 1_000_000;

/** What each code means for a job whose run ended with it. `again`: retried; `fails`: not; null: nobody's business here any more. */
const VERDICTS: { readonly [Code in ErrorCode]: 'again' | 'fails' | 'THROTTLE' | 'PARK' | 'RELEASE' | null } = {
  INVALID_REQUEST: 'fails',
  INVALID_JSON: 'fails',
  INVALID_CHANNEL: 'fails',
  UNAUTHORIZED: 'fails',
  FORBIDDEN: 'fails',
  HOST_NOT_ALLOWED: 'fails',
  NOT_FOUND: 'fails',
  METHOD_NOT_ALLOWED: 'fails',
  REQUEST_TIMEOUT: 'fails',
  BODY_TOO_LARGE: 'fails',
  UNSUPPORTED_MEDIA_TYPE: 'fails',
  UPGRADE_REQUIRED: 'fails',
  RATE_LIMITED: 'THROTTLE',
  HEADERS_TOO_LARGE: 'fails',
  INTERNAL: 'again',
  PROCESS_SILENT: 'again',
  STORE_UNAVAILABLE: 'RELEASE',
  TOO_MANY_STREAMS: 'again',
  AUTH_KEYS_UNAVAILABLE: 'again',
  BROKER_UNAVAILABLE: 'again',
  BROKER_REFUSED: 'again',
  BROKER_UNROUTABLE: 'again',
  CACHE_UNAVAILABLE: 'again',
  STORE_REFUSED: 'again',
  FOREIGN_DATABASE: 'fails',
  SCHEMA_TOO_NEW: 'fails',
  DATA_DIR_LOCKED: 'fails',
  DATA_DIR_UNUSABLE: 'fails',
  PORT_IN_USE: 'fails',
  CONFIG_INVALID: 'fails',
  SESSION_CORRUPT: 'fails',
  SESSION_UNREADABLE: 'again',
  SESSION_MISSING: 'fails',
  SESSION_FENCED: 'fails',
  SESSION_INVALID: 'fails',
  SESSION_EXISTS: 'fails',
  BACKUP_UNUSABLE: 'fails',
  WORLD_INVALID: 'fails',
  SIMULATOR_FAILED: 'again',
  SIMULATOR_REFUSED: 'fails',
  JOB_NOT_CLAIMED: null,
  LEASE_LOST: 'again',
  JOB_POISON: 'fails',
  JOB_CANCELLED: null,
  JOB_ENDED: 'fails',
  JOB_NOT_RETRIABLE: 'fails',
  ANSWER_OWED: 'fails',
  IDEMPOTENCY_KEY_REUSED: 'fails',
  UNKNOWN_ACTION: 'fails',
  ACTION_NOT_ALLOWED: 'fails',
  JOB_ID_TAKEN: 'fails',
  UNKNOWN_ACCOUNT: 'fails',
  CHANNEL_NOT_FOUND: 'fails',
  TELEGRAM_OFFLINE: 'PARK',
  TELEGRAM_TIMEOUT: 'again',
  TELEGRAM_TRANSIENT: 'again',
  TELEGRAM_GENERATION: 'again',
  TELEGRAM_FLOOD: 'THROTTLE',
  BREAKER_OPEN: 'THROTTLE',
  TELEGRAM_LIMITED: 'fails',
  TELEGRAM_REAUTH: 'PARK',
  TELEGRAM_DEACTIVATED: 'PARK',
  ACCOUNT_OF_ANOTHER: 'fails',
  TELEGRAM_KEY_UNKNOWN: 'PARK',
  TELEGRAM_KEY_DUPLICATED: 'PARK',
  LOGIN_UNDER_WAY: 'fails',
  LOGIN_NOT_NEEDED: 'fails',
  LOGIN_NOT_FOUND: 'fails',
  LOGIN_WRONG_STEP: 'fails',
  LOGIN_PHONE_INVALID: 'fails',
  LOGIN_PHONE_BANNED: 'fails',
  LOGIN_PHONE_FLOODED: 'fails',
  LOGIN_APP_REFUSED: 'fails',
  LOGIN_SIGN_UP_NEEDED: 'fails',
  LOGIN_CODE_INVALID: 'fails',
  LOGIN_CODE_EXPIRED: 'fails',
  LOGIN_PASSWORD_NEEDED: 'fails',
  LOGIN_PASSWORD_INVALID: 'fails',
  LOGIN_NO_OTHER_WAY: 'fails',
  LOGIN_LOST: 'fails',
  LOGIN_TIMED_OUT: 'fails',
  LOGIN_ELSEWHERE: 'again',
  ACCOUNT_REMOVED: 'fails',
  ACCOUNT_EXISTS: 'fails',
  TELEGRAM_PLACE_UNKNOWN: 'again',
  TELEGRAM_REFUSED: 'fails',
  START_TIMEOUT: 'again',
  SUPERVISION_REFUSED: 'fails',
  EVENT_NOT_TAKEN: 'fails',
  ACT_EXPIRED: 'again',
  ACT_UNKNOWN: 'fails',
  GAVE_UP: 'again',
};

describe('what a failed run means for its job', () => {
  test.each(Object.entries(VERDICTS))('%s: %s', (code, verdict) => {
    const error = new VigiliaError(code as ErrorCode, 'said so', { retryAfterMs: 30_000 });
    const event = verdictOf(error, 1, claim, NOW, () => 0.5);
    const common = { now: NOW, claim };
    const record = errorRecord(error);
    switch (verdict) {
      case null:
        return expect(event).toBeUndefined();
      case 'RELEASE':
        return expect(event).toEqual({ type: 'RELEASE', ...common, retryAt: NOW + 1_000 + (claim.number - 1) * 1_000 });
      case 'PARK':
        return expect(event).toEqual({ type: 'PARK', ...common, error: record });
      case 'THROTTLE':
        return expect(event).toEqual({ type: 'THROTTLE', ...common, error: record, retryAt: NOW + 30_500 });
      default:
        return expect(event).toEqual({
          type: 'FAIL',
          ...common,
          error: record,
          retryable: verdict === 'again',
          retryAt: NOW + (ERRORS[code as ErrorCode].fault === 'bug' ? 10_000 : 2_000),
        });
    }
  });

  test('names every code', () => {
    expect(Object.keys(VERDICTS).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  test.each([
    ['TELEGRAM_TRANSIENT', [1_999, 3_999, 7_999, 59_999]],
    ['INTERNAL', [9_999, 19_999, 39_999, 299_999]],
  ] as const)('the delay before another attempt grows with the failures: %s', (code, expected) => {
    const error = new VigiliaError(code, 'x');
    const delays = [0, 1, 2, 10].map((attempts) => {
      const event = verdictOf(error, attempts, claim, NOW, () => 0.999_999);
      return event?.type === 'FAIL' ? event.retryAt - NOW : undefined;
    });
    expect(delays).toEqual(expected);
  });

  test('a flood wait without a time waits for its spread only', () => {
    const error = new VigiliaError('TELEGRAM_FLOOD', 'x');
    expect(verdictOf(error, 0, claim, NOW, () => 0.25)).toMatchObject({ type: 'THROTTLE', retryAt: NOW + 250 });
  });
});
