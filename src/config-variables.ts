/** What a variable is, for whoever sets it. */
export interface Variable {
  readonly name: string;
  /** What it is when unset, as text for people; empty when there is nothing. */
  readonly byDefault: string;
  readonly description: string;
  /**
   * How its value may be shown: as it is, never, or as a URL without its password.
   * @default 'plain'
   */
  readonly show?: 'plain' | 'secret' | 'url';
  /** True when `<NAME>_FILE` may name a file that holds the value instead. */
  readonly orFile?: true;
}

/**
 * Every environment variable of the program, in the order in which people read about them. The README's table,
 * `.env.example` and `vigilia config` come from it.
 */
export const VARIABLES = [
  {
    name: 'VIGILIA_ROLE',
    byDefault: 'all',
    description: 'What this process does: `gateway` (HTTP), `worker` (Telegram), or `all`. Split roles need `DATABASE_URL`.',
  },
  {
    name: 'VIGILIA_DATA_DIR',
    byDefault: './data',
    description: 'Directory for the session, the embedded database and the simulator. One process at a time.',
  },
  {
    name: 'HTTP_HOST',
    byDefault: '127.0.0.1',
    description: 'Where the gateway listens. Anything but loopback needs tokens.',
  },
  { name: 'HTTP_PORT', byDefault: '4010', description: "The gateway's port; 0 takes any free one." },
  { name: 'OPS_HOST', byDefault: '127.0.0.1', description: "Where the worker's health, state and metrics listen." },
  { name: 'OPS_PORT', byDefault: '4007', description: 'The port for these; 0 takes any free one.' },
  {
    name: 'GATEWAY_TOKENS',
    byDefault: '',
    description:
      '`scope:token,…`; scopes `read`, `write`, `admin`; tokens of at least 16 characters. Without any: loopback only. SIGHUP reads them anew.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'GATEWAY_JWT_SECRET',
    byDefault: '',
    description: 'Takes JWTs that are signed with it (HS256) as bearer tokens too; at least 32 characters.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'GATEWAY_JWT_JWKS_URL',
    byDefault: '',
    description:
      'Takes JWTs that are signed with a key of this set (RS256, ES256, EdDSA) as bearer tokens too. Needs `GATEWAY_JWT_ISSUER` and `GATEWAY_JWT_AUDIENCE`.',
    show: 'url',
  },
  { name: 'GATEWAY_JWT_ISSUER', byDefault: '', description: 'What `iss` of a JWT has to be. Without it: anything.' },
  { name: 'GATEWAY_JWT_AUDIENCE', byDefault: '', description: 'What `aud` of a JWT has to name. Without it: anything.' },
  {
    name: 'GATEWAY_JWT_SCOPE_CLAIM',
    byDefault: 'scope',
    description:
      'Which claim says what a JWT is good for: `read`, `write`, `admin`, alone or as `vigilia:read` …, in a list or with spaces between.',
  },
  {
    name: 'RATE_LIMIT',
    byDefault: '6000',
    description:
      'Requests of one token in a minute, all of them at once if it wishes; 0 is without limit. Counted in Redis where there is one.',
  },
  {
    name: 'RATE_LIMIT_FAILURES',
    byDefault: '30',
    description: 'Wrong tokens from one address in a minute; 0 is without limit.',
  },
  {
    name: 'CORS_ORIGINS',
    byDefault: '',
    description: 'Origins of other sites whose pages may ask, `https://app.example.org,…`. Without any: none.',
  },
  {
    name: 'HTTP_TRUSTED_PROXIES',
    byDefault: '',
    description: 'Addresses or networks of proxies whose `X-Forwarded-For` is believed, `10.0.0.0/8,…`.',
  },
  {
    name: 'DATABASE_URL',
    byDefault: '',
    description:
      'PostgreSQL, `postgresql://user:password@host:port/name`. Without it: PGlite in the data directory. With it, Telegram is not simulated unless `SIMULATOR_WORLD` is set.',
    show: 'url',
  },
  {
    name: 'DATABASE_DIRECT_URL',
    byDefault: 'DATABASE_URL',
    description: 'The same database without PgBouncer between, for migrations.',
    show: 'url',
  },
  {
    name: 'MESSAGE_RETENTION',
    byDefault: '',
    description:
      'How long messages are stored, in days, weeks, months or years: `90d`, `12w`, `18m`, `2y`, at most `100y`. Older ones are deleted for good, within the hour. Without it: for ever.',
  },
  {
    name: 'REDIS_URL',
    byDefault: '',
    description:
      'Redis: `redis://host:port`, `rediss://…`, or `redis+sentinel://host:port,host:port/master-name`. Without it: a cache in the process, or none where the database is shared.',
    show: 'url',
  },
  {
    name: 'RABBITMQ_URL',
    byDefault: '',
    description:
      'RabbitMQ, `amqp://user:password@host:port/vhost`, or `amqps://…` for TLS. Without it: a broker in the process; split roles find jobs through the database.',
    show: 'url',
  },
  {
    name: 'RABBITMQ_ACTIONS',
    byDefault: '',
    description:
      'Which actions other programs may ask for over RabbitMQ, `sync-messages,get-channels`. Without it: all those that only read.',
  },
  {
    name: 'TELEGRAM_API_ID',
    byDefault: '',
    description: 'From my.telegram.org. Without it, Telegram is simulated. May be left out with `TELEGRAM_SERVER` (then 1).',
  },
  { name: 'TELEGRAM_API_HASH', byDefault: '', description: 'The hash that belongs to it, 32 hex digits.', show: 'secret' },
  {
    name: 'TELEGRAM_SERVER',
    byDefault: '',
    description: "`host:port` of an MTProto server other than Telegram's own. Needs `TELEGRAM_SERVER_KEY`.",
  },
  { name: 'TELEGRAM_SERVER_KEY', byDefault: '', description: "A PEM file with that server's RSA public key." },
  { name: 'TELEGRAM_SERVER_DC', byDefault: '2', description: "That server's number among its data centres." },
  {
    name: 'SESSION_KEY',
    byDefault: '',
    description:
      'Seals the stored sessions; at least 16 characters. Without it: a key file beside them, so that whoever can read the data directory can use the accounts.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'SESSION_KEY_PREVIOUS',
    byDefault: '',
    description:
      'The `SESSION_KEY` before: opens what it sealed, and seals nothing. Needed until `vigilia session rotate-key` has run.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'SESSION_STORE',
    byDefault: 'files',
    description:
      'Where the sealed sessions lie: `files` in the data directory, or `database` for several workers (needs `DATABASE_URL` and `SESSION_KEY`).',
  },
  {
    name: 'SESSION_BACKUP_KEY',
    byDefault: 'SESSION_KEY, or the key file',
    description: 'Seals what `vigilia session backup` writes; at least 16 characters.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'TELEGRAM_SESSION_FILE',
    byDefault: '',
    description: 'A file with a GramJS or Telethon StringSession, for `vigilia session import`. Nothing else reads it.',
    show: 'secret',
  },
  {
    name: 'TELEGRAM_PHONE',
    byDefault: '',
    description: 'The phone number that `vigilia login` begins with. Nothing else reads it.',
    show: 'secret',
  },
  {
    name: 'TELEGRAM_PASSWORD',
    byDefault: '',
    description: 'The two-step verification password that `vigilia login` gives once. Nothing else reads it.',
    show: 'secret',
    orFile: true,
  },
  {
    name: 'VIGILIA_ACCOUNTS',
    byDefault: '500',
    description:
      'Which accounts this worker serves: their names, `main,second`, or how many at most. Workers on one database share the accounts evenly.',
  },
  {
    name: 'SIMULATOR_WORLD',
    byDefault: '',
    description: 'A Telegram Desktop export (`result.json`) or a folder of them, served as Telegram by the built-in simulator.',
  },
  { name: 'SIMULATOR_PORT', byDefault: '0', description: "The simulator's port; 0 takes any free one." },
  {
    name: 'SIMULATOR_RATE',
    byDefault: '0.2, or 0 with SIMULATOR_WORLD',
    description: 'New posts per second in the simulated world, 0 to 1000.',
  },
  {
    name: 'LOG_LEVEL',
    byDefault: 'info',
    description: '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
  },
  {
    name: 'NODE_ENV',
    byDefault: '',
    description: '`production` refuses to simulate Telegram unless `SIMULATOR_WORLD` is set.',
  },
] as const satisfies readonly Variable[];

/** The name of a variable of {@link VARIABLES}. */
export type VariableName = (typeof VARIABLES)[number]['name'];

/** The name of a variable whose value may also lie in a file. */
export type FiledVariableName = Extract<(typeof VARIABLES)[number], { orFile: true }>['name'];

/** All names that mean something, the `…_FILE` ones included. */
export const KNOWN_NAMES: readonly string[] = VARIABLES.flatMap((variable: Variable) =>
  variable.orFile === true ? [variable.name, `${variable.name}_FILE`] : [variable.name],
);

/** @returns the table as Markdown, as the README shows it between its `config` markers */
export function configTable(): string {
  const rows = VARIABLES.map((variable: Variable) => {
    const name = variable.orFile === true ? `\`${variable.name}\` or \`${variable.name}_FILE\`` : `\`${variable.name}\``;
    const byDefault = /^[\w./:-]+$/.test(variable.byDefault) ? `\`${variable.byDefault}\`` : variable.byDefault;
    return `| ${name} | ${byDefault} | ${variable.description} |`;
  });
  return ['| variable | default | what it is |', '|---|---|---|', ...rows].join('\n');
}

/** @returns `.env.example`: every variable, commented out, with what it is */
export function envExample(): string {
  const entries = VARIABLES.map((variable: Variable) => {
    const plainDefault = /^[\w./:-]+$/.test(variable.byDefault) && !variable.byDefault.startsWith('DATABASE');
    const notes = [variable.description.replaceAll('`', '')];
    if (!plainDefault && variable.byDefault !== '') notes.push(`Default: ${variable.byDefault}`);
    if (variable.orFile === true) notes.push(`Or ${variable.name}_FILE: a file that holds it.`);
    return [...notes.map((note) => `# ${note}`), `#${variable.name}=${plainDefault ? variable.byDefault : ''}`].join('\n');
  });
  return `# Every variable of Vigília. An empty one counts as unset.\n\n${entries.join('\n\n')}\n`;
}

/** How a faulty value of a variable may be shown. Names that are not ours count as secret. */
export function showAs(name: string): 'plain' | 'secret' | 'url' {
  const variable: Variable | undefined = VARIABLES.find((known) => known.name === name);
  if (variable === undefined) return name.endsWith('_FILE') ? 'plain' : 'secret';
  return variable.show ?? 'plain';
}

/** @returns the known name that takes the fewest edits to reach (Levenshtein), the first of several */
export function nearestName(name: string): string {
  let nearest = '';
  let least = Number.POSITIVE_INFINITY;
  for (const known of KNOWN_NAMES) {
    const distance = editDistance(name, known);
    if (distance < least) [nearest, least] = [known, distance];
  }
  return nearest;
}

function editDistance(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const line = [row];
    for (let column = 1; column <= right.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      line.push(Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[right.length] ?? 0;
}
