import { type DestinationStream, pino } from 'pino';

/** Levels of `LOG_LEVEL`, most talkative first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** What the program's parts know of logging: fields first, then one stable line. */
export interface Log {
  trace(fields: Fields, line: string): void;
  debug(fields: Fields, line: string): void;
  info(fields: Fields, line: string): void;
  warn(fields: Fields, line: string): void;
  error(fields: Fields, line: string): void;
  fatal(fields: Fields, line: string): void;
  /** A logger that adds these fields to each of its lines. */
  child(fields: Fields): Log;
}

/** Names under which a secret could ever be logged; pino replaces their values. */
const SECRET_FIELDS = [
  'token',
  'password',
  'phone',
  'phoneCode',
  'session',
  'authKey',
  'apiHash',
  'authorization',
  'sessionKey',
  'sessionKeyPrevious',
  'sessionBackupKey',
  'loginPhone',
  'loginPassword',
];

/**
 * The structured logger: one JSON object a line on stdout, secrets replaced by `[redacted]`.
 * @param level the least level that is written
 */
export function createLog(level: LogLevel): Log {
  // Synchronous: the last lines before a crash are the ones that matter.
  return logTo(level, pino.destination({ dest: 1, sync: true }));
}

/** The same in readable lines, for a terminal. What makes them is loaded only here. */
export async function createReadableLog(level: LogLevel): Promise<Log> {
  const { PinoPretty } = await import('pino-pretty');
  return logTo(level, PinoPretty({ sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }));
}

/** The same to wherever lines are to go. */
export function logTo(level: LogLevel, destination: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorToLog },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  return pino(options, destination);
}

/** Of an error its kind, words, place and code. What else it carries may be anything: a request with a login code in it, a buffer of what came. */
function errorToLog(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { type, message, stack } = pino.stdSerializers.err(error);
  const { code } = error as { readonly code?: unknown };
  return { type, message, stack, ...((typeof code === 'string' || typeof code === 'number') && { code }) };
}

/** A logger that says nothing, for tests. */
export const silentLog: Log = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  fatal: () => {},
  child: () => silentLog,
};
