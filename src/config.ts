import {
  type AccountFilter,
  type Address,
  accountFilter,
  actionNames,
  address,
  claimName,
  decimalNumber,
  filePath,
  filesOfPostgresUrl,
  hmacSecret,
  host,
  isLoopback,
  longPeriod,
  MOST_ACCOUNTS,
  maskUrl,
  networks,
  oneOf,
  origins,
  type Parse,
  phoneNumber,
  postgresUrl,
  rabbitmqUrl,
  redisUrl,
  rsaPublicKey,
  secretText,
  type Token,
  text,
  tlsFaults,
  tokens,
  url,
  wholeNumber,
} from './config-values.ts';
import { type FiledVariableName, KNOWN_NAMES, nearestName, showAs, VARIABLES, type VariableName } from './config-variables.ts';
import { VigiliaError } from './errors.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** What a process does. */
const ROLES = ['all', 'gateway', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** Where sealed sessions lie. */
const SESSION_STORES = ['files', 'database'] as const;
type SessionStore = (typeof SESSION_STORES)[number];

/** Which Telegram is used. `world` is null for the built-in demo world; `port` 0 means any free one; `rate` is posts per second. */
type TelegramConfig =
  | { readonly kind: 'simulated'; readonly world: string | null; readonly port: number; readonly rate: number }
  | { readonly kind: 'telegram'; readonly apiId: number; readonly apiHash: string }
  | {
      readonly kind: 'server';
      readonly apiId: number;
      readonly apiHash: string;
      readonly host: string;
      readonly port: number;
      /** The server's RSA public key. */
      readonly keyPem: string;
      readonly dc: number;
    };

/** How JWTs are checked; of `secret` and `jwksUrl` at least one is there. */
export interface JwtConfig {
  readonly secret: string | null;
  readonly jwksUrl: string | null;
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly scopeClaim: string;
}

/** Who may ask over HTTP, besides the bearers of tokens, and how much. */
export interface AccessConfig {
  readonly jwt: JwtConfig | null;
  /** Requests of one token in a minute; 0: without limit. */
  readonly rateLimit: number;
  /** Wrong tokens from one address in a minute; 0: without limit. */
  readonly failureLimit: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
}

/** The environment, read, checked and frozen. Holds secrets: print it with {@link describeConfig} only. */
export interface Config {
  readonly role: Role;
  /** As it was given: relative to the working directory. */
  readonly dataDir: string;
  readonly http: Address;
  readonly ops: Address;
  /** Empty when the gateway needs none (loopback only). */
  readonly tokens: readonly Token[];
  readonly access: AccessConfig;
  /** null: PGlite in the data directory. `directUrl` passes by PgBouncer; it is `url` where nothing else was given. */
  readonly database: { readonly url: string; readonly directUrl: string } | null;
  /** How long messages are stored, in ms; null: for ever. */
  readonly keepMessagesMs: number | null;
  readonly redisUrl: string | null;
  readonly rabbitmqUrl: string | null;
  /** What other programs may ask for over RabbitMQ; null: all that only reads. */
  readonly rabbitmqActions: readonly string[] | null;
  readonly telegram: TelegramConfig;
  readonly sessionKey: string | null;
  /** Opens what was sealed before the key was changed. */
  readonly sessionKeyPrevious: string | null;
  readonly sessionStore: SessionStore;
  /** null: backups are sealed as the sessions are. */
  readonly sessionBackupKey: string | null;
  /** Which accounts a worker serves. */
  readonly accounts: AccountFilter;
  /** A file to import a session from. */
  readonly sessionImportFile: string | null;
  /** What `vigilia login` begins with: digits, a plus before them. */
  readonly loginPhone: string | null;
  readonly loginPassword: string | null;
  readonly logLevel: LogLevel;
  /** True when NODE_ENV is `production`. */
  readonly production: boolean;
  /** Things that are probably mistakes and stop nothing, one line each, without any value. */
  readonly warnings: readonly string[];
}

/** One thing that is wrong with the environment. */
export interface ConfigFault {
  readonly name: string;
  /** What it is set to, secrets masked; null when it is not set. */
  readonly value: string | null;
  /** What is allowed instead, or what to do. */
  readonly problem: string;
}

/** `CONFIG_INVALID` with every fault there is. */
export class ConfigError extends VigiliaError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, value, problem }) => `  ${name}${value === null ? ' (not set)' : `=${value}`}: ${problem}`);
    super(
      'CONFIG_INVALID',
      `The environment has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`,
    );
    this.faults = faults;
  }
}

/** The variables as the system hands them over. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Any of these, and nobody is let in without a token. */
const KEEPS_STRANGERS_OUT = [
  'GATEWAY_TOKENS',
  'GATEWAY_TOKENS_FILE',
  'GATEWAY_JWT_SECRET',
  'GATEWAY_JWT_SECRET_FILE',
  'GATEWAY_JWT_JWKS_URL',
] as const;
const MOST_REQUESTS = 10_000_000;
const PORT = wholeNumber(0, 65_535);
const API_HASH = /^[0-9a-fA-F]{32}$/;
/** Any word, but none that means `production` and is not: the safety that hangs on it would be off. */
const nodeEnv: Parse<string> = (input) =>
  /^prod/i.test(input) && input !== 'production' ? { ok: false, allowed: '`production`, spelt so' } : { ok: true, value: input };
/** Prefixes that nobody else uses: an unknown name that begins so is a misspelt one of ours. */
const OUR_PREFIXES = [
  'VIGILIA_',
  'GATEWAY_',
  'RATE_LIMIT',
  'CORS_',
  'SIMULATOR_',
  'TELEGRAM_',
  'SESSION_KEY',
  'SESSION_STORE',
  'SESSION_BACKUP',
  'OPS_',
];
const FOR_TESTS = 'VIGILIA_TEST_';
const DEMO_RATE = 0.2;
/** TDLib's and GramJS's APIs refuse 0; a server of one's own rarely looks at it. */
const ANY_API = { id: 1, hash: 'vigilia' };

/**
 * Reads and checks all variables. An empty value counts as unset; surrounding white space is dropped.
 * @param readFile gives a file's text or throws; asked for `…_FILE`, `TELEGRAM_SERVER_KEY` and the certificates that database URLs name
 * @param exists true when there is a file or folder at the path; asked for `SIMULATOR_WORLD`
 * @returns a deeply frozen value
 * @throws CONFIG_INVALID as a {@link ConfigError} that lists every fault of every variable
 */
export function readConfig(env: Environment, readFile: (path: string) => string, exists: (path: string) => boolean): Config {
  const reading = new Reading(env, readFile);

  const role = reading.value('VIGILIA_ROLE', oneOf(ROLES)) ?? 'all';
  const http = { host: reading.value('HTTP_HOST', host) ?? '127.0.0.1', port: reading.value('HTTP_PORT', PORT) ?? 4010 };
  const ops = { host: reading.value('OPS_HOST', host) ?? '127.0.0.1', port: reading.value('OPS_PORT', PORT) ?? 4007 };
  const tokenList = reading.valueOrFile('GATEWAY_TOKENS', tokens) ?? [];
  const databaseUrl = readPostgresUrl(reading, 'DATABASE_URL');
  const directUrl = readPostgresUrl(reading, 'DATABASE_DIRECT_URL');
  const production = reading.value('NODE_ENV', nodeEnv) === 'production';
  const config: Config = {
    role,
    dataDir: reading.value('VIGILIA_DATA_DIR', text) ?? './data',
    http,
    ops,
    tokens: tokenList,
    access: readAccess(reading),
    database: databaseUrl === undefined ? null : { url: databaseUrl, directUrl: directUrl ?? databaseUrl },
    keepMessagesMs: reading.value('MESSAGE_RETENTION', longPeriod) ?? null,
    redisUrl: reading.value('REDIS_URL', redisUrl) ?? null,
    rabbitmqUrl: reading.value('RABBITMQ_URL', rabbitmqUrl) ?? null,
    rabbitmqActions: reading.value('RABBITMQ_ACTIONS', actionNames) ?? null,
    telegram: readTelegram(reading, exists, role, production),
    sessionKey: reading.valueOrFile('SESSION_KEY', secretText) ?? null,
    sessionKeyPrevious: reading.valueOrFile('SESSION_KEY_PREVIOUS', secretText) ?? null,
    sessionStore: reading.value('SESSION_STORE', oneOf(SESSION_STORES)) ?? 'files',
    sessionBackupKey: reading.valueOrFile('SESSION_BACKUP_KEY', secretText) ?? null,
    accounts: reading.value('VIGILIA_ACCOUNTS', accountFilter) ?? { only: null, limit: MOST_ACCOUNTS },
    sessionImportFile: reading.value('TELEGRAM_SESSION_FILE', filePath) ?? null,
    loginPhone: reading.value('TELEGRAM_PHONE', phoneNumber) ?? null,
    loginPassword: reading.valueOrFile('TELEGRAM_PASSWORD', text) ?? null,
    logLevel: reading.value('LOG_LEVEL', oneOf(LOG_LEVELS)) ?? 'info',
    production,
    warnings: [...misspelt(env), ...withoutEffect(reading)],
  };

  if (role !== 'all' && !reading.isSet('DATABASE_URL')) {
    reading.fault('DATABASE_URL', `VIGILIA_ROLE=${role} needs a database that the other processes reach too`);
  }
  if (config.sessionStore === 'database') refuseUnsharedSessions(reading);
  if (reading.isSet('DATABASE_DIRECT_URL') && !reading.isSet('DATABASE_URL')) {
    reading.fault('DATABASE_URL', 'DATABASE_DIRECT_URL is the way around its PgBouncer and means nothing alone');
  }
  if (role !== 'worker' && !isLoopback(http.host) && !KEEPS_STRANGERS_OUT.some((name) => reading.isSet(name))) {
    reading.fault(
      'HTTP_HOST',
      'a loopback address (127.0.0.1, ::1, localhost), or set GATEWAY_TOKENS: without a token anyone could ask',
    );
  }
  if (reading.faults.length > 0) throw new ConfigError(Object.freeze(reading.faults));
  return freezeDeeply(config);
}

/** The environment while it is read: gathers what is wrong. */
class Reading {
  readonly faults: ConfigFault[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;

  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  isSet(name: VariableName | `${FiledVariableName}_FILE`): boolean {
    return this.#text(name) !== undefined;
  }

  /** @returns whether it is a URL of another machine that goes without TLS */
  plainUrl(name: VariableName): boolean {
    const input = this.#text(name) ?? '';
    return input.startsWith('http://') && URL.canParse(input) && !isLoopback(new URL(input).hostname);
  }

  /** @returns what the variable means, or undefined when it is unset or faulty */
  value<T>(name: VariableName, parse: Parse<T>): T | undefined {
    const input = this.#text(name);
    if (input === undefined) return undefined;
    const parsed = parse(input);
    if (parsed.ok) return parsed.value;
    this.fault(name, `must be ${parsed.allowed}`);
    return undefined;
  }

  /** The same for a variable whose value may lie in the file that `<NAME>_FILE` names. */
  valueOrFile<T>(name: FiledVariableName, parse: Parse<T>): T | undefined {
    const fileName = `${name}_FILE` as const;
    const path = this.#text(fileName);
    if (path === undefined) return this.value(name, parse);
    if (this.isSet(name)) {
      this.fault(fileName, `${name} is set too: keep one of the two`);
      return undefined;
    }
    return this.file(fileName, path, parse);
  }

  /** What the text of a file means, surrounding white space dropped. */
  file<T>(name: string, path: string, parse: Parse<T>): T | undefined {
    const found = this.readable(path);
    if ('problem' in found) {
      this.fault(name, found.problem);
      return undefined;
    }
    const parsed = parse(found.content.trim());
    if (parsed.ok) return parsed.value;
    this.fault(name, `the file must hold ${parsed.allowed}`);
    return undefined;
  }

  /** @returns what a file holds, or what is wrong with it */
  readable(path: string): { readonly content: string } | { readonly problem: string } {
    try {
      return { content: this.#readFile(path) };
    } catch (error) {
      const code = (error as { code?: unknown } | null | undefined)?.code;
      return { problem: `must be a file that can be read${typeof code === 'string' ? ` (${code})` : ''}` };
    }
  }

  fault(name: string, problem: string): void {
    this.faults.push(Object.freeze({ name, value: this.#shown(name), problem }));
  }

  #text(name: string): string | undefined {
    const input = Object.hasOwn(this.#env, name) ? this.#env[name]?.trim() : undefined;
    return input === '' ? undefined : input;
  }

  #shown(name: string): string | null {
    const input = this.#text(name);
    if (input === undefined) return null;
    const how = showAs(name);
    const masked = how === 'secret' ? '[hidden]' : how === 'url' ? maskUrl(input) : input;
    return JSON.stringify(masked.length > 120 ? `${masked.slice(0, 120)}…` : masked);
  }
}

/** An address, how it asks for TLS, and whether the certificates that it names can be read. */
function readPostgresUrl(reading: Reading, name: VariableName): string | undefined {
  const value = reading.value(name, postgresUrl);
  if (value === undefined) return undefined;
  for (const problem of tlsFaults(value)) reading.fault(name, problem);
  for (const [parameter, path] of filesOfPostgresUrl(value)) {
    const found = reading.readable(path);
    if ('problem' in found) reading.fault(name, `its ${parameter} ${found.problem}`);
  }
  return value;
}

/** Who may ask, and how much. */
function readAccess(reading: Reading): AccessConfig {
  const secret = reading.valueOrFile('GATEWAY_JWT_SECRET', hmacSecret) ?? null;
  const jwksUrl = reading.value('GATEWAY_JWT_JWKS_URL', url(['https', 'http'], 'https://login.example.org/keys')) ?? null;
  const issuer = reading.value('GATEWAY_JWT_ISSUER', text) ?? null;
  const audience = reading.value('GATEWAY_JWT_AUDIENCE', text) ?? null;
  const scopeClaim = reading.value('GATEWAY_JWT_SCOPE_CLAIM', claimName) ?? 'scope';
  for (const name of ['GATEWAY_JWT_ISSUER', 'GATEWAY_JWT_AUDIENCE'] as const) {
    if (reading.isSet('GATEWAY_JWT_JWKS_URL') && !reading.isSet(name))
      reading.fault(name, 'GATEWAY_JWT_JWKS_URL needs it: its issuer signs tokens for other services too');
  }
  return {
    jwt: secret === null && jwksUrl === null ? null : { secret, jwksUrl, issuer, audience, scopeClaim },
    rateLimit: reading.value('RATE_LIMIT', wholeNumber(0, MOST_REQUESTS)) ?? 6_000,
    failureLimit: reading.value('RATE_LIMIT_FAILURES', wholeNumber(0, MOST_REQUESTS)) ?? 30,
    corsOrigins: reading.value('CORS_ORIGINS', origins) ?? [],
    trustedProxies: reading.value('HTTP_TRUSTED_PROXIES', networks) ?? [],
  };
}

/** Decides which Telegram is meant, by the rule that nothing simulated may be mistaken for Telegram. */
function readTelegram(reading: Reading, exists: (path: string) => boolean, role: Role, production: boolean): TelegramConfig {
  const apiId = reading.value('TELEGRAM_API_ID', wholeNumber(1, 2 ** 31 - 1));
  const server = reading.value('TELEGRAM_SERVER', address);
  const apiHash = reading.value('TELEGRAM_API_HASH', (input) =>
    reading.isSet('TELEGRAM_SERVER') || API_HASH.test(input)
      ? { ok: true, value: input }
      : { ok: false, allowed: '32 hex digits' },
  );
  const keyPath = reading.value('TELEGRAM_SERVER_KEY', text);
  const keyPem = keyPath === undefined ? undefined : reading.file('TELEGRAM_SERVER_KEY', keyPath, rsaPublicKey);
  const dc = reading.value('TELEGRAM_SERVER_DC', wholeNumber(1, 1000)) ?? 2;
  const world = reading.value('SIMULATOR_WORLD', (path) =>
    safely(() => exists(path)) ? { ok: true, value: path } : { ok: false, allowed: 'a file or folder that exists' },
  );
  const port = reading.value('SIMULATOR_PORT', PORT) ?? 0;
  const rate = reading.value('SIMULATOR_RATE', decimalNumber(0, 1000)) ?? (reading.isSet('SIMULATOR_WORLD') ? 0 : DEMO_RATE);

  const needs = (present: VariableName, missing: VariableName, why: string): void => {
    if (reading.isSet(present) && !reading.isSet(missing)) reading.fault(missing, `${present} needs it: ${why}`);
  };
  needs('TELEGRAM_API_ID', 'TELEGRAM_API_HASH', 'my.telegram.org gives them together');
  needs('TELEGRAM_API_HASH', 'TELEGRAM_API_ID', 'my.telegram.org gives them together');
  needs('TELEGRAM_SERVER', 'TELEGRAM_SERVER_KEY', 'the PEM file of the RSA public key by which the server is known');
  needs('TELEGRAM_SERVER_KEY', 'TELEGRAM_SERVER', "the host:port of that key's server");

  const named = (['TELEGRAM_API_ID', 'TELEGRAM_API_HASH', 'TELEGRAM_SERVER'] as const).filter((name) => reading.isSet(name));
  if (named.length === 0) {
    if (role === 'gateway') refuseToSimulateAlone(reading);
    else refuseToSimulateByAccident(reading, production);
    return { kind: 'simulated', world: world ?? null, port, rate };
  }
  if (reading.isSet('SIMULATOR_WORLD')) {
    reading.fault(
      'SIMULATOR_WORLD',
      `cannot be set together with ${named.join(', ')}: either Telegram is simulated or it is not`,
    );
  }
  if (reading.isSet('TELEGRAM_SERVER')) {
    const where = server ?? { host: '', port: 0 };
    return { kind: 'server', apiId: apiId ?? ANY_API.id, apiHash: apiHash ?? ANY_API.hash, ...where, keyPem: keyPem ?? '', dc };
  }
  return { kind: 'telegram', apiId: apiId ?? 0, apiHash: apiHash ?? '' };
}

/** A gateway beside the worker's simulator would have one of its own, and with it another world. */
function refuseToSimulateAlone(reading: Reading): void {
  reading.fault(
    reading.isSet('SIMULATOR_WORLD') ? 'SIMULATOR_WORLD' : 'TELEGRAM_API_ID',
    'a gateway of its own cannot simulate Telegram, its worker does: set TELEGRAM_SERVER to the address of the ' +
      "worker's simulator (its /health says it) and TELEGRAM_SERVER_KEY to its key (worlds/…/simulator/server-public-key.pem " +
      "in the worker's data directory), and not SIMULATOR_WORLD; or set TELEGRAM_API_ID and TELEGRAM_API_HASH for Telegram",
  );
}

function refuseToSimulateByAccident(reading: Reading, production: boolean): void {
  if (reading.isSet('SIMULATOR_WORLD')) return;
  const serious: string[] = (['DATABASE_URL', 'RABBITMQ_URL', 'REDIS_URL'] as const).filter((name) => reading.isSet(name));
  if (production) serious.push('NODE_ENV=production');
  if (serious.length === 0) return;
  reading.fault(
    'TELEGRAM_API_ID',
    `without it Telegram would be simulated, and ${serious.join(', ')} says that this is no trial: ` +
      'set TELEGRAM_API_ID and TELEGRAM_API_HASH (or TELEGRAM_SERVER), or SIMULATOR_WORLD if you mean to simulate',
  );
}

/** What several workers share has to be where all of them reach it, and be opened by what all of them know. */
function refuseUnsharedSessions(reading: Reading): void {
  const why = 'SESSION_STORE=database needs it';
  if (!reading.isSet('DATABASE_URL')) reading.fault('DATABASE_URL', `${why}: the embedded database is of one process`);
  if (reading.isSet('SESSION_KEY') || reading.isSet('SESSION_KEY_FILE')) return;
  reading.fault('SESSION_KEY', `${why}: a key file in the data directory opens nothing for another worker`);
}

function misspelt(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => !KNOWN_NAMES.includes(name) && !name.startsWith(FOR_TESTS))
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)) && env[name] !== undefined)
    .map((name) => `${name} is no variable of this program; did you mean ${nearestName(name)}?`);
}

function withoutEffect(reading: Reading): string[] {
  const warnings: string[] = [];
  const real = reading.isSet('TELEGRAM_API_ID') || reading.isSet('TELEGRAM_SERVER');
  for (const name of ['SIMULATOR_PORT', 'SIMULATOR_RATE'] as const) {
    if (real && reading.isSet(name)) warnings.push(`${name} has no effect: Telegram is not simulated`);
  }
  const jwt = (['GATEWAY_JWT_SECRET', 'GATEWAY_JWT_SECRET_FILE', 'GATEWAY_JWT_JWKS_URL'] as const).some((name) =>
    reading.isSet(name),
  );
  for (const name of ['GATEWAY_JWT_ISSUER', 'GATEWAY_JWT_AUDIENCE', 'GATEWAY_JWT_SCOPE_CLAIM'] as const) {
    if (!jwt && reading.isSet(name)) warnings.push(`${name} has no effect without GATEWAY_JWT_SECRET or GATEWAY_JWT_JWKS_URL`);
  }
  if (reading.plainUrl('GATEWAY_JWT_JWKS_URL')) {
    warnings.push('GATEWAY_JWT_JWKS_URL is not https: whoever can change what is read on the way can make tokens');
  }
  if (reading.isSet('RABBITMQ_ACTIONS') && !reading.isSet('RABBITMQ_URL')) {
    warnings.push('RABBITMQ_ACTIONS has no effect without RABBITMQ_URL');
  }
  if (reading.isSet('TELEGRAM_SERVER_DC') && !reading.isSet('TELEGRAM_SERVER')) {
    warnings.push('TELEGRAM_SERVER_DC has no effect without TELEGRAM_SERVER');
  }
  return warnings;
}

function safely(ask: () => boolean): boolean {
  try {
    return ask();
  } catch {
    return false;
  }
}

function freezeDeeply<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freezeDeeply(part);
  }
  return value;
}

/**
 * The effective configuration for people: one `NAME=value` a line in the table's order, secrets masked, unset ones as comments.
 * @returns text without a final newline
 */
export function describeConfig(config: Config): string {
  const values = effectiveValues(config);
  return VARIABLES.map(({ name }) => {
    const value = values[name];
    return value === null ? `# ${name} is not set` : `${name}=${value}`;
  }).join('\n');
}

function effectiveValues(config: Config): Record<VariableName, string | null> {
  const { telegram } = config;
  const simulated = telegram.kind === 'simulated' ? telegram : null;
  const real = telegram.kind === 'simulated' ? null : telegram;
  const server = telegram.kind === 'server' ? telegram : null;
  const hidden = (value: unknown): string | null => (value === null || value === undefined ? null : '[hidden]');
  const masked = (value: string | undefined | null): string | null =>
    value === undefined || value === null ? null : maskUrl(value);
  return {
    VIGILIA_ROLE: config.role,
    VIGILIA_DATA_DIR: config.dataDir,
    HTTP_HOST: config.http.host,
    HTTP_PORT: String(config.http.port),
    OPS_HOST: config.ops.host,
    OPS_PORT: String(config.ops.port),
    GATEWAY_TOKENS: config.tokens.length === 0 ? null : config.tokens.map(({ scope }) => `${scope}:[hidden]`).join(','),
    GATEWAY_JWT_SECRET: hidden(config.access.jwt?.secret),
    GATEWAY_JWT_JWKS_URL: masked(config.access.jwt?.jwksUrl),
    GATEWAY_JWT_ISSUER: config.access.jwt?.issuer ?? null,
    GATEWAY_JWT_AUDIENCE: config.access.jwt?.audience ?? null,
    GATEWAY_JWT_SCOPE_CLAIM: config.access.jwt?.scopeClaim ?? null,
    RATE_LIMIT: String(config.access.rateLimit),
    RATE_LIMIT_FAILURES: String(config.access.failureLimit),
    CORS_ORIGINS: config.access.corsOrigins.join(',') || null,
    HTTP_TRUSTED_PROXIES: config.access.trustedProxies.join(',') || null,
    DATABASE_URL: masked(config.database?.url),
    DATABASE_DIRECT_URL: masked(config.database?.directUrl),
    MESSAGE_RETENTION: config.keepMessagesMs === null ? null : `${config.keepMessagesMs / 86_400_000}d`,
    REDIS_URL: masked(config.redisUrl),
    RABBITMQ_URL: masked(config.rabbitmqUrl),
    RABBITMQ_ACTIONS: config.rabbitmqActions?.join(',') ?? null,
    TELEGRAM_API_ID: real === null ? null : String(real.apiId),
    TELEGRAM_API_HASH: hidden(real?.apiHash),
    TELEGRAM_SERVER: server === null ? null : `${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`,
    TELEGRAM_SERVER_KEY: server === null ? null : '(an RSA public key)',
    TELEGRAM_SERVER_DC: server === null ? null : String(server.dc),
    SESSION_KEY: hidden(config.sessionKey),
    SESSION_KEY_PREVIOUS: hidden(config.sessionKeyPrevious),
    SESSION_STORE: config.sessionStore,
    SESSION_BACKUP_KEY: hidden(config.sessionBackupKey),
    TELEGRAM_SESSION_FILE: config.sessionImportFile,
    TELEGRAM_PHONE: hidden(config.loginPhone),
    TELEGRAM_PASSWORD: hidden(config.loginPassword),
    VIGILIA_ACCOUNTS: config.accounts.only?.join(',') ?? String(config.accounts.limit),
    SIMULATOR_WORLD: simulated?.world ?? null,
    SIMULATOR_PORT: simulated === null ? null : String(simulated.port),
    SIMULATOR_RATE: simulated === null ? null : String(simulated.rate),
    LOG_LEVEL: config.logLevel,
    NODE_ENV: config.production ? 'production' : null,
  };
}
