import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, ConfigError, describeConfig, type Environment, readConfig } from '../../src/config.ts';
import { KNOWN_NAMES, VARIABLES } from '../../src/config-variables.ts';
import { VigiliaError } from '../../src/errors.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const FILES: Readonly<Record<string, string>> = {
  '/key.pem': String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' })),
  '/spki.pem': String(rsa.publicKey.export({ type: 'spki', format: 'pem' })),
  '/private.pem': String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  '/ec.pem': String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' })),
  '/tokens': 'read:0123456789abcdef\nadmin:fedcba9876543210\n',
  '/session-key': 'a key of some length\n',
  '/empty': '\n',
  '/world': '{}',
};

function readFile(path: string): string {
  const content = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  return content;
}

const read = (env: Environment): Config => readConfig(env, readFile, (path) => Object.hasOwn(FILES, path));

function faultsOf(env: Environment): ConfigError {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

describe('an empty environment', () => {
  it('runs everything on loopback with a simulated Telegram', () => {
    expect(read({})).toEqual({
      role: 'all',
      dataDir: './data',
      http: { host: '127.0.0.1', port: 4010 },
      ops: { host: '127.0.0.1', port: 4007 },
      tokens: [],
      access: { jwt: null, rateLimit: 6_000, failureLimit: 30, corsOrigins: [], trustedProxies: [] },
      database: null,
      keepMessagesMs: null,
      redisUrl: null,
      rabbitmqUrl: null,
      rabbitmqActions: null,
      telegram: { kind: 'simulated', world: null, port: 0, rate: 0.2 },
      sessionKey: null,
      sessionKeyPrevious: null,
      sessionStore: 'files',
      sessionBackupKey: null,
      accounts: { only: null, limit: 500 },
      sessionImportFile: null,
      loginPhone: null,
      loginPassword: null,
      logLevel: 'info',
      production: false,
      warnings: [],
    });
  });

  it('is the same as one with empty values', () => {
    expect(read(Object.fromEntries(KNOWN_NAMES.map((name) => [name, '  '])))).toEqual(read({}));
  });

  it('gives a value that cannot be changed, at any depth', () => {
    const config = read({ GATEWAY_TOKENS: 'read:0123456789abcdef' });
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.tokens[0] ?? {}, { scope: 'admin' })).toThrow(TypeError);
    expect(() => (config.warnings as string[]).push('x')).toThrow(TypeError);
  });
});

describe('Telegram', () => {
  const hash = '0123456789abcdef0123456789ABCDEF';

  it('is the real one with an API id and hash', () => {
    expect(read({ TELEGRAM_API_ID: '12345', TELEGRAM_API_HASH: hash }).telegram).toEqual({
      kind: 'telegram',
      apiId: 12345,
      apiHash: hash,
    });
  });

  it.each(['/key.pem', '/spki.pem'])('is a server of its own with an address and the key in %s', (key) => {
    expect(read({ TELEGRAM_SERVER: '[::1]:443', TELEGRAM_SERVER_KEY: key, TELEGRAM_SERVER_DC: '4' }).telegram).toEqual({
      kind: 'server',
      apiId: 1,
      apiHash: 'vigilia',
      host: '::1',
      port: 443,
      keyPem: FILES[key]?.trim(),
      dc: 4,
    });
  });

  it('takes any API hash for a server of its own', () => {
    const env = {
      TELEGRAM_API_ID: '7',
      TELEGRAM_API_HASH: 'any',
      TELEGRAM_SERVER: 'tg.local:443',
      TELEGRAM_SERVER_KEY: '/key.pem',
    };
    expect(read(env).telegram).toMatchObject({ apiId: 7, apiHash: 'any', host: 'tg.local', dc: 2 });
  });

  it('is simulated from a world, which stands still unless a rate is given', () => {
    expect(read({ SIMULATOR_WORLD: '/world' }).telegram).toEqual({ kind: 'simulated', world: '/world', port: 0, rate: 0 });
    expect(read({ SIMULATOR_WORLD: '/world', SIMULATOR_RATE: '2.5', SIMULATOR_PORT: '9000' }).telegram).toMatchObject({
      rate: 2.5,
      port: 9000,
    });
  });

  it.each([
    { DATABASE_URL: 'postgresql://u:p@db/x' },
    { RABBITMQ_URL: 'amqp://mq' },
    { REDIS_URL: 'redis://r' },
    { NODE_ENV: 'production' },
  ])('is never simulated by accident: %o', (env) => {
    const error = faultsOf(env);
    expect(error.faults.map(({ name }) => name)).toEqual(['TELEGRAM_API_ID']);
    expect(error.message).toContain(Object.keys(env)[0]);
    expect(error.message).toContain('SIMULATOR_WORLD');
    expect(read({ ...env, SIMULATOR_WORLD: '/world' }).telegram.kind).toBe('simulated');
    expect(read({ ...env, TELEGRAM_API_ID: '1', TELEGRAM_API_HASH: hash }).telegram.kind).toBe('telegram');
  });
});

describe('how long messages are kept', () => {
  it.each([
    ['1d', 1],
    ['12w', 84],
    ['18m', 558],
    ['2y', 732],
    ['100y', 36_600],
    ['36600d', 36_600],
  ])('%s is so many days', (MESSAGE_RETENTION, days) => {
    expect(read({ MESSAGE_RETENTION }).keepMessagesMs).toBe(days * 86_400_000);
    expect(read({}).keepMessagesMs).toBeNull();
  });
});

describe('tokens', () => {
  it('come from the variable or from a file, a line each', () => {
    expect(read({ GATEWAY_TOKENS: 'write:with:colon:0123456789 , read:0123456789abcdef' }).tokens).toEqual([
      { scope: 'write', token: 'with:colon:0123456789' },
      { scope: 'read', token: '0123456789abcdef' },
    ]);
    expect(read({ GATEWAY_TOKENS_FILE: '/tokens' }).tokens.map(({ scope }) => scope)).toEqual(['read', 'admin']);
  });

  it('open the gateway to other machines', () => {
    expect(read({ HTTP_HOST: '0.0.0.0', GATEWAY_TOKENS: 'read:0123456789abcdef' }).http.host).toBe('0.0.0.0');
    expect(read({ HTTP_HOST: '[::1]' }).http.host).toBe('::1');
    const worker = { VIGILIA_ROLE: 'worker', HTTP_HOST: '0.0.0.0', DATABASE_URL: 'postgres://d/x', SIMULATOR_WORLD: '/world' };
    expect(read(worker).role).toBe('worker');
  });
});

describe('who may ask', () => {
  it('is told by JWTs too, which open the gateway to other machines', () => {
    const secret = 's'.repeat(32);
    expect(read({ HTTP_HOST: '0.0.0.0', GATEWAY_JWT_SECRET: secret }).access.jwt).toEqual({
      secret,
      jwksUrl: null,
      issuer: null,
      audience: null,
      scopeClaim: 'scope',
    });
    const jwksUrl = 'http://keycloak:8080/certs';
    const config = read({ GATEWAY_JWT_JWKS_URL: jwksUrl, GATEWAY_JWT_ISSUER: 'i', GATEWAY_JWT_AUDIENCE: 'a' });
    expect(config.access.jwt).toMatchObject({ secret: null, jwksUrl, issuer: 'i', audience: 'a' });
    expect(config.warnings).toEqual([expect.stringContaining('not https')]);
    expect(read({ GATEWAY_JWT_ISSUER: 'i' }).warnings).toEqual([expect.stringContaining('GATEWAY_JWT_ISSUER has no effect')]);
  });

  it('and how much, from where, and for whom', () => {
    expect(read({}).access).toEqual({ jwt: null, rateLimit: 6_000, failureLimit: 30, corsOrigins: [], trustedProxies: [] });
    const given = {
      RATE_LIMIT: '0',
      RATE_LIMIT_FAILURES: '5',
      CORS_ORIGINS: 'https://a.example, http://localhost:3000',
      HTTP_TRUSTED_PROXIES: '10.0.0.0/8,::1',
    };
    expect(read(given).access).toMatchObject({
      rateLimit: 0,
      failureLimit: 5,
      corsOrigins: ['https://a.example', 'http://localhost:3000'],
      trustedProxies: ['10.0.0.0/8', '::1'],
    });
  });
});

const OK_HASH = '0'.repeat(32);
const DB = 'postgresql://user:pass@db:5432/x';

/** One wrong environment a row, and the variables that must be named. */
const WRONG: readonly (readonly [Environment, readonly string[]])[] = [
  [{ VIGILIA_ROLE: 'both' }, ['VIGILIA_ROLE']],
  [{ VIGILIA_ROLE: 'gateway' }, ['DATABASE_URL', 'TELEGRAM_API_ID']],
  [{ VIGILIA_ROLE: 'gateway', DATABASE_URL: DB }, ['TELEGRAM_API_ID']],
  [{ VIGILIA_ROLE: 'gateway', DATABASE_URL: DB, SIMULATOR_WORLD: '/world' }, ['SIMULATOR_WORLD']],
  [{ VIGILIA_ROLE: 'worker' }, ['DATABASE_URL']],
  [{ HTTP_PORT: '65536' }, ['HTTP_PORT']],
  [{ HTTP_PORT: '-1' }, ['HTTP_PORT']],
  [{ HTTP_PORT: '0x10' }, ['HTTP_PORT']],
  [{ HTTP_PORT: '1e3' }, ['HTTP_PORT']],
  [{ NODE_ENV: 'prod' }, ['NODE_ENV']],
  [{ NODE_ENV: 'Production' }, ['NODE_ENV']],
  [{ OPS_HOST: 'not a host' }, ['OPS_HOST']],
  [{ HTTP_HOST: '0.0.0.0' }, ['HTTP_HOST']],
  [{ HTTP_HOST: '::' }, ['HTTP_HOST']],
  [{ HTTP_HOST: 'example.org' }, ['HTTP_HOST']],
  [{ GATEWAY_TOKENS: 'root:0123456789abcdef' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS: '0123456789abcdef' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS: 'read:short' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS: 'read:0123456789abcdef,write:0123456789abcdef' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS: 'read:0123456789 abcdef' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS: ',' }, ['GATEWAY_TOKENS']],
  [{ GATEWAY_TOKENS_FILE: '/absent' }, ['GATEWAY_TOKENS_FILE']],
  [{ GATEWAY_TOKENS_FILE: '/empty' }, ['GATEWAY_TOKENS_FILE']],
  [{ GATEWAY_TOKENS: 'read:0123456789abcdef', GATEWAY_TOKENS_FILE: '/tokens' }, ['GATEWAY_TOKENS_FILE']],
  [{ GATEWAY_JWT_SECRET: 'x'.repeat(31) }, ['GATEWAY_JWT_SECRET']],
  [{ GATEWAY_JWT_SECRET_FILE: '/absent' }, ['GATEWAY_JWT_SECRET_FILE']],
  [{ GATEWAY_JWT_JWKS_URL: 'https://l/keys' }, ['GATEWAY_JWT_AUDIENCE', 'GATEWAY_JWT_ISSUER']],
  [{ GATEWAY_JWT_JWKS_URL: 'file:///keys', GATEWAY_JWT_ISSUER: 'i', GATEWAY_JWT_AUDIENCE: 'a' }, ['GATEWAY_JWT_JWKS_URL']],
  [{ GATEWAY_JWT_SCOPE_CLAIM: 'a claim' }, ['GATEWAY_JWT_SCOPE_CLAIM']],
  [{ RATE_LIMIT: '-1' }, ['RATE_LIMIT']],
  [{ RATE_LIMIT: '100/min' }, ['RATE_LIMIT']],
  [{ RATE_LIMIT_FAILURES: 'none' }, ['RATE_LIMIT_FAILURES']],
  [{ CORS_ORIGINS: '*' }, ['CORS_ORIGINS']],
  [{ CORS_ORIGINS: 'https://app.example.org/' }, ['CORS_ORIGINS']],
  [{ CORS_ORIGINS: 'https://a.example,b.example' }, ['CORS_ORIGINS']],
  [{ HTTP_TRUSTED_PROXIES: '10.0.0.0/33' }, ['HTTP_TRUSTED_PROXIES']],
  [{ HTTP_TRUSTED_PROXIES: 'proxy' }, ['HTTP_TRUSTED_PROXIES']],
  [{ HTTP_TRUSTED_PROXIES: '::/0/1' }, ['HTTP_TRUSTED_PROXIES']],
  [{ SESSION_KEY: 'short' }, ['SESSION_KEY']],
  [{ SESSION_KEY_FILE: '/absent' }, ['SESSION_KEY_FILE']],
  [{ SESSION_KEY: 'x'.repeat(16), SESSION_KEY_FILE: '/session-key' }, ['SESSION_KEY_FILE']],
  [{ SESSION_KEY_PREVIOUS: 'short' }, ['SESSION_KEY_PREVIOUS']],
  [{ SESSION_BACKUP_KEY_FILE: '/absent' }, ['SESSION_BACKUP_KEY_FILE']],
  [{ SESSION_STORE: 'redis' }, ['SESSION_STORE']],
  [{ SESSION_STORE: 'database' }, ['DATABASE_URL', 'SESSION_KEY']],
  [{ SESSION_STORE: 'database', DATABASE_URL: DB, SIMULATOR_WORLD: '/world' }, ['SESSION_KEY']],
  [{ SESSION_STORE: 'database', SESSION_KEY: 'x'.repeat(16) }, ['DATABASE_URL']],
  [{ TELEGRAM_SESSION_FILE: `1${'A'.repeat(340)}` }, ['TELEGRAM_SESSION_FILE']],
  [{ DATABASE_URL: 'mysql://db/x', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'db', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'postgresql:db', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'postgresql:///x', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_DIRECT_URL: DB }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'postgresql://d/x?sslmode=verify', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [
    { DATABASE_URL: 'postgresql://d/x?sslmode=ful&sslrootcert=/absent&uselibpqcompat=1', SIMULATOR_WORLD: '/world' },
    ['DATABASE_URL', 'DATABASE_URL', 'DATABASE_URL'],
  ],
  [{ DATABASE_URL: 'postgresql://d/x?sslmode=disable&sslmode=verify', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'postgresql://d/x?uselibpqcompat=true&sslmode=require', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [{ DATABASE_URL: 'postgresql://d/x?sslmode=verify-full&sslrootcert=/absent', SIMULATOR_WORLD: '/world' }, ['DATABASE_URL']],
  [
    { DATABASE_URL: DB, DATABASE_DIRECT_URL: 'postgresql://d/x?sslcert=/absent&sslkey=/absent', SIMULATOR_WORLD: '/world' },
    ['DATABASE_DIRECT_URL', 'DATABASE_DIRECT_URL'],
  ],
  ...['90', '0d', '01d', '1h', '-1d', '1.5y', '99999d', '101y', '9999y', '5229w', 'for ever'].map(
    (MESSAGE_RETENTION): [Environment, string[]] => [{ MESSAGE_RETENTION }, ['MESSAGE_RETENTION']],
  ),
  [{ REDIS_URL: 'http://r', SIMULATOR_WORLD: '/world' }, ['REDIS_URL']],
  [{ REDIS_URL: 'redis+sentinel://a:26379,b:26379', SIMULATOR_WORLD: '/world' }, ['REDIS_URL']],
  [{ RABBITMQ_URL: 'amqp://', SIMULATOR_WORLD: '/world' }, ['RABBITMQ_URL']],
  [{ RABBITMQ_URL: 'amqp://mq/a/b', SIMULATOR_WORLD: '/world' }, ['RABBITMQ_URL']],
  [{ TELEGRAM_API_ID: '5' }, ['TELEGRAM_API_HASH']],
  [{ TELEGRAM_API_HASH: OK_HASH }, ['TELEGRAM_API_ID']],
  [{ TELEGRAM_API_ID: '0', TELEGRAM_API_HASH: OK_HASH }, ['TELEGRAM_API_ID']],
  [{ TELEGRAM_API_ID: '5', TELEGRAM_API_HASH: 'xyz' }, ['TELEGRAM_API_HASH']],
  [{ TELEGRAM_SERVER: 'localhost:443' }, ['TELEGRAM_SERVER_KEY']],
  [{ TELEGRAM_SERVER: 'localhost', TELEGRAM_SERVER_KEY: '/key.pem' }, ['TELEGRAM_SERVER']],
  [{ TELEGRAM_SERVER: 'localhost:0', TELEGRAM_SERVER_KEY: '/key.pem' }, ['TELEGRAM_SERVER']],
  [{ TELEGRAM_SERVER_KEY: '/key.pem' }, ['TELEGRAM_SERVER']],
  [{ TELEGRAM_SERVER: 'localhost:443', TELEGRAM_SERVER_KEY: '/absent' }, ['TELEGRAM_SERVER_KEY']],
  [{ TELEGRAM_SERVER: 'localhost:443', TELEGRAM_SERVER_KEY: '/world' }, ['TELEGRAM_SERVER_KEY']],
  [{ TELEGRAM_SERVER: 'localhost:443', TELEGRAM_SERVER_KEY: '/ec.pem' }, ['TELEGRAM_SERVER_KEY']],
  [{ TELEGRAM_SERVER: 'localhost:443', TELEGRAM_SERVER_KEY: '/private.pem' }, ['TELEGRAM_SERVER_KEY']],
  [{ SIMULATOR_WORLD: '/absent' }, ['SIMULATOR_WORLD']],
  [{ SIMULATOR_WORLD: '/world', TELEGRAM_API_ID: '5', TELEGRAM_API_HASH: OK_HASH }, ['SIMULATOR_WORLD']],
  [{ SIMULATOR_WORLD: '/world', TELEGRAM_SERVER: 'h:1', TELEGRAM_SERVER_KEY: '/key.pem' }, ['SIMULATOR_WORLD']],
  [{ SIMULATOR_RATE: '1001' }, ['SIMULATOR_RATE']],
  [{ SIMULATOR_RATE: 'fast' }, ['SIMULATOR_RATE']],
  [{ LOG_LEVEL: 'loud' }, ['LOG_LEVEL']],
  [
    { HTTP_PORT: 'x', OPS_PORT: 'y', LOG_LEVEL: 'z', GATEWAY_TOKENS: 'w', DATABASE_URL: 'v' },
    ['DATABASE_URL', 'GATEWAY_TOKENS', 'HTTP_PORT', 'LOG_LEVEL', 'OPS_PORT', 'TELEGRAM_API_ID'],
  ],
];

describe('faults', () => {
  it.each(WRONG)('of %o name exactly %o', (env, names) => {
    const error = faultsOf(env);
    expect(error).toBeInstanceOf(VigiliaError);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.faults.map(({ name }) => name).sort()).toEqual(names);
    for (const { name, problem } of error.faults) {
      expect(error.message).toContain(name);
      expect(error.message).toContain(problem);
    }
  });

  it('show a plain value, and a URL without its password', () => {
    expect(faultsOf({ HTTP_PORT: 'abc' }).message).toContain('"abc"');
    const { message } = faultsOf({
      DATABASE_URL: 'mysql://user:s3cret-word@db/x?password=s3cret-word',
      SIMULATOR_WORLD: '/world',
    });
    expect(message).toContain('mysql://user:[hidden]@db/x');
    expect(message).not.toContain('s3cret-word');
  });

  it.each([
    'postgres://user:p/assw0rd@db/x',
    'postgres://user:12/assw0rd@db/x',
    'postgres:user:assw0rd@db',
    'redis://u:1#assw0rd@h',
    'mysql://u:assw0rd%40@h/x',
    'mysql://h/x?sslkey=assw0rd',
    'assw0rd',
  ])('never show the password of %s', (value) => {
    const env = { DATABASE_URL: value, SIMULATOR_WORLD: '/world' };
    let shown: string;
    try {
      shown = describeConfig(read(env));
    } catch (error) {
      shown = (error as Error).message;
    }
    expect(shown).not.toContain('assw0rd');
  });
});

describe('warnings', () => {
  it('name what was probably meant', () => {
    const env = {
      TELEGRAM_APIHASH: 'x',
      GATEWAY_TOKEN: 'x',
      VIGILIA_TEST_PG: 'x',
      SESSION_MANAGER: 'x',
      OPS_PROT: '1',
      PATH: 'x',
    };
    expect(read(env).warnings).toEqual([
      'TELEGRAM_APIHASH is no variable of this program; did you mean TELEGRAM_API_HASH?',
      'GATEWAY_TOKEN is no variable of this program; did you mean GATEWAY_TOKENS?',
      'OPS_PROT is no variable of this program; did you mean OPS_PORT?',
    ]);
  });

  it('tell of what has no effect', () => {
    const env = { TELEGRAM_API_ID: '5', TELEGRAM_API_HASH: OK_HASH, SIMULATOR_RATE: '1', TELEGRAM_SERVER_DC: '3' };
    expect(read({ ...env, RABBITMQ_ACTIONS: 'sync-messages, get-channels' }).warnings).toEqual([
      'SIMULATOR_RATE has no effect: Telegram is not simulated',
      'RABBITMQ_ACTIONS has no effect without RABBITMQ_URL',
      'TELEGRAM_SERVER_DC has no effect without TELEGRAM_SERVER',
    ]);
  });
});

describe('the effective configuration', () => {
  it('has a line for each variable and shows no secret', () => {
    const shown = describeConfig(
      read({
        GATEWAY_TOKENS: 'read:0123456789abcdef',
        SESSION_KEY: 'abcdefghijklmnopqrst',
        SESSION_KEY_PREVIOUS: 'abcdefghijklmnopqrst',
        SESSION_BACKUP_KEY: 'abcdefghijklmnopqrst',
        TELEGRAM_SESSION_FILE: '/session',
        DATABASE_URL: 'postgresql://user:pa55word@db:5432/x?sslpassword=pa55word',
        TELEGRAM_API_ID: '77',
        TELEGRAM_API_HASH: 'feedfacefeedfacefeedfacefeedface',
      }),
    );
    expect(shown.split('\n')).toHaveLength(VARIABLES.length);
    expect(shown).toContain('GATEWAY_TOKENS=read:[hidden]');
    expect(shown).toContain('DATABASE_URL=postgresql://user:[hidden]@db:5432/x?sslpassword=…');
    expect(shown).toContain('TELEGRAM_API_ID=77');
    expect(shown).toContain('TELEGRAM_SESSION_FILE=/session');
    expect(shown).toContain('# REDIS_URL is not set');
    expect(shown).not.toMatch(/0123456789abcdef|abcdefghij|pa55word|feedface/);
  });
});

describe('any environment', () => {
  const anyValue = fc.oneof(
    fc.string(),
    fc.constantFrom('', '0', '1', '65536', 'all', 'worker', 'production', '/key.pem', '/tokens', '/world', '/absent', 'h:1'),
    fc.constantFrom('read:0123456789abcdef', DB, 'redis://r', 'amqp://q', OK_HASH, '0.0.0.0', '::1', 'localhost'),
    fc.webUrl({ withQueryParameters: true }),
    fc.webUrl({ withQueryParameters: true, validSchemes: ['postgresql'] }),
  );
  const name = fc.oneof(
    fc.constantFrom(...KNOWN_NAMES),
    fc.string().map((end) => `TELEGRAM_${end}`),
    fc.constant('__proto__'),
  );

  it('gives a configuration that can be shown, or CONFIG_INVALID with every fault under its name', () => {
    fc.assert(
      fc.property(fc.dictionary(name, anyValue), (env) => {
        try {
          const config = read(env);
          expect(Object.isFrozen(config)).toBe(true);
          expect(describeConfig(config).split('\n').length).toBeGreaterThanOrEqual(VARIABLES.length);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.faults.length).toBeGreaterThan(0);
          for (const fault of error.faults) {
            expect(KNOWN_NAMES).toContain(fault.name);
            expect(error.message).toContain(fault.name);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never has a secret in what is shown of it', () => {
    const mark = 'Sq7';
    const secret = fc.stringMatching(/^[#-~]{0,8}Zq9[!-~]{0,12}$/).map((part) => `${mark}${part}${mark}`);
    // By chance, what is no secret has the mark in it, too, and is rightly shown.
    const unmarked = fc.dictionary(name, anyValue).filter((env) => !JSON.stringify(env).includes(mark));
    const carried = fc.tuple(
      secret,
      fc.constantFrom(
        'GATEWAY_TOKENS',
        'SESSION_KEY',
        'SESSION_KEY_PREVIOUS',
        'SESSION_BACKUP_KEY',
        'TELEGRAM_API_HASH',
        'TELEGRAM_PHONE',
        'TELEGRAM_PASSWORD',
        'DATABASE_URL',
        'REDIS_URL',
        'RABBITMQ_URL',
      ),
    );
    const dress = (value: string, into: string): fc.Arbitrary<string> =>
      into === 'GATEWAY_TOKENS'
        ? fc.constantFrom(`read:${value}`, value, `root:${value},read:x`)
        : into.endsWith('_URL')
          ? fc.constantFrom(
              `postgres://user:${value}@host/db`,
              `redis://:${value}@host`,
              `amqps://u:${encodeURIComponent(value)}@h`,
            )
          : fc.constant(value);
    const cases = carried.chain(([value, into]) => fc.tuple(fc.constant(value), fc.constant(into), dress(value, into), unmarked));
    fc.assert(
      fc.property(cases, ([value, into, dressed, others]) => {
        let shown: string;
        try {
          const config = read({ ...others, [into]: dressed });
          shown = `${describeConfig(config)}\n${config.warnings.join('\n')}`;
        } catch (error) {
          shown = (error as Error).message;
        }
        expect(shown).not.toContain(value);
        expect(shown).not.toContain(mark);
        expect(shown).not.toContain(encodeURIComponent(value));
      }),
      { numRuns: 2000 },
    );
  });
});

it.each([
  'sslmode=require',
  'sslmode=verify&sslmode=verify-full',
  'sslmode=',
  'sslmode=no-verify',
  'sslmode=verify-full&sslrootcert=/key.pem',
  'sslrootcert=',
])('a database is asked for as it was written: %s', (query) => {
  const url = `postgresql://d/x?${query}`;
  expect(read({ DATABASE_URL: url, SIMULATOR_WORLD: '/world' }).database).toEqual({ url, directUrl: url });
});
