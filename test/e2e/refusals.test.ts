import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { World } from '../../src/ports.ts';
import type { GeneratedChannelOptions } from '../../src/simulator/generated-channel.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { type Env, Program, processesNaming, temporaryFolder, until, writeWorld } from '../support/program.ts';

// Each starts whole programs, on machines that may have more to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const API = '/api/telegram-gateway';
const JSON_BODY = { 'content-type': 'application/json' };
const CHANNEL: GeneratedChannelOptions = { username: 'small', title: 'Small', kind: 'channel', messages: 300, seed: 3 };
/** What programmers leave behind and users should not have to read. */
const STACK = /\n\s+at .*(\.js|node:)/;

async function start(folder: string, env: Env = {}): Promise<Program> {
  const program = new Program(['start'], { HTTP_PORT: String(await freePort()), ...env }, folder);
  onTestFinished(() => program.kill());
  return program;
}

/** Runs a command that is expected to end by itself. @returns it, ended, with its exit code */
async function ran(
  args: readonly string[],
  env: Env = {},
  folder?: string,
): Promise<{ code: number | string; program: Program }> {
  const program = new Program(args, env, folder ?? (await temporaryFolder(onTestFinished)));
  onTestFinished(() => program.kill());
  return { code: await program.exited, program };
}

/** A start that has to fail: with this code, without a stack, and leaving no process behind. @returns what the user reads */
async function refusedStart(folder: string, env: Env, code = 1): Promise<string> {
  const ended = await ran(['start'], { HTTP_PORT: '0', ...env }, folder);
  expect(ended.code, ended.program.tail()).toBe(code);
  expect(ended.program.stderr).not.toMatch(STACK);
  expect(await processesNaming(folder)).toEqual([]);
  return ended.program.stderr;
}

/** Listens somewhere on loopback until the test ends. */
async function listener(onSocket: (socket: Socket) => void = () => {}): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** A program that runs on a database of its own until somebody wants what it leaves behind: most of a start's cost is the first one. */
let program: Program;
let home: { readonly folder: string; readonly env: Env };
let world: World;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const folder = await temporaryFolder((remove) => ends.push(remove));
  home = { folder, env: { SIMULATOR_WORLD: await writeWorld(folder, [CHANNEL]) } };
  program = new Program(['start'], { HTTP_PORT: String(await freePort()), ...home.env }, folder);
  ends.unshift(() => program.kill());
  ({ world } = await program.healthy());
});

afterAll(async () => {
  for (const end of ends) await end();
});

/** Stops that program, with 200 messages stored. @returns where its database, its simulator and its sessions are */
async function leftBehind(): Promise<string> {
  if (program.child.exitCode === null)
    expect(await program.job(await program.sync('small', 200))).toMatchObject({ status: 'completed' });
  expect(await program.stop()).toBe(0);
  const worlds = join(home.folder, 'data', 'worlds');
  return join(worlds, (await readdir(worlds))[0] ?? '');
}

describe('a request that is wrong', () => {
  const sync = `${API}/sync-messages`;
  const body = (value: unknown): string => JSON.stringify(value);
  it.each([
    ['a number as a string', { channelId: 'small', limit: '5' }, 'limit', /^limit: must be a whole number/],
    ['a channel that is a list', { channelId: ['small'] }, 'channelId', /channelId/],
    ['a channel that is nothing', { limit: 5 }, 'channelId', /channelId/],
    ['a limit below one', { channelId: 'small', limit: 0 }, 'limit', /1/],
    ['a limit above a million', { channelId: 'small', limit: 1_000_001 }, 'limit', /1000000/],
    ['a half message', { channelId: 'small', limit: 1.5 }, 'limit', /whole number/],
    ['a flag that is a word', { channelId: 'small', force: 'yes' }, 'force', /true or false/],
    ['a field that nobody knows', { channelId: 'small', chanelId: 'x' }, 'chanelId', /chanelId/],
    ['a body that is a list', [], undefined, /object/],
    ['a body that is null', null, undefined, /object/],
  ])('by %s gets 400 with the field and what is allowed', async (_what, value, field, message) => {
    const answer = await program.ask(sync, { method: 'POST', headers: JSON_BODY, body: body(value) });
    expect(answer.status, answer.text).toBe(400);
    const { error } = JSON.parse(answer.text);
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringMatching(message) });
    expect(error.field).toBe(field);
  });

  it.each([
    ['a name that is no channel', body({ channelId: 'not a channel!' }), 400, 'INVALID_CHANNEL'],
    ['half a JSON', '{"channelId":', 400, 'INVALID_JSON'],
    ['no body at all', undefined, 400, 'INVALID_JSON'],
    ['an account that is not there', body({ channelId: 'small', accountId: 'nobody', force: true }), 400, 'UNKNOWN_ACCOUNT'],
    ['a body of 2 MiB', body({ channelId: 'x'.repeat(2 ** 21) }), 413, 'BODY_TOO_LARGE'],
  ])('by %s is told so', async (_what, text, status, code) => {
    const answer = await program.ask(sync, { method: 'POST', headers: JSON_BODY, ...(text !== undefined && { body: text }) });
    expect({ status: answer.status, code: JSON.parse(answer.text).error.code }).toEqual({ status, code });
  });

  it.each([
    ['another Host', { host: 'evil.example' }, 403, 'HOST_NOT_ALLOWED'],
    ['a page of another site', { origin: 'https://evil.example' }, 403, 'HOST_NOT_ALLOWED'],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['plain text', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('by %s is refused', async (_what, headers, status, code) => {
    const answer = await program.ask(sync, {
      method: 'POST',
      headers: { ...JSON_BODY, ...headers },
      body: body({ channelId: 'small' }),
    });
    expect({ status: answer.status, code: JSON.parse(answer.text).error.code }).toEqual({ status, code });
  });

  it('by its path or its method is told what there is', async () => {
    expect((await program.get('/api/telegram-gateway/sync')).body).toMatchObject({ error: { code: 'NOT_FOUND' } });
    const got = await program.get(sync);
    expect(got).toMatchObject({ status: 405, body: { error: { code: 'METHOD_NOT_ALLOWED' } } });
    expect(got.headers.get('allow')).toContain('POST');
    expect(await program.get(`${API}/jobs/sync-nothing`)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await program.get(`${API}/channels/nowhere_to_be_found/messages`)).toMatchObject({ status: 404 });
  });

  it('for a channel that is not there becomes a job that fails at the first attempt, by name', async () => {
    for (const channelId of ['no_such_channel', -1_001_999_999_999]) {
      const accepted = await program.post(sync, { channelId });
      expect(accepted.status).toBe(202);
      const job = await program.job(String(accepted.body.pollUrl));
      expect(job).toMatchObject({ status: 'failed', attempts: 1, nextAttemptAt: null, result: null });
      expect(job.error?.code).toBe('CHANNEL_NOT_FOUND');
      expect(job.error?.message).toMatch(typeof channelId === 'string' ? /no_such_channel/ : /1999999999/);
    }
  });

  it('leaves the program as it was: it still serves', async () => {
    expect(await program.job(await program.sync('small', 50))).toMatchObject({ status: 'completed', result: { count: 50 } });
    expect((await program.health()).status).toBe(200);
    expect(program.stderr).toBe('');
  });
});

describe('a command line that is wrong', () => {
  it.each([
    ['a command that is not there', ['begin'], /no command begin/],
    ['an argument of start', ['start', '--port', '80'], /start takes no arguments.*--port 80/],
    ['an argument of config', ['config', 'all'], /config takes no arguments.*all/],
    ['an unknown option', ['simulator', '--wrold', 'x'], /--wrold/],
    ['an option without its value', ['simulator', '--port'], /--port/],
    ['a port that is none', ['simulator', '--port', '70000'], /--port is a whole number from 0 to 65535, not 70000/],
    ['a rate that is none', ['simulator', '--rate', 'fast'], /--rate is a number from 0 to 1000, not fast/],
    ['an unknown log level', ['simulator', '--log-level', 'loud'], /--log-level is one of trace,/],
  ])('by %s ends with 64, the reason and where there is more', async (_what, args, reason) => {
    const { code, program } = await ran(args);
    expect(code).toBe(64);
    expect(program.stdout).toBe('');
    expect(program.stderr).toMatch(reason);
    expect(program.stderr).toContain('vigilia help');
    expect(program.stderr).not.toMatch(STACK);
  });

  it('is none when it is empty or asks for help', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h'], ['login', '--help'], ['start', '-h']]) {
      const { code, program } = await ran(args);
      expect({ code, stderr: program.stderr }).toEqual({ code: 0, stderr: '' });
      expect(program.stdout).toContain('vigilia start');
    }
  });
});

describe('an environment that is wrong', () => {
  it('is refused with 78 and every fault at once', async () => {
    const stderr = await refusedStart(
      await temporaryFolder(onTestFinished),
      {
        HTTP_PORT: 'eighty',
        LOG_LEVEL: 'loud',
        GATEWAY_TOKENS: 'admin:short',
        SIMULATOR_RATE: '-1',
        SIMULATOR_WORLD: '/not/there',
      },
      78,
    );
    const lines = stderr.trim().split('\n');
    expect(lines[0]).toBe('The environment has 5 faults:');
    expect(lines.slice(1).map((line) => /^ {2}(\w+)/.exec(line)?.[1])).toEqual(
      expect.arrayContaining(['HTTP_PORT', 'LOG_LEVEL', 'GATEWAY_TOKENS', 'SIMULATOR_RATE', 'SIMULATOR_WORLD']),
    );
    expect(stderr).toContain('HTTP_PORT="eighty": must be a whole number from 0 to 65535');
    expect(stderr).not.toContain('short"');
  });

  it.each([
    [{ DATABASE_URL: 'postgresql://u:hush-hush@127.0.0.1:1/x' }, 'DATABASE_URL'],
    [{ RABBITMQ_URL: 'amqp://127.0.0.1' }, 'RABBITMQ_URL'],
    [{ REDIS_URL: 'redis://127.0.0.1' }, 'REDIS_URL'],
    [{ NODE_ENV: 'production' }, 'NODE_ENV=production'],
  ])('never simulates by accident: %o', async (env, name) => {
    const folder = await temporaryFolder(onTestFinished);
    const stderr = await refusedStart(folder, env as unknown as Env, 78);
    expect(stderr).toMatch(/TELEGRAM_API_ID \(not set\)/);
    expect(stderr).toContain(name);
    expect(stderr).toContain('SIMULATOR_WORLD if you mean to simulate');
    expect(stderr).not.toContain('hush');
    expect(await readdir(folder)).toEqual([]);
  });

  it('has no gateway of its own beside a simulator, and is told how to have one', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const env = { VIGILIA_ROLE: 'gateway', DATABASE_URL: 'postgresql://127.0.0.1/x' };
    expect(await refusedStart(folder, env, 78)).toMatch(/TELEGRAM_API_ID.*TELEGRAM_SERVER.*TELEGRAM_SERVER_KEY/);
    const world = await writeWorld(folder, [CHANNEL]);
    expect(await refusedStart(folder, { ...env, SIMULATOR_WORLD: world }, 78)).toMatch(/SIMULATOR_WORLD=.*TELEGRAM_SERVER_KEY/);
  });

  it('is shown by `vigilia config` without its secrets', async () => {
    const { code, program } = await ran(['config'], {
      DATABASE_URL: 'postgresql://vigilia:hush-hush@db.example:5432/x?sslpassword=hush-hush',
      RABBITMQ_URL: 'amqp://user:hush-hush@mq.example',
      GATEWAY_TOKENS: 'read:hush-hush-0123456789',
      SESSION_KEY: 'hush-hush-0123456789',
      TELEGRAM_API_ID: '12345',
      TELEGRAM_API_HASH: '0123456789abcdef0123456789abcdef',
    });
    expect(code).toBe(0);
    expect(program.stdout).not.toMatch(/hush|0123456789abcdef/);
    expect(program.stdout).toContain('DATABASE_URL=postgresql://vigilia:[hidden]@db.example:5432/x');
    expect(program.stdout).toContain('GATEWAY_TOKENS=read:[hidden]');
    expect(program.stdout).toContain('TELEGRAM_API_ID=12345');
    expect(program.stdout).toContain('SESSION_KEY=[hidden]');
  });
});

describe('a place that cannot be used', () => {
  it('as data directory is named, with the reason and the variable', async () => {
    const folder = await temporaryFolder(onTestFinished);
    await writeFile(join(folder, 'file'), '');
    const places: [string, RegExp][] = [
      ['file', /file cannot be used: there is a file in its place/],
      ['file/data', /data cannot be used: a part of its path is a file/],
      // Where nothing can be written, not even by root.
      [process.platform === 'linux' ? '/proc/vigilia' : '/System/vigilia', /vigilia cannot be used/],
    ];
    for (const [place, reason] of places) {
      const stderr = await refusedStart(folder, { VIGILIA_DATA_DIR: place });
      expect(stderr).toMatch(reason);
      expect(stderr).toContain('set VIGILIA_DATA_DIR to another. [DATA_DIR_UNUSABLE]');
    }
  });

  it('because another process holds it names that process and where it can be asked', async () => {
    const second = await ran(['start'], { HTTP_PORT: '0' }, home.folder);
    expect(second.code).toBe(1);
    const held = `${join(home.folder, 'data')} is held by process ${program.child.pid}`;
    expect(second.program.stderr).toMatch(new RegExp(`${held}, since .*Z, at ${program.url}\\. Stop that one`));
    expect(second.program.stderr).not.toMatch(STACK);
    expect((await program.health()).status).toBe(200);
  });

  it('as port, because another process listens there, is named with its variable, and nothing is left running', async () => {
    const port = await listener();
    const folder = await temporaryFolder(onTestFinished);
    const world = await writeWorld(folder, [CHANNEL]);
    expect(await refusedStart(folder, { HTTP_PORT: String(port), SIMULATOR_WORLD: world })).toMatch(
      new RegExp(
        `another process listens on 127\\.0\\.0\\.1:${port}; stop it, or set HTTP_PORT to a free port \\[PORT_IN_USE\\]`,
      ),
    );
    expect(await readdir(join(folder, 'data')), 'no world is made for a program that cannot be asked').not.toContain('worlds');
    expect(await refusedStart(folder, { SIMULATOR_PORT: String(port), SIMULATOR_WORLD: world })).toMatch(
      new RegExp(`simulator cannot listen on 127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\); set SIMULATOR_PORT`),
    );
  });
});

describe('a simulated world that cannot be read', () => {
  it('is refused at once, with every file and what is wrong with it', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const world = join(folder, 'world');
    await mkdir(world);
    expect(await refusedStart(folder, { SIMULATOR_WORLD: world })).toMatch(
      /world.* cannot be read:\n {2}\S*world: has no \.json file/,
    );
    // Whatever the database is: without one there is nothing to wait for.
    const nowhere = { DATABASE_URL: 'postgresql://127.0.0.1:1/x' };
    await writeFile(join(world, 'torn.json'), '{"name":"Torn","mess');
    await writeFile(join(world, 'other.json'), '{"dependencies":{}}');
    const stderr = await refusedStart(folder, { SIMULATOR_WORLD: world, ...nowhere });
    expect(stderr).toMatch(/^ {2}\S*world\/torn\.json: is not JSON/m);
    expect(stderr).toMatch(/^ {2}\S*world\/other\.json: type is missing$/m);
    expect(stderr).toMatch(/^ {2}\S*world\/other\.json: messages is not a list$/m);
    await rm(join(world, 'other.json'));
    expect(await refusedStart(folder, { SIMULATOR_WORLD: join(world, 'torn.json'), ...nowhere })).toMatch(
      /torn\.json: is not JSON/,
    );
  });
});

describe('an embedded database', () => {
  it('whose simulator was deleted is not filled from a new one, and says what to put back', async () => {
    const { folder, env } = home;
    const simulator = join(await leftBehind(), 'simulator');
    await rename(simulator, join(folder, 'kept'));
    const stderr = await refusedStart(folder, env);
    expect(stderr).toMatch(new RegExp(`belongs to the simulated Telegram ${world.id}, .*put it back, .*\\[FOREIGN_DATABASE\\]`));
    await rm(simulator, { recursive: true });
    await rename(join(folder, 'kept'), simulator);
    const again = await start(folder, env);
    await again.healthy();
    expect(await again.stop()).toBe(0);
  });
});

describe('a stored session that cannot be opened', () => {
  /** Accepted while there was no connection. */
  const accepted: string[] = [];
  let folder: string;
  let env: Env;
  let sessions: string;

  beforeAll(async () => {
    ({ folder, env } = home);
    sessions = join(await leftBehind(), 'sessions');
    await cp(sessions, join(folder, 'good'), { recursive: true });
  });

  const file = (): string => join(sessions, 'main', '00000001.session');
  const flipBit = async (): Promise<void> => {
    const bytes = await readFile(file());
    const at = bytes.lastIndexOf('"data":"') + 12;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 2, at);
    await writeFile(file(), bytes);
  };
  const damages: [string, () => Promise<unknown>, Env, RegExp][] = [
    [
      'cut off',
      async () => writeFile(file(), (await readFile(file())).subarray(0, 150)),
      {},
      /is damaged: its checksum is another; .*restore a backup/,
    ],
    ['with a flipped bit', flipBit, {}, /is damaged: its checksum is another; .*restore a backup/],
    [
      'sealed with another key',
      async () => {},
      { SESSION_KEY: 'another key than that' },
      /was sealed with another key file; check SESSION_KEY/,
    ],
    [
      'of another account',
      async () => {
        const world = sessions.split('/').at(-2) ?? '';
        const vault = openFileVault(sessions, { key: null }, { world, clock: systemClock, log: silentLog });
        await vault.write('other', 'somebody else');
        await rename(join(sessions, 'other', '00000001.session'), file());
      },
      {},
      /is of another account \(other\)/,
    ],
    ['without its key', async () => rm(join(sessions, 'session.key')), {}, /a key file, and there is none; check .*session\.key/],
  ];

  it.each(damages)(
    '(%s) asks for a person and changes nothing; reads and new jobs are served',
    async (_what, damage, more, advice) => {
      onTestFinished(async () => {
        await rm(sessions, { recursive: true });
        await cp(join(folder, 'good'), sessions, { recursive: true });
      });
      await damage();
      const before = { files: (await readdir(sessions)).sort(), session: await readFile(file()), ...(await stat(file())) };
      const program = await start(folder, { ...env, ...more });
      const line = await program.logged(({ msg }) => msg === 'a person has to log in');
      expect(line).toMatchObject({ level: 'error', account: 'main', code: 'SESSION_CORRUPT' });
      expect(line.cause).toContain(join(sessions, 'main'));
      expect(line.cause).toMatch(advice);
      await program.logged(({ msg }) => msg.startsWith('try: '));

      const { status, report } = await program.health();
      expect(status).toBe(503);
      expect(report).toMatchObject({ status: 'down', accounts: [{ id: 'main', state: 'reauth-required', lastPongAgeMs: null }] });
      expect(report.accounts[0]?.reason).toBe(line.cause);

      const read = await program.get(`${API}/channels/small/messages?limit=100`);
      expect(read.status).toBe(200);
      expect((read.body as { messages: unknown[] }).messages).toHaveLength(100);
      const job = await program.sync('small', 10);
      accepted.push(job);
      expect((await program.get('/health/ready')).status).toBe(200);
      expect(['queued', 'delayed']).toContain(((await program.get(job)).body as { status: string }).status);
      expect(await program.stop()).toBe(0);
      expect(program.log.filter(({ msg }) => msg === 'connected')).toEqual([]);
      const after = { files: (await readdir(sessions)).sort(), session: await readFile(file()), ...(await stat(file())) };
      expect({ ...after, atime: 0, atimeMs: 0 }).toEqual({ ...before, atime: 0, atimeMs: 0 });
    },
  );

  it('is no reason to log in anew as long as the one before it is sound: the log names both', async () => {
    const session = await readFile(file(), 'latin1');
    const second = file().replace('00000001', '00000002');
    await writeFile(second, session);
    onTestFinished(() => rm(second));
    const program = await start(folder, env);
    await program.healthy();
    expect(program.log.find(({ msg }) => msg.startsWith('the newest stored session is damaged'))).toMatchObject({
      level: 'warn',
      account: 'main',
      generation: 1,
      damaged: ["generation 2 is generation 1 in another's place"],
    });
    expect(program.log.filter(({ msg }) => msg === 'connected')).toHaveLength(1);
    expect(await program.stop()).toBe(0);
  });

  it('serves again once the file is put back, with what was accepted meanwhile', async () => {
    const session = await readFile(file());
    const program = await start(folder, env);
    await program.healthy();
    expect(accepted).toHaveLength(damages.length);
    for (const job of accepted) expect(await program.job(job)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await program.stop()).toBe(0);
    expect(await readFile(file())).toEqual(session);
  });
});

describePostgres('a database', () => {
  let postgres: PrivatePostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.remove());

  async function place(database?: string): Promise<{ folder: string; env: Env }> {
    const folder = await temporaryFolder(onTestFinished);
    const world = await writeWorld(folder, [CHANNEL]);
    return { folder, env: { SIMULATOR_WORLD: world, DATABASE_URL: database ?? (await postgres.createDatabase()).url } };
  }

  it('that another simulated world filled is refused, with both named', async () => {
    const { url } = await postgres.createDatabase();
    const one = await place(url);
    const first = await start(one.folder, one.env);
    const { world } = await first.healthy();
    expect(world.kind).toBe('simulator');
    await first.stop();
    const other = await place(url);
    const ended = await ran(['start'], { HTTP_PORT: '0', ...other.env }, other.folder);
    expect(ended.code).toBe(1);
    const mine = ended.program.log.find(({ msg }) => msg.startsWith('simulator: listening'))?.worldId;
    expect(mine).toMatch(/^[0-9a-f]{16}$/);
    expect(mine).not.toBe(world.id);
    expect(ended.program.stderr).toMatch(
      new RegExp(
        `belongs to the simulated Telegram ${world.id}, .*from the simulated Telegram ${mine}; set DATABASE_URL .*\\[FOREIGN_DATABASE\\]`,
      ),
    );
    expect(await processesNaming(other.folder)).toEqual([]);
    // The one it belongs to is welcome again.
    const again = await start(one.folder, one.env);
    await again.healthy();
    expect(await again.stop()).toBe(0);
  });

  it('of Telegram itself is never filled from a simulator', async () => {
    const { url } = await postgres.createDatabase();
    const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
    await store.prepare({ kind: 'telegram', id: 'telegram' });
    await store.close();
    const { folder, env } = await place(url);
    expect(await refusedStart(folder, env)).toMatch(/belongs to Telegram itself, .*\[FOREIGN_DATABASE\]/);
  });

  it('of a simulator is refused by a gateway that trusts another server', async () => {
    const { url } = await postgres.createDatabase();
    const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
    await store.prepare({ kind: 'simulator', id: '0123456789abcdef' });
    await store.close();
    const folder = await temporaryFolder(onTestFinished);
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(join(folder, 'key.pem'), publicKey.export({ format: 'pem', type: 'spki' }));
    const trusted = { TELEGRAM_SERVER: '127.0.0.1:1', TELEGRAM_SERVER_KEY: 'key.pem' };
    expect(await refusedStart(folder, { VIGILIA_ROLE: 'gateway', DATABASE_URL: url, ...trusted })).toMatch(
      /belongs to the simulated Telegram 0123456789abcdef, .*from the Telegram server [0-9a-f]{16}; .*\[FOREIGN_DATABASE\]/,
    );
  });

  it('that a newer version has written is refused by its file', async () => {
    const { folder, env } = await place();
    const first = await start(folder, env);
    await first.healthy();
    await first.stop();
    const client = new pg.Client({ connectionString: env.DATABASE_URL });
    await client.connect();
    await client.query(`INSERT INTO schema_migrations (version, name, checksum) VALUES (999, '999_tomorrow.sql', 'x')`);
    await client.end();
    expect(await refusedStart(folder, env)).toMatch(/999_tomorrow\.sql.*start the version that wrote it.*\[SCHEMA_TOO_NEW\]/);
  });

  it('that does not let us in, or is not there, is told with the variable and without the password', async () => {
    const { url } = await postgres.createDatabase();
    const password = new URL(url).password;
    const noEntry = await place(url.replace(password, 'hush-hush'));
    const stderr = await refusedStart(noEntry.folder, noEntry.env);
    expect(stderr).toMatch(/password authentication failed for user "vigilia" \(28P01\); check DATABASE_URL/);
    expect(stderr).not.toContain('hush');
    const nowhere = await place(url.replace(/[^/]+$/, 'nowhere'));
    expect(await refusedStart(nowhere.folder, nowhere.env)).toMatch(/"nowhere" does not exist \(3D000\); check DATABASE_URL/);
  });

  /** A POST while the database is away. @returns how long the refusal took, in ms */
  async function refusedPost(program: Program): Promise<number> {
    const askedAt = performance.now();
    const answer = await program.ask(`${API}/sync-messages`, {
      method: 'POST',
      headers: JSON_BODY,
      body: JSON.stringify({ channelId: 'small', limit: 20 }),
    });
    const tookMs = performance.now() - askedAt;
    expect(answer.status, answer.text).toBe(503);
    expect(JSON.parse(answer.text).error.code).toBe('STORE_UNAVAILABLE');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(tookMs).toBeLessThan(2_500);
    return Math.round(tookMs);
  }

  it('that is down at the start is a state: 503 at once, and all works when it comes up, goes away and comes back', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.remove());
    const { folder, env } = await place((await server.createDatabase()).url);
    await server.stop();
    const program = await start(folder, env);
    await program.logged(({ msg }) => msg.startsWith('try: '));
    expect(await program.logged(({ msg }) => msg.startsWith('database is down'))).toMatchObject({
      cause: expect.stringContaining('ECONNREFUSED'),
    });
    const first = await refusedPost(program);
    const { status, report } = await program.health();
    expect(status).toBe(503);
    expect(report.dependencies.store).toMatchObject({ kind: 'postgresql', state: 'down', lastAnswerAgeMs: null });
    expect(report.dependencies.store.reason).toContain('ECONNREFUSED');
    expect((await program.get('/health/ready')).status).toBe(503);
    expect((await program.get('/health/live')).status).toBe(200);

    await server.start();
    await program.healthy();
    expect(await program.job(await program.sync('small', 200))).toMatchObject({ status: 'completed', result: { count: 200 } });

    const { since } = (await program.health()).report.accounts[0] ?? {};
    await server.stop('immediate');
    const second = await refusedPost(program);
    const degraded = await until(async () => {
      const now = await program.health();
      return now.report.status === 'degraded' ? now : undefined;
    });
    expect(degraded.status).toBe(200);
    expect(degraded.report.dependencies.store.state).toBe('down');
    await server.start();
    expect(await program.job(await until(() => program.sync('small', 100)))).toMatchObject({ status: 'completed' });
    // The connection to Telegram was none of the database's business.
    expect((await program.health()).report.accounts[0]).toMatchObject({ state: 'authenticated', since });
    expect(await program.stop()).toBe(0);
    console.info(`POST without a database: 503 after ${first} ms (never up), ${second} ms (gone)`);
  });

  it('whose password is changed under us is away: 503 with the reason, and all goes on once it is right again', async () => {
    const { name } = await postgres.createDatabase();
    await postgres.admin(`CREATE ROLE rotated LOGIN SUPERUSER PASSWORD 'first'`);
    const { folder, env } = await place(`postgresql://rotated:first@127.0.0.1:${postgres.port}/${name}`);
    const program = await start(folder, env);
    await program.healthy();
    await postgres.admin(`ALTER ROLE rotated PASSWORD 'second'`);
    await postgres.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'`);
    // Not once only: each try to come back is refused as well.
    const attempts = () =>
      program.log.filter(({ msg, cause }) => msg.startsWith('database is down') && String(cause).includes('28P01'));
    await until(async () => (attempts().length >= 4 ? true : undefined));
    expect(attempts()[0]?.cause).toMatch(/password authentication failed for user "rotated" \(28P01\); check DATABASE_URL/);
    expect((await program.health()).report.dependencies.store.state).toMatch(/^(down|connecting)$/);
    await refusedPost(program);
    await postgres.admin(`ALTER ROLE rotated PASSWORD 'first'`);
    expect(await program.job(await until(() => program.sync('small', 100)))).toMatchObject({ status: 'completed', attempts: 1 });
    expect(program.log.filter(({ msg }) => /is refused|ended, restart/.test(msg))).toEqual([]);
    expect(await program.stop()).toBe(0);
  });

  it('that takes connections and never answers is no better and no worse', async () => {
    const port = await listener();
    const { folder, env } = await place(`postgresql://vigilia:x@127.0.0.1:${port}/x`);
    const program = await start(folder, env);
    await program.logged(({ msg }) => msg.startsWith('try: '));
    const tookMs = await refusedPost(program);
    // Nobody waits for the end of the first attempt.
    expect(['connecting', 'down']).toContain((await program.health()).report.dependencies.store.state);
    await until(async () => ((await program.health()).report.dependencies.store.state === 'down' ? true : undefined));
    expect(await program.stop()).toBe(0);
    console.info(`POST with a silent database: 503 after ${tookMs} ms`);
  });
});
