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
  HEADERS_TOO_LARGE: { fault: 'permanent', status: 431, meaning: 'The request line and headers are larger than 16 KiB.' },
  INTERNAL: { fault: 'bug', status: 500, meaning: 'A defect of ours; the log has the cause under the request id.' },
  STORE_UNAVAILABLE: {
    fault: 'transient',
    status: 503,
    meaning: 'The database cannot be reached or is too slow; try again after Retry-After.',
  },
  BROKER_UNAVAILABLE: { fault: 'transient', status: 503, meaning: 'The broker cannot be reached, or was closed.' },
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
  UNKNOWN_ACTION: { fault: 'permanent', status: 400, meaning: 'There is no such action.' },
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
  TELEGRAM_REFUSED: { fault: 'permanent', status: 502, meaning: 'Telegram refused the call; the message names its reason.' },
  START_TIMEOUT: { fault: 'bug', status: 500, meaning: 'A child did not become ready within its deadline.' },
  GAVE_UP: { fault: 'transient', status: 500, meaning: 'A supervisor saw more failures than its intensity allows.' },
} as const satisfies Record<string, ErrorRow>;

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

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
