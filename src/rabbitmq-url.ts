/** Where RabbitMQ is, and as whom. */
export interface RabbitAddress {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
}

const AMQP_PORT = 5672;
const AMQPS_PORT = 5671;

/**
 * Reads `amqp://[user[:password]@]host[:port][/vhost]`, or `amqps://…` for TLS. Without a login it is `guest`, without a virtual host `/`; a slash within a
 * virtual host is written `%2F` (https://www.rabbitmq.com/docs/uri-spec).
 * @returns undefined when it is none of these
 */
export function parseRabbitmqUrl(input: string): RabbitAddress | undefined {
  if (!URL.canParse(input) || !input.includes('://')) return undefined;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(input);
  const path = /^\/?([^/]*)$/.exec(pathname)?.[1];
  if (!/^amqps?:$/.test(protocol) || hostname === '' || path === undefined || search !== '' || hash !== '') return undefined;
  const tls = protocol === 'amqps:';
  const [user, secret, vhost] = [username, password, path].map(decoded);
  if (user === undefined || secret === undefined || vhost === undefined) return undefined;
  const isNobody = user === '' && secret === '';
  return {
    tls,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (tls ? AMQPS_PORT : AMQP_PORT) : Number(port),
    username: isNobody ? 'guest' : user,
    password: isNobody ? 'guest' : secret,
    vhost: vhost === '' ? '/' : vhost,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
