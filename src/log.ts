import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

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
const SECRET_FIELDS = ['token', 'password', 'phone', 'phoneCode', 'session', 'authKey', 'apiHash', 'authorization', 'sessionKey'];

/**
 * The structured logger: one JSON object a line on stdout, secrets replaced by `[redacted]`.
 * @param level the least level that is written
 * @param forPeople readable lines instead of JSON: for a terminal
 */
export function createLog(level: LogLevel, forPeople = false): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  // Synchronous: the last lines before a crash are the ones that matter.
  if (!forPeople) return pino(options, pino.destination({ dest: 1, sync: true }));
  return pino(options, PinoPretty({ sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }));
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
