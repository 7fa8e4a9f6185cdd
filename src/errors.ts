/**
 * What a failure means to whoever has to decide what happens next. Adapters translate at the edge; the supervisor, the
 * job machine and the HTTP layer look only at this.
 *
 * - `transient`: may pass by itself; try again after a backoff
 * - `throttled`: the other side named a time; try again after it, no attempt is spent
 * - `reauth`: a person has to log in again
 * - `conflict`: somebody else owns what we hold (a session, a claim); never retried as it is
 * - `permanent`: the request is at fault and will be at fault again
 * - `bug`: ours
 */
export type Fault = 'transient' | 'throttled' | 'reauth' | 'conflict' | 'permanent' | 'bug';

/** One row of the table of codes: what it means and what HTTP says about it. */
interface ErrorRow {
  readonly fault: Fault;
  /** HTTP status with which a request that meets this error is answered. */
  readonly status: number;
  /** What the code means, in one sentence for the documentation. */
  readonly meaning: string;
}

/**
 * Every error code of the program. `docs/errors.md` is held equal to it by a test.
 * A code is stable: programs match on it; texts are for people and may change.
 */
export const ERRORS = {
  INVALID_REQUEST: { fault: 'permanent', status: 400, meaning: 'A body, query or path parameter does not fit its schema.' },
  INVALID_JSON: { fault: 'permanent', status: 400, meaning: 'The body is not JSON.' },
  INVALID_CHANNEL: {
    fault: 'permanent',
    status: 400,
    meaning: 'The channel is neither a numeric id, a username nor a t.me link.',
  },
  UNAUTHORIZED: { fault: 'permanent', status: 401, meaning: 'The token is missing or unknown.' },
  FORBIDDEN: { fault: 'permanent', status: 403, meaning: "The token's scope does not allow this." },
  HOST_NOT_ALLOWED: {
    fault: 'permanent',
    status: 403,
    meaning: 'The Host or Origin header names a site this gateway does not serve.',
  },
  NOT_FOUND: { fault: 'permanent', status: 404, meaning: 'No such route, job or channel.' },
  METHOD_NOT_ALLOWED: { fault: 'permanent', status: 405, meaning: 'The route exists, but not for this method.' },
  REQUEST_TIMEOUT: { fault: 'permanent', status: 408, meaning: 'The request did not arrive in time.' },
  BODY_TOO_LARGE: { fault: 'permanent', status: 413, meaning: 'The body is larger than 1 MiB.' },
  UNSUPPORTED_MEDIA_TYPE: { fault: 'permanent', status: 415, meaning: 'Bodies are application/json only.' },
  UPGRADE_REQUIRED: { fault: 'permanent', status: 426, meaning: 'The path speaks WebSocket only.' },
  RATE_LIMITED: {
    fault: 'throttled',
    status: 429,
    meaning: 'The token asks more often than it may, or the address has sent too many wrong tokens; try again after Retry-After.',
  },
  HEADERS_TOO_LARGE: { fault: 'permanent', status: 431, meaning: 'The request line and headers are larger than 16 KiB.' },
  INTERNAL: { fault: 'bug', status: 500, meaning: 'A defect of ours; the log has the cause under the request id.' },
  STORE_UNAVAILABLE: {
    fault: 'transient',
    status: 503,
    meaning: 'The database cannot be reached or is too slow; try again after Retry-After.',
  },
  TOO_MANY_STREAMS: {
    fault: 'transient',
    status: 503,
    meaning: 'This process has as many event streams open as it takes; try again after Retry-After, or use another gateway.',
  },
  AUTH_KEYS_UNAVAILABLE: {
    fault: 'transient',
    status: 503,
    meaning:
      'The JWT may be good, but the key that signed it is not known here and GATEWAY_JWT_JWKS_URL cannot be read at the moment.',
  },
  BROKER_UNAVAILABLE: { fault: 'transient', status: 503, meaning: 'The broker cannot be reached, or was closed.' },
  BROKER_REFUSED: {
    fault: 'transient',
    status: 503,
    meaning:
      'The broker is there and refuses: the login or the virtual host of RABBITMQ_URL, a missing permission, or a queue or exchange that exists and is not as it has to be.',
  },
  BROKER_UNROUTABLE: { fault: 'transient', status: 503, meaning: 'The broker has no queue that takes the message.' },
  CACHE_UNAVAILABLE: {
    fault: 'transient',
    status: 503,
    meaning: 'The cache cannot be reached, or was closed; the database answers.',
  },
  STORE_REFUSED: { fault: 'bug', status: 500, meaning: 'The database refused a statement.' },
  FOREIGN_DATABASE: {
    fault: 'conflict',
    status: 500,
    meaning: 'The database belongs to another world (Telegram, or another simulator).',
  },
  SCHEMA_TOO_NEW: { fault: 'conflict', status: 500, meaning: 'The database was migrated by a newer version of this program.' },
  DATA_DIR_LOCKED: { fault: 'conflict', status: 500, meaning: 'Another process holds the data directory.' },
  DATA_DIR_UNUSABLE: { fault: 'permanent', status: 500, meaning: 'The data directory cannot be created or written.' },
  PORT_IN_USE: { fault: 'permanent', status: 500, meaning: 'The address to listen on is taken.' },
  CONFIG_INVALID: { fault: 'permanent', status: 500, meaning: 'One or more environment variables are wrong.' },
  SESSION_CORRUPT: {
    fault: 'reauth',
    status: 500,
    meaning: 'The stored session cannot be read: damaged, or sealed with another key.',
  },
  SESSION_UNREADABLE: { fault: 'transient', status: 500, meaning: 'The stored session cannot be read at the moment.' },
  SESSION_MISSING: { fault: 'reauth', status: 500, meaning: 'There is no stored session: the account has to be logged in.' },
  SESSION_FENCED: {
    fault: 'conflict',
    status: 500,
    meaning: 'Another worker has taken the account: its session is not for this one to write.',
  },
  SESSION_INVALID: { fault: 'permanent', status: 500, meaning: 'What was given as a session is none.' },
  SESSION_EXISTS: { fault: 'permanent', status: 500, meaning: 'The account has another session already.' },
  BACKUP_UNUSABLE: {
    fault: 'permanent',
    status: 500,
    meaning: 'The backup of the sessions cannot be used: damaged, sealed with another key, or of another world.',
  },
  LEASE_LOST: {
    fault: 'transient',
    status: 503,
    meaning: "The worker does not hold the account's lease any more: another one may use its session.",
  },
  WORLD_INVALID: { fault: 'permanent', status: 500, meaning: 'A file of the simulated world cannot be read.' },
  SIMULATOR_FAILED: { fault: 'transient', status: 500, meaning: 'The simulator process was ended.' },
  SIMULATOR_REFUSED: {
    fault: 'permanent',
    status: 500,
    meaning: 'The simulator does not start with what it was given; its own words say why.',
  },
  JOB_NOT_CLAIMED: { fault: 'conflict', status: 500, meaning: "The job's claim belongs to somebody else by now." },
  JOB_POISON: { fault: 'permanent', status: 500, meaning: 'Five workers in a row were lost on this job without any progress.' },
  JOB_CANCELLED: { fault: 'permanent', status: 500, meaning: 'The job was cancelled.' },
  JOB_ENDED: { fault: 'permanent', status: 409, meaning: 'The job has ended: there is nothing to cancel.' },
  JOB_NOT_RETRIABLE: { fault: 'permanent', status: 409, meaning: 'Only a job that failed or was cancelled can be retried.' },
  ANSWER_OWED: {
    fault: 'permanent',
    status: 409,
    meaning: 'The program that asked for the job over RabbitMQ was not answered yet; it can be deleted once it was.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    fault: 'permanent',
    status: 409,
    meaning: 'The Idempotency-Key was used for another request within 24 hours; use a new one.',
  },
  UNKNOWN_ACTION: { fault: 'permanent', status: 400, meaning: 'There is no such action.' },
  ACTION_NOT_ALLOWED: { fault: 'permanent', status: 403, meaning: 'Other programs may not ask for this action over RabbitMQ.' },
  JOB_ID_TAKEN: {
    fault: 'permanent',
    status: 409,
    meaning: 'There is a job of this id that was asked for otherwise; this tells of the second request, not of that job.',
  },
  UNKNOWN_ACCOUNT: { fault: 'permanent', status: 400, meaning: 'There is no such account.' },
  CHANNEL_NOT_FOUND: {
    fault: 'permanent',
    status: 404,
    meaning: 'Telegram knows no such channel, or the account may not see it.',
  },
  TELEGRAM_OFFLINE: { fault: 'transient', status: 503, meaning: 'The account has no connection to Telegram at the moment.' },
  TELEGRAM_TIMEOUT: { fault: 'transient', status: 503, meaning: 'Telegram did not answer within the deadline.' },
  TELEGRAM_TRANSIENT: { fault: 'transient', status: 503, meaning: 'Telegram failed in a way that passes by itself.' },
  TELEGRAM_GENERATION: { fault: 'transient', status: 503, meaning: 'The connection is not usable any more and is opened anew.' },
  TELEGRAM_FLOOD: { fault: 'throttled', status: 429, meaning: 'Telegram asked to wait (FLOOD_WAIT).' },
  TELEGRAM_LIMITED: {
    fault: 'permanent',
    status: 403,
    meaning: 'Telegram limited the account (PEER_FLOOD, FROZEN_METHOD_INVALID).',
  },
  TELEGRAM_REAUTH: { fault: 'reauth', status: 503, meaning: "Telegram does not accept the account's session any more." },
  TELEGRAM_DEACTIVATED: {
    fault: 'reauth',
    status: 503,
    meaning:
      'Telegram has deactivated the account (USER_DEACTIVATED): no login brings it back, only Telegram, or another account.',
  },
  ACCOUNT_OF_ANOTHER: {
    fault: 'reauth',
    status: 503,
    meaning:
      'The session is of another Telegram user than the account has been of so far; a second person needs an account of their own.',
  },
  TELEGRAM_KEY_UNKNOWN: {
    fault: 'reauth',
    status: 503,
    meaning: "Telegram does not know the session's auth key (transport error -404).",
  },
  TELEGRAM_KEY_DUPLICATED: {
    fault: 'conflict',
    status: 503,
    meaning: 'The session was used from two places; Telegram has burnt its key.',
  },
  LOGIN_UNDER_WAY: { fault: 'permanent', status: 409, meaning: 'A login of this account is under way already.' },
  LOGIN_NOT_NEEDED: {
    fault: 'permanent',
    status: 409,
    meaning: 'The account is logged in and connected; another login has to say that it replaces this one.',
  },
  LOGIN_NOT_FOUND: {
    fault: 'permanent',
    status: 404,
    meaning: 'The account has no login: none was begun since the program started.',
  },
  LOGIN_WRONG_STEP: { fault: 'permanent', status: 409, meaning: 'The login is not at the step that this belongs to.' },
  LOGIN_PHONE_INVALID: { fault: 'permanent', status: 400, meaning: 'Telegram knows no such phone number.' },
  LOGIN_PHONE_BANNED: { fault: 'permanent', status: 403, meaning: 'Telegram has banned the phone number, or the account.' },
  LOGIN_PHONE_FLOODED: {
    fault: 'permanent',
    status: 403,
    meaning: 'Too many logins were tried with the phone number; Telegram names no time to wait.',
  },
  LOGIN_APP_REFUSED: {
    fault: 'permanent',
    status: 403,
    meaning: 'Telegram does not let this program log in (TELEGRAM_API_ID, or what only an official app can do).',
  },
  LOGIN_SIGN_UP_NEEDED: {
    fault: 'permanent',
    status: 403,
    meaning: 'The phone number has no Telegram account; sign up with an official app first.',
  },
  LOGIN_CODE_INVALID: { fault: 'permanent', status: 400, meaning: 'The login code is wrong.' },
  LOGIN_CODE_EXPIRED: { fault: 'permanent', status: 400, meaning: 'The login code is too old, or was tried too often.' },
  LOGIN_PASSWORD_NEEDED: { fault: 'permanent', status: 403, meaning: 'The account has a password (two-step verification).' },
  LOGIN_PASSWORD_INVALID: { fault: 'permanent', status: 400, meaning: 'The password is wrong.' },
  LOGIN_NO_OTHER_WAY: { fault: 'permanent', status: 409, meaning: 'Telegram has no other way to send the code.' },
  LOGIN_LOST: { fault: 'permanent', status: 409, meaning: 'Telegram has forgotten what was done of the login; it begins anew.' },
  LOGIN_TIMED_OUT: { fault: 'permanent', status: 409, meaning: 'Nobody went on with the login in time.' },
  LOGIN_ELSEWHERE: {
    fault: 'transient',
    status: 503,
    meaning:
      'No worker that serves the account can be asked at the moment; GET /health says who serves it, and since when nobody does.',
  },
  ACCOUNT_REMOVED: { fault: 'permanent', status: 409, meaning: 'The account was removed while this waited for it.' },
  ACCOUNT_EXISTS: { fault: 'permanent', status: 409, meaning: 'There is an account of this name already.' },
  TELEGRAM_PLACE_UNKNOWN: {
    fault: 'transient',
    status: 503,
    meaning: 'Telegram does not know the place (pts) from which it was asked what happened since (PERSISTENT_TIMESTAMP_INVALID).',
  },
  TELEGRAM_REFUSED: { fault: 'permanent', status: 502, meaning: 'Telegram refused the call; the message names its reason.' },
  START_TIMEOUT: { fault: 'bug', status: 500, meaning: 'A child did not become ready within its deadline.' },
  BREAKER_OPEN: {
    fault: 'throttled',
    status: 429,
    meaning: 'What would be asked has failed too often lately and is left alone for a while; no attempt is spent.',
  },
  SUPERVISION_REFUSED: {
    fault: 'permanent',
    status: 409,
    meaning: 'A supervisor cannot do what was asked with this child as it is now.',
  },
  EVENT_NOT_TAKEN: {
    fault: 'permanent',
    status: 409,
    meaning:
      'The actor does not take this event as it is now, or it is not for people to send; the message lists those that are.',
  },
  PROCESS_SILENT: {
    fault: 'transient',
    status: 503,
    meaning: 'Another process runs and does not show its actors yet; ask again after Retry-After.',
  },
  ACT_EXPIRED: {
    fault: 'transient',
    status: 503,
    meaning: 'The process that was asked did not take the act in time; it will not be done later.',
  },
  ACT_UNKNOWN: {
    fault: 'permanent',
    status: 409,
    meaning:
      'The process that took the act did not say what came of it, and nobody knows; look at the actor before you ask again.',
  },
  GAVE_UP: { fault: 'transient', status: 500, meaning: 'A supervisor saw more failures than its intensity allows.' },
} as const satisfies Record<string, ErrorRow>;

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** What a database says where it cannot, or will not: whoever can do without it for a while waits, and asks again. */
export const STORE_FAILURES: ReadonlySet<ErrorCode> = new Set(['STORE_UNAVAILABLE', 'STORE_REFUSED']);

interface ErrorOptions {
  readonly cause?: unknown;
  /** Milliseconds after which a retry makes sense, where the other side named them. */
  readonly retryAfterMs?: number;
  /** The request's field that is at fault, as a dotted path. */
  readonly field?: string;
}

/** The one error class: everything that crosses a floor is one of these. */
export class VigiliaError extends Error {
  override readonly name = 'VigiliaError';
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly retryAfterMs: number | undefined;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fault = ERRORS[code].fault;
    this.retryAfterMs = options.retryAfterMs;
    this.field = options.field;
  }
}

/**
 * Any thrown value as a {@link VigiliaError}; what is not one already is a bug of ours.
 * @returns the error itself where it is one, else `INTERNAL` with the value as its cause
 */
export function toVigiliaError(thrown: unknown): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new VigiliaError('INTERNAL', message, { cause: thrown });
}

/** @returns what made the supervisors give up, however many are in between; any other error as it is */
export function reasonBehind(thrown: unknown): VigiliaError {
  let reason = toVigiliaError(thrown);
  while (reason.code === 'GAVE_UP' && reason.cause !== undefined) reason = toVigiliaError(reason.cause);
  return reason;
}

/** What of an error is kept with a job or shown in a state: its code, fault and text, never its stack. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly message: string;
}

/** @returns the part of an error that may be stored and shown */
export function errorRecord(error: VigiliaError): ErrorRecord {
  return { code: error.code, fault: error.fault, message: error.message };
}

/** @returns the messages of an error and all its causes, outermost first */
export function causeChain(thrown: unknown): string[] {
  const chain: string[] = [];
  for (let at = thrown; at !== undefined && at !== null && chain.length < 10; at = (at as { cause?: unknown }).cause) {
    const code = at instanceof VigiliaError ? `${at.code}: ` : '';
    chain.push(code + (at instanceof Error ? at.message : String(at)));
  }
  return chain;
}
