import { createPublicKey } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { ACCOUNT_ID } from './account-id.ts';
import { parseRabbitmqUrl } from './rabbitmq-url.ts';
import { parseRedisUrl } from './redis-url.ts';

/** What a parser says of a value: what it means, or what would be allowed. */
type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly allowed: string };

/** Reads one variable's text, which is never empty. Never throws. */
export type Parse<T> = (text: string) => Parsed<T>;

/** What a token lets its bearer do; each scope includes the ones before it. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A token of the gateway: a secret, and what it is good for. */
export interface Token {
  readonly scope: Scope;
  readonly token: string;
}

/** An address of a server. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Least length of a token and of a session key, in characters. */
const SECRET_LENGTH = 16;

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (allowed: string): Parsed<never> => ({ ok: false, allowed });

/** Names of actions with commas between them, each once. */
export const actionNames: Parse<readonly string[]> = (input) => {
  const names = input.split(',').map((name) => name.trim());
  return names.every((name) => /^[a-z][a-z0-9-]{0,63}$/.test(name))
    ? good([...new Set(names)])
    : bad('names of actions with commas between them, such as sync-messages,get-channels');
};

/** Any text. */
export const text: Parse<string> = good;

/** A path, and not the secret that its file should hold. */
export const filePath: Parse<string> = (input) =>
  /^1[A-Za-z0-9+/_=-]{200,}$/.test(input)
    ? bad('the path of a file that holds the session, not the session itself')
    : good(input);

/** @returns a parser of one of these words */
export function oneOf<const T extends string>(words: readonly T[]): Parse<T> {
  return (input) => {
    const found = words.find((word) => word === input);
    return found === undefined ? bad(`one of ${words.join(', ')}`) : good(found);
  };
}

/** @returns a parser of a whole number in plain decimal digits, bounds included */
export function wholeNumber(least: number, most: number): Parse<number> {
  return (input) => {
    const value = /^\d{1,16}$/.test(input) ? Number(input) : Number.NaN;
    return value >= least && value <= most ? good(value) : bad(`a whole number from ${least} to ${most}`);
  };
}

/** @returns a parser of a decimal number without exponent, bounds included */
export function decimalNumber(least: number, most: number): Parse<number> {
  return (input) => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(input) ? Number(input) : Number.NaN;
    return value >= least && value <= most ? good(value) : bad(`a number from ${least} to ${most}, such as 0.5`);
  };
}

const DAY_MS = 86_400_000;
/** Of a period's letter. A month is a month at its longest, a year a leap year: nothing goes too early. */
const PERIOD_MS: Readonly<Record<string, number>> = { d: DAY_MS, w: 7 * DAY_MS, m: 31 * DAY_MS, y: 366 * DAY_MS };
/** Beyond it a period's beginning comes near the first day that a database knows; whoever means that means for ever. */
const LONGEST_YEARS = 100;

/** A period of days, weeks, months or years, in ms; at most 100 years. */
export const longPeriod: Parse<number> = (input) => {
  const [, count = '', unit = ''] = /^([1-9]\d{0,4})([dwmy])$/.exec(input) ?? [];
  const ms = Number(count) * (PERIOD_MS[unit] ?? Number.NaN);
  return ms > 0 && ms <= LONGEST_YEARS * 366 * DAY_MS
    ? good(ms)
    : bad(`a number of days, weeks, months or years, such as 90d, 12w, 18m or 2y, and at most ${LONGEST_YEARS}y`);
};

/** A host to listen on or to reach: a name, an IPv4 or an IPv6 address (with or without brackets). */
export const host: Parse<string> = (input) => {
  const bare = input.startsWith('[') && input.endsWith(']') ? input.slice(1, -1) : input;
  if (isIPv6(bare)) return good(bare);
  if (/^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(bare))
    return good(bare);
  return bad('a host name or an IP address, such as 127.0.0.1 or 0.0.0.0');
};

/** `host:port`, IPv6 in brackets. */
export const address: Parse<Address> = (input) => {
  const allowed = bad('host:port, such as 127.0.0.1:4430 or [::1]:4430');
  const split = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(input);
  const name = host(split?.[1] ?? '.');
  const port = wholeNumber(1, 65_535)(split?.[2] ?? '');
  return name.ok && port.ok ? good({ host: name.value, port: port.value }) : allowed;
};

/** @returns a parser of a URL with one of these schemes and a host; the URL comes back as it was written */
export function url(schemes: readonly string[], example: string): Parse<string> {
  return (input) => {
    const parsed = URL.canParse(input) ? new URL(input) : undefined;
    const allowed = `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}, such as ${example}`;
    if (parsed === undefined || !schemes.includes(parsed.protocol.slice(0, -1)) || !input.includes('://')) return bad(allowed);
    // A PostgreSQL socket is named by a query parameter, without a host (libpq's connection URIs).
    if (parsed.hostname === '' && !parsed.searchParams.has('host')) return bad(`${allowed}, with a host`);
    return good(input);
  };
}

/** What pg knows; it takes any other word for `verify-full`. */
const SSL_MODES = ['', 'disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** PostgreSQL; the URL comes back as it was written. */
export const postgresUrl: Parse<string> = url(['postgresql', 'postgres'], 'postgresql://user:password@localhost:5432/name');

/** @returns what is wrong with how a PostgreSQL URL asks for TLS */
export function tlsFaults(input: string): string[] {
  const faults: string[] = [];
  if (!SSL_MODES.includes(parameterOf(input, 'sslmode')))
    faults.push('its sslmode must be verify-full, no-verify or disable (prefer, require and verify-ca mean verify-full)');
  if (parameterOf(input, 'uselibpqcompat') !== '')
    faults.push('must be without uselibpqcompat: with it, sslmode=require would believe any certificate');
  return faults;
}

/** @returns the files that a PostgreSQL URL names, which are read with each connection, as parameter and path */
export function filesOfPostgresUrl(input: string): [string, string][] {
  return ['sslrootcert', 'sslcert', 'sslkey']
    .map((name): [string, string] => [name, parameterOf(input, name)])
    .filter(([, path]) => path !== '');
}

/** As pg takes it: the last one counts, and an empty one is none. */
function parameterOf(input: string, name: string): string {
  return new URL(input).searchParams.getAll(name).at(-1) ?? '';
}

/** Redis, standalone or behind Sentinels; the URL comes back as it was written. */
export const redisUrl: Parse<string> = (input) =>
  parseRedisUrl(input) === undefined
    ? bad('redis://host:port, rediss://host:port for TLS, or redis+sentinel://host:port,host:port/master-name')
    : good(input);

/** RabbitMQ; the URL comes back as it was written. */
export const rabbitmqUrl: Parse<string> = (input) =>
  parseRabbitmqUrl(input) === undefined
    ? bad('amqp://user:password@host:port/vhost, or amqps://… for TLS, with %2F for a slash within the virtual host')
    : good(input);

/** Comma- or line-separated `scope:token`; what a header cannot carry is refused, so are doubles. */
export const tokens: Parse<readonly Token[]> = (input) => {
  const allowed = `scope:token,… with scopes ${SCOPES.join(', ')} and different tokens of at least ${SECRET_LENGTH} visible ASCII characters without commas`;
  const parts = input
    .split(/[,\r\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const list: Token[] = [];
  const faults: string[] = [];
  for (const [at, part] of parts.entries()) {
    const colon = part.indexOf(':');
    const scope = SCOPES.find((word) => word === part.slice(0, Math.max(colon, 0)));
    const token = part.slice(colon + 1);
    const fault = tokenFault(scope, token, list);
    if (scope === undefined || fault !== undefined) faults.push(`entry ${at + 1} ${fault}`);
    else list.push({ scope, token });
  }
  if (faults.length > 0) return bad(`${allowed}; ${faults.join(', ')}`);
  return list.length === 0 ? bad(allowed) : good(list);
};

function tokenFault(scope: Scope | undefined, token: string, before: readonly Token[]): string | undefined {
  if (scope === undefined) return 'has no known scope';
  if (token.length < SECRET_LENGTH) return 'is too short';
  if (!/^[\x21-\x7e]+$/.test(token)) return 'has a character that no header can carry';
  return before.some((other) => other.token === token) ? 'repeats a token' : undefined;
}

/** Origins as browsers name them: scheme, host, port where it is not the scheme's; nothing behind. Comma-separated. */
export const origins: Parse<readonly string[]> = (input) => {
  const parts = input.split(',').map((part) => part.trim());
  const sound = parts.every((part) => URL.canParse(part) && /^https?:/.test(part) && new URL(part).origin === part);
  return sound ? good(parts) : bad('origins with commas between, each as a browser sends it, such as https://app.example.org');
};

/** IP addresses, or networks as `address/bits`. Comma-separated. */
export const networks: Parse<readonly string[]> = (input) => {
  const parts = input.split(',').map((part) => part.trim());
  const isNetwork = (part: string): boolean => {
    const [ip = '', bits, ...rest] = part.split('/');
    const most = isIP(ip) === 4 ? 32 : isIP(ip) === 6 ? 128 : -1;
    return rest.length === 0 && most > 0 && (bits === undefined || wholeNumber(1, most)(bits).ok);
  };
  return parts.every(isNetwork) ? good(parts) : bad('IP addresses or networks with commas between, such as 10.0.0.0/8,::1');
};

/** The name of a claim of a JWT. */
export const claimName: Parse<string> = (input) =>
  /^[\x21-\x7e]{1,128}$/.test(input) ? good(input) : bad('the name of a claim, such as scope');

/** A secret for HS256, which RFC 7518 wants to have 256 bits. */
export const hmacSecret: Parse<string> = (input) =>
  Buffer.byteLength(input) >= 32 ? good(input) : bad('at least 32 characters: HS256 takes no shorter secret');

/** Which accounts a worker serves: any up to a number, or those of a list. */
export interface AccountFilter {
  /** Null: any. */
  readonly only: readonly string[] | null;
  readonly limit: number;
}

/** A worker's accounts at most, where nothing else is said. */
export const MOST_ACCOUNTS = 500;

/** A number of accounts, or comma-separated names of them. A name of digits only would be a number, and is none. */
export const accountFilter: Parse<AccountFilter> = (input) => {
  const limit = wholeNumber(1, MOST_ACCOUNTS)(input);
  if (limit.ok) return good({ only: null, limit: limit.value });
  const names = input.split(',').map((part) => part.trim());
  const sound = names.every((name) => ACCOUNT_ID.test(name) && !/^\d+$/.test(name)) && new Set(names).size === names.length;
  return sound && names.length <= MOST_ACCOUNTS
    ? good({ only: names, limit: MOST_ACCOUNTS })
    : bad(`a whole number from 1 to ${MOST_ACCOUNTS}, or different names of accounts with commas between`);
};

/** A phone number in international form, with or without plus, spaces, hyphens and brackets; comes back as `+` and digits. */
export const phoneNumber: Parse<string> = (input) => {
  const digits = input.replace(/\D/g, '');
  const isNumber = /^\+?[0-9][0-9 ().-]*$/.test(input) && digits.length >= 5 && digits.length <= 15;
  return isNumber ? good(`+${digits}`) : bad('a phone number in international form, such as +55 11 91234-5678');
};

/** A secret of at least {@link SECRET_LENGTH} characters. */
export const secretText: Parse<string> = (input) =>
  input.length >= SECRET_LENGTH ? good(input) : bad(`at least ${SECRET_LENGTH} characters`);

/** An RSA public key in PEM, PKCS#1 or SPKI; comes back as it was written. */
export const rsaPublicKey: Parse<string> = (pem) => {
  const allowed = bad('a file that holds an RSA public key in PEM (BEGIN PUBLIC KEY or BEGIN RSA PUBLIC KEY)');
  // node:crypto would derive the public key from a private one: then a secret lies where none belongs.
  if (pem.includes('PRIVATE KEY')) return bad('the public key only: the file holds a private key');
  try {
    return createPublicKey(pem).asymmetricKeyType === 'rsa' ? good(pem) : allowed;
  } catch {
    return allowed;
  }
};

/** @returns true when only this machine can reach what listens there */
export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** A URL with its password, and any query parameter that could be a secret, replaced; `[hidden]` when it is no URL. */
export function maskUrl(input: string): string {
  if (!URL.canParse(input)) return '[hidden]';
  const parsed = new URL(input);
  // An @ behind the authority means that a password was not escaped: what parsed as host and port may be part of it.
  if (`${parsed.pathname}${parsed.search}${parsed.hash}`.includes('@')) return '[hidden]';
  // Without an authority the text after the scheme is opaque and may hold anything.
  if (!input.includes('://')) return '[hidden]';
  const query =
    parsed.search === '' ? '' : `?${[...parsed.searchParams.keys()].map((key) => `${encodeURIComponent(key)}=…`).join('&')}`;
  const login = parsed.password === '' ? parsed.username : `${parsed.username}:[hidden]`;
  return `${parsed.protocol}//${login === '' ? '' : `${login}@`}${parsed.host}${parsed.pathname}${query}`;
}
