import { ERRORS, type ErrorCode, VigiliaError } from '../../../errors.ts';

/** Exact messages of Telegram, by what they mean for us (facts: code and errorMessage, never the text). */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  AUTH_KEY_UNREGISTERED: 'TELEGRAM_REAUTH',
  AUTH_KEY_INVALID: 'TELEGRAM_REAUTH',
  SESSION_REVOKED: 'TELEGRAM_REAUTH',
  SESSION_EXPIRED: 'TELEGRAM_REAUTH',
  SESSION_PASSWORD_NEEDED: 'TELEGRAM_REAUTH',
  USER_DEACTIVATED: 'TELEGRAM_DEACTIVATED',
  USER_DEACTIVATED_BAN: 'TELEGRAM_DEACTIVATED',
  AUTH_KEY_DUPLICATED: 'TELEGRAM_KEY_DUPLICATED',
  PEER_FLOOD: 'TELEGRAM_LIMITED',
  FROZEN_METHOD_INVALID: 'TELEGRAM_LIMITED',
  RPC_CALL_FAIL: 'TELEGRAM_TRANSIENT',
  RPC_MCGET_FAIL: 'TELEGRAM_TRANSIENT',
  CONNECTION_NOT_INITED: 'TELEGRAM_GENERATION',
  CONNECTION_LAYER_INVALID: 'TELEGRAM_GENERATION',
  TIMEOUT: 'TELEGRAM_GENERATION',
  PERSISTENT_TIMESTAMP_INVALID: 'TELEGRAM_PLACE_UNKNOWN',
  PERSISTENT_TIMESTAMP_EMPTY: 'TELEGRAM_PLACE_UNKNOWN',
  CHANNEL_PRIVATE: 'CHANNEL_NOT_FOUND',
  CHANNEL_PUBLIC_GROUP_NA: 'CHANNEL_NOT_FOUND',
  CHANNEL_INVALID: 'CHANNEL_NOT_FOUND',
  USER_BANNED_IN_CHANNEL: 'CHANNEL_NOT_FOUND',
  USERNAME_INVALID: 'CHANNEL_NOT_FOUND',
  USERNAME_NOT_OCCUPIED: 'CHANNEL_NOT_FOUND',
  PEER_ID_INVALID: 'CHANNEL_NOT_FOUND',
};

/** Waits that GramJS has no class for: it gives on their name, with the seconds in it. */
const NAMED_WAIT = /^(?:FLOOD_(?:PREMIUM_)?WAIT|SLOWMODE_WAIT|TAKEOUT_INIT_DELAY|2FA_CONFIRM_WAIT)_(\d+)$/;

/** Classes of GramJS after whose appearance the connection is not to be trusted. */
const GENERATION_CLASSES = new Set([
  'TypeNotFoundError',
  'SecurityError',
  'InvalidBufferError',
  'InvalidChecksumError',
  'BadMessageError',
]);

/** What a person has to do something about, who may not know Telegram's names. */
const FOR_PEOPLE: ReadonlySet<ErrorCode> = new Set(['TELEGRAM_REAUTH', 'TELEGRAM_KEY_DUPLICATED']);

interface RpcErrorLike {
  readonly code?: unknown;
  readonly errorMessage?: unknown;
  readonly seconds?: unknown;
}

/**
 * What a thrown value of GramJS means for us.
 * @param method the TL method that was called, for the message
 */
export function fromGramJs(thrown: unknown, method: string): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  const { code, errorMessage, seconds } = (thrown ?? {}) as RpcErrorLike;
  const name = typeof errorMessage === 'string' ? errorMessage : '';
  const said = `Telegram answered ${method} with ${typeof code === 'number' ? code : '?'} ${name || '(no name)'}`;
  const waitS = typeof seconds === 'number' ? seconds : Number(NAMED_WAIT.exec(name)?.[1] ?? Number.NaN);
  if (!Number.isNaN(waitS)) {
    const wait = `Telegram asked to wait ${waitS} s before calling ${method} again`;
    return new VigiliaError('TELEGRAM_FLOOD', wait, { retryAfterMs: waitS * 1000, cause: thrown });
  }
  const known = BY_NAME[name];
  if (known) {
    const message = FOR_PEOPLE.has(known) ? `${ERRORS[known].meaning.replace(/\.$/, '')} (${said})` : said;
    return new VigiliaError(known, message, { cause: thrown });
  }
  const className = thrown instanceof Error ? thrown.constructor.name : '';
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // Before the code: GramJS gives a refused packet one too, that of the transport.
  if (GENERATION_CLASSES.has(className)) {
    return new VigiliaError('TELEGRAM_GENERATION', `${method}: ${text}`, { cause: thrown });
  }
  if (typeof code === 'number') {
    // -503 is Telegram's own time-out; every 5xx passes by itself, and so does a 420 that names no time (MSG_WAIT_FAILED).
    const passes = code >= 500 || code < 0 || code === 420;
    return new VigiliaError(passes ? 'TELEGRAM_TRANSIENT' : 'TELEGRAM_REFUSED', said, { cause: thrown });
  }
  return new VigiliaError('TELEGRAM_TRANSIENT', `${method}: ${text}`, { cause: thrown });
}
