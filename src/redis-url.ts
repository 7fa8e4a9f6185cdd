/** A host and a port. */
interface Place {
  readonly host: string;
  readonly port: number;
}

interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
}

/** Where Redis is: one server, or the master that Sentinels know. */
export type RedisAddress = Login &
  (
    | ({ readonly kind: 'standalone' } & Place)
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly Place[];
        /** What the Sentinels call the master. */
        readonly name: string;
        readonly sentinelUsername: string | undefined;
        readonly sentinelPassword: string | undefined;
        /** Addresses as the Sentinels tell them, `host:port`, and where they are reached from here. */
        readonly natMap: Readonly<Record<string, Place>> | undefined;
      }
  );

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const SENTINEL = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?]+)\/([^/?]+)(?:\/(\d+))?(?:\?(.*))?$/;
const SENTINEL_OPTIONS: ReadonlySet<string> = new Set(['sentinelUsername', 'sentinelPassword', 'natMap']);

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, or
 * `redis+sentinel://[user:password@]host[:port],host[:port]…/master-name[/db][?sentinelPassword=…&natMap=told=reached,…]`.
 * @returns undefined when it is none of these
 */
export function parseRedisUrl(input: string): RedisAddress | undefined {
  return input.includes('+sentinel:') ? parseSentinel(input) : parseStandalone(input);
}

function parseStandalone(input: string): RedisAddress | undefined {
  if (!URL.canParse(input)) return undefined;
  const { protocol, hostname, port, username, password, pathname, search } = new URL(input);
  const db = /^\/?(\d*)$/.exec(pathname)?.[1];
  if (!/^rediss?:$/.test(protocol) || hostname === '' || db === undefined || search !== '') return undefined;
  const login = readLogin(`${username}:${password}`, Number(db), protocol === 'rediss:');
  return login && { kind: 'standalone', ...login, host: bare(hostname), port: port === '' ? REDIS_PORT : Number(port) };
}

function parseSentinel(input: string): RedisAddress | undefined {
  const [match, tls, userinfo = '', hosts = '', name = '', db = '0', query = ''] = SENTINEL.exec(input) ?? [];
  if (match === undefined) return undefined;
  const options = new URLSearchParams(query);
  if ([...options.keys()].some((key) => !SENTINEL_OPTIONS.has(key))) return undefined;
  const sentinels = allOf(hosts.split(',').map((host) => readPlace(host, SENTINEL_PORT)));
  const login = readLogin(userinfo, Number(db), tls === 's');
  const natMap = readNatMap(options.get('natMap'));
  const master = decoded(name);
  if (!sentinels || !login || natMap === null || master === undefined) return undefined;
  return {
    kind: 'sentinel',
    ...login,
    sentinels,
    name: master,
    sentinelUsername: options.get('sentinelUsername') ?? undefined,
    sentinelPassword: options.get('sentinelPassword') ?? undefined,
    natMap,
  };
}

function readLogin(userinfo: string, db: number, tls: boolean): Login | undefined {
  const at = userinfo.indexOf(':');
  const username = decoded(at < 0 ? userinfo : userinfo.slice(0, at));
  const password = decoded(at < 0 ? '' : userinfo.slice(at + 1));
  if (username === undefined || password === undefined || db > 65_535) return undefined;
  return { username: username || undefined, password: password || undefined, db, tls };
}

function readPlace(text: string, byDefault?: number): Place | undefined {
  const [match, host = '', port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const number = port === undefined ? byDefault : Number(port);
  if (match === undefined || number === undefined || number < 1 || number > 65_535) return undefined;
  return { host: bare(host), port: number };
}

/** @returns null when it is wrong */
function readNatMap(text: string | null): Readonly<Record<string, Place>> | undefined | null {
  if (text === null) return undefined;
  const map: Record<string, Place> = {};
  for (const pair of text.split(',')) {
    const [from = '', to = '', ...more] = pair.split('=');
    const [told, reached] = [readPlace(from), readPlace(to)];
    if (!told || !reached || more.length > 0) return null;
    map[`${told.host}:${told.port}`] = reached;
  }
  return map;
}

function allOf<T>(list: readonly (T | undefined)[]): readonly T[] | undefined {
  return list.includes(undefined) ? undefined : (list as readonly T[]);
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
