import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Job, JobEvent, Message } from '../../src/ports.ts';
import { type GeneratedChannelOptions, generatedChannel } from '../../src/simulator/generated-channel.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { type Env, isRunning, Program, temporaryFolder, until, writeWorld } from '../support/program.ts';

const run = promisify(execFile);

// Each starts whole programs, on machines that may have more to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const API = '/api/telegram-gateway';
/** Long enough to be met in the middle of its sync. Each is for one test, which has to find nothing of it stored. */
const long = (username: string): GeneratedChannelOptions => ({
  username,
  title: 'Long',
  kind: 'channel',
  messages: 10_000,
  seed: 21,
});
const [STOPPED, KILLED, CUT_OFF] = [long('stopped'), long('killed'), long('cut_off')] as const;
/** The first one, which the program proposes; nobody has asked for it before. */
const PROPOSED: GeneratedChannelOptions = { username: 'proposed', title: 'Proposed', kind: 'channel', messages: 300, seed: 20 };
const SHORT: GeneratedChannelOptions = { username: 'short', title: 'Short', kind: 'channel', messages: 300, seed: 22 };

/** A place where the program is started again and again. */
interface Home {
  readonly folder: string;
  start(env?: Env): Program;
}

async function home(onEnd: (remove: () => Promise<void>) => void = onTestFinished, env: Env = {}): Promise<Home> {
  const folder = await temporaryFolder(onEnd);
  const world = await writeWorld(folder, [PROPOSED, STOPPED, KILLED, CUT_OFF, SHORT]);
  const own = { SIMULATOR_WORLD: world, HTTP_PORT: String(await freePort()), ...env };
  return {
    folder,
    start: (more = {}) => {
      const program = new Program(['start'], { ...own, ...more }, folder);
      onTestFinished(() => program.kill());
      return program;
    },
  };
}

/** The folder of a data directory's only world. */
async function worldOf(folder: string): Promise<string> {
  const worlds = join(folder, 'data', 'worlds');
  const [place = '', ...others] = await readdir(worlds);
  expect(others).toEqual([]);
  return join(worlds, place);
}

async function logins(folder: string): Promise<number> {
  const journal = await readFile(join(await worldOf(folder), 'simulator', 'journal.jsonl'), 'utf8');
  return journal.split('\n').filter((line) => line.startsWith('{"t":"login"')).length;
}

async function sessionOf(folder: string): Promise<string> {
  const sessions = join(await worldOf(folder), 'sessions', 'main');
  expect(await readdir(sessions)).toEqual(['00000001.session']);
  return readFile(join(sessions, '00000001.session'), 'utf8');
}

async function simulatorPid(program: Program): Promise<number> {
  return until(async () => ((await program.health()).report.dependencies.simulator?.pid as number | null) ?? undefined);
}

const gone = (pid: number): Promise<true> => until(async () => !(await isRunning(pid)) || undefined);

/** What a stopped program left in its embedded database. */
async function leftBehind(
  folder: string,
  jobUrl: string,
  channel: GeneratedChannelOptions,
): Promise<{ job: Job; events: JobEvent[]; messages: Message[] }> {
  const dataDir = join(await worldOf(folder), 'pglite');
  const store = await openStore({ kind: 'pglite', dataDir }, { clock: systemClock, log: silentLog });
  try {
    const id = jobUrl.split('/').at(-1) ?? '';
    const chatId = (await store.findChannel({ kind: 'username', username: channel.username }))?.chatId ?? 0;
    const messages = await store.readMessages({ chatId, limit: channel.messages + 1 });
    return { job: (await store.findJob(id)) as Job, events: await store.jobEvents(id), messages };
  } finally {
    await store.close();
  }
}

/** The same of a message wherever it comes from. */
const plain = ({ id, date, text }: { id: number; date: number; text: string }) => ({ id, date, text });

function generated(channel: GeneratedChannelOptions) {
  const { source } = generatedChannel(channel);
  return Array.from({ length: source.size }, (_, index) => plain(source.messageAt(source.size - 1 - index)));
}

const inTheMiddle = ({ progress }: { progress: { done: number } | null }): boolean => (progress?.done ?? 0) >= 200;

/** What most tests use, one after the other, each with programs of its own: the first start of all makes the database and logs in. */
let shared: Home;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  shared = await home((remove) => ends.push(remove));
});
afterAll(async () => {
  for (const end of ends) await end();
});

describe('a stop', () => {
  it('before everything is up ends with 0, on the very first start too, and leaves nothing running', async () => {
    const { start } = shared;
    for (const milestone of ['Vigília', 'simulator: listening', 'connecting']) {
      const program = start();
      await program.logged(({ msg }) => msg.startsWith(milestone));
      expect(await program.stop(), program.tail()).toBe(0);
      expect(program.stderr).toBe('');
      expect(program.log.at(-1)?.msg).toBe('stopped');
    }
    const program = start();
    await program.healthy();
    expect(await program.stop()).toBe(0);
  });

  it('in the middle of a job ends with 0, leaves no simulator, and hands the job to the next start', async () => {
    const { folder, start } = shared;
    const first = start();
    await first.healthy();
    const pid = await simulatorPid(first);
    const job = await first.sync(STOPPED.username, STOPPED.messages);
    await first.job(job, inTheMiddle);
    const stoppedAt = performance.now();
    expect(await first.stop()).toBe(0);
    const tookMs = Math.round(performance.now() - stoppedAt);
    expect(tookMs).toBeLessThan(15_000);
    expect(await isRunning(pid)).toBe(false);
    expect(first.log.at(-1)).toMatchObject({ level: 'info', msg: 'stopped' });
    expect(first.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    expect(first.stderr).toBe('');

    const second = start();
    await second.healthy();
    const { progress } = (await second.get(job)).body as { progress: { done: number } };
    expect(progress.done).toBeGreaterThanOrEqual(200);
    expect(await second.job(job)).toMatchObject({ status: 'completed', attempts: 1, result: { count: STOPPED.messages } });
    expect(await second.stop()).toBe(0);
    const left = await leftBehind(folder, job, STOPPED);
    expect(left.job).toMatchObject({ claims: 2, lostInARow: 0 });
    const story = left.events.map(({ event }) => event).filter((event) => event !== 'PROGRESS');
    expect(story).toEqual(['SUBMIT', 'CLAIM', 'RELEASE', 'CLAIM', 'COMPLETE']);
    expect(left.messages.map(plain)).toEqual(generated(STOPPED));
    console.info(
      `stopped in ${tookMs} ms in the middle of a job, which went on after ${progress.done} of ${STOPPED.messages} messages`,
    );
  });

  it('does not wait for a client that keeps its connection', async () => {
    const { start } = shared;
    const program = start();
    await program.healthy();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect((await program.ask('/health', { agent })).headers.connection).toBe('keep-alive');
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    const stoppedAt = performance.now();
    expect(await program.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
  });

  it('by Ctrl-C, which a terminal sends to the simulator too, is as orderly', async () => {
    const { start } = shared;
    const program = start();
    await program.healthy();
    const pid = await simulatorPid(program);
    process.kill(pid, 'SIGINT');
    expect(await program.job(await program.sync('short', 300))).toMatchObject({ status: 'completed' });
    expect(await simulatorPid(program)).toBe(pid);
    program.child.kill('SIGINT');
    expect(await program.exited).toBe(0);
    expect(program.log.filter(({ msg }) => msg === 'disconnected')).toEqual([]);
    expect(await isRunning(pid)).toBe(false);
  });
});

describe('kill -9', () => {
  it('of the program ends its simulator too, and the next start takes up where it was, without a new login', async () => {
    const { folder, start } = shared;
    const first = start();
    await first.healthy();
    const pid = await simulatorPid(first);
    const job = await first.sync(KILLED.username, KILLED.messages);
    await first.job(job, inTheMiddle);
    await first.kill();
    await gone(pid);
    const session = await sessionOf(folder);

    const second = start();
    await second.healthy();
    expect(await second.job(job)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await second.stop()).toBe(0);
    expect(await sessionOf(folder)).toBe(session);
    expect(await logins(folder)).toBe(1);
    const left = await leftBehind(folder, job, KILLED);
    expect(left.job.claims).toBe(2);
    expect(left.events.map(({ event }) => event).filter((event) => event !== 'PROGRESS')).toEqual([
      'SUBMIT',
      'CLAIM',
      'LOST',
      'CLAIM',
      'COMPLETE',
    ]);
    expect(left.messages.map(plain)).toEqual(generated(KILLED));
  });

  it('of the simulator is seen in /health, the account recovers by itself, and the job in hand ends well', async () => {
    const { folder, start } = shared;
    const program = start();
    const before = await program.healthy();
    const pid = await simulatorPid(program);
    const job = await program.sync(CUT_OFF.username, CUT_OFF.messages);
    await program.job(job, inTheMiddle);
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    const down = await until(async () => {
      const now = await program.health();
      return now.report.accounts[0]?.state === 'authenticated' ? undefined : now;
    });
    expect(down.status).toBe(503);
    expect(['backoff', 'connecting']).toContain(down.report.accounts[0]?.state);
    expect(down.report.accounts[0]?.reason).toBeTruthy();
    // What is stored is served all the while, and what is asked for is accepted.
    expect((await program.get(`${API}/channels/${CUT_OFF.username}/messages?limit=100`)).status).toBe(200);
    const another = await program.sync('short', 300);

    const up = await until(async () => {
      const { report } = await program.health();
      return report.status === 'ok' ? report : undefined;
    });
    const tookMs = Math.round(performance.now() - killedAt);
    expect(up.dependencies.simulator?.pid).not.toBe(pid);
    expect(up.accounts[0]?.since).toBeGreaterThan(before.accounts[0]?.since ?? 0);
    expect(up.world).toEqual(before.world);
    expect(await program.job(job)).toMatchObject({ status: 'completed', result: { count: CUT_OFF.messages } });
    expect(await program.job(another)).toMatchObject({ status: 'completed', result: { count: 300 } });
    expect(await program.stop()).toBe(0);
    expect(await logins(folder)).toBe(1);
    expect((await leftBehind(folder, job, CUT_OFF)).messages.map(plain)).toEqual(generated(CUT_OFF));
    console.info(`the account was back ${tookMs} ms after the simulator was killed`);
  });
});

describe('a restart', () => {
  it('resumes the session: no new login, the same file, in all the lives so far', async () => {
    const { folder, start } = shared;
    const sessions = new Set<string>();
    for (let life = 0; life < 2; life++) {
      const program = start();
      await program.healthy();
      expect(await program.stop()).toBe(0);
      sessions.add(await sessionOf(folder));
    }
    expect(sessions.size).toBe(1);
    expect(await logins(folder)).toBe(1);
  });
});

describe('the first lines of the log', () => {
  let curl = true;
  beforeAll(async () => {
    curl = await run('curl', ['--version']).then(
      () => true,
      () => process.env.VIGILIA_TEST_REQUIRE === 'all',
    );
  });

  const command = async (program: Program, word: string): Promise<string> =>
    (await program.logged(({ msg }) => msg.startsWith(`${word}: curl `))).msg.slice(word.length + 2);

  it('say what runs, what is simulated, and commands that work as they stand', async (context) => {
    const { folder, start } = shared;
    const program = start();
    const [post, read, look] = await Promise.all(['try', 'then', 'and'].map((word) => command(program, word)));
    expect(program.log[0]?.msg).toMatch(/^Vigília \d+\.\d+\.\d+: embedded database \(PGlite\), in-process broker$/);
    expect(program.log[0]).toMatchObject({ role: 'all', pid: program.child.pid, dataDir: join(folder, 'data') });
    expect(program.log[1]).toMatchObject({ level: 'warn', msg: expect.stringContaining('Telegram is SIMULATED') });
    await program.healthy();
    if (!curl) context.skip('there is no curl here');
    const shell = async (line = ''): Promise<Record<string, unknown>> => JSON.parse((await run('sh', ['-c', line])).stdout);
    const accepted = await shell(post);
    expect(accepted).toMatchObject({ status: 'queued' });
    expect(await program.job(String(accepted.pollUrl))).toMatchObject({ status: 'completed', result: { count: 200 } });
    expect((await shell(read)).messages).toHaveLength(5);
    expect(await shell(look)).toMatchObject({ status: 'ok', simulated: true });
    expect(await program.stop()).toBe(0);
  });

  it('show where a token belongs, and never the token itself', async (context) => {
    const { start } = await home();
    const token = 'a-token-of-these-tests';
    const program = start({ GATEWAY_TOKENS: `write:${token}` });
    const post = await command(program, 'try');
    await program.logged(({ msg }) => msg === 'connected');
    expect(program.stdout).not.toContain(token);
    if (!curl) context.skip('there is no curl here');
    const asked = async (line: string): Promise<string> => (await run('sh', ['-c', line])).stdout;
    expect(await asked(post)).toContain('UNAUTHORIZED');
    expect(await asked(post.replace('YOUR_TOKEN', token))).toContain('"status":"queued"');
  });
});

// From here on there are more messages than the world began with.
describe('posts that Telegram pushes', () => {
  it('reach readers without anybody asking for them', async () => {
    const { start } = shared;
    const program = start({ SIMULATOR_RATE: '20' });
    await program.healthy();
    const newest = async (): Promise<number> => {
      const ids = await Promise.all(
        [PROPOSED, STOPPED, KILLED, CUT_OFF, SHORT].map(async ({ username }) => {
          const { body } = await program.get(`${API}/channels/${username}/messages?limit=1`);
          return (body as { messages?: { id: number }[] }).messages?.[0]?.id ?? 0;
        }),
      );
      return ids.reduce((sum, id) => sum + id, 0);
    };
    const first = await until(async () => (await newest()) || undefined);
    await until(async () => (await newest()) > first || undefined);
    const { report } = await program.health();
    expect(report.accounts[0]?.lastUpdateAgeMs).toBeLessThan(10_000);
    expect(await program.stop()).toBe(0);
  });
});

describe('a file .env in the working directory', () => {
  it('is read, and what is set already goes before it', async () => {
    const { folder, start } = shared;
    onTestFinished(() => rm(join(folder, '.env')));
    await writeFile(join(folder, '.env'), 'SIMULATOR_RATE=7.5\nHTTP_PORT=1\nLOG_LEVEL="debug"\n');
    const shown = new Program(['config'], { LOG_LEVEL: 'warn' }, folder);
    expect(await shown.exited).toBe(0);
    expect(shown.stdout).toMatch(/^SIMULATOR_RATE=7\.5$/m);
    expect(shown.stdout).toMatch(/^HTTP_PORT=1$/m);
    expect(shown.stdout).toMatch(/^LOG_LEVEL=warn$/m);
    const program = start();
    await program.logged(({ level }) => level === 'debug');
    await program.healthy();
    expect(await program.stop()).toBe(0);
  });

  it('that is a folder belongs to somebody else, and its faults count like any other', async () => {
    const folder = await temporaryFolder(onTestFinished);
    await mkdir(join(folder, '.env'));
    const shown = new Program(['config'], {}, folder);
    expect(await shown.exited).toBe(0);
    const other = await temporaryFolder(onTestFinished);
    await writeFile(join(other, '.env'), 'HTTP_PORT=eighty\n');
    const refused = new Program(['start'], {}, other);
    expect(await refused.exited).toBe(78);
    expect(refused.stderr).toContain('HTTP_PORT="eighty"');
  });
});

describePostgres('a gateway and a worker, each a process of its own', () => {
  let postgres: PrivatePostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
    return () => postgres.remove();
  });

  it('share a database: what one accepts, the other does, across restarts of either', async () => {
    const DATABASE_URL = (await postgres.createDatabase()).url;
    const ofWorker = { VIGILIA_ROLE: 'worker', DATABASE_URL, OPS_PORT: String(await freePort()), SIMULATOR_RATE: '5' };
    const there = await home(onTestFinished, ofWorker);
    const worker = there.start();
    const report = await worker.healthy();
    expect(report).toMatchObject({ role: 'worker', simulated: true, dependencies: { store: { kind: 'postgresql' } } });
    expect((await worker.get('/api/state')).status).toBe(200);
    expect((await fetch(`${worker.url}/metrics`)).status).toBe(200);
    expect((await worker.post(`${API}/sync-messages`, { channelId: 'short' })).status).toBe(404);

    const key = join(await worldOf(there.folder), 'simulator', 'server-public-key.pem');
    const folder = await temporaryFolder(onTestFinished);
    const env = {
      VIGILIA_ROLE: 'gateway',
      DATABASE_URL,
      TELEGRAM_SERVER: String(report.dependencies.simulator?.address),
      TELEGRAM_SERVER_KEY: key,
      HTTP_PORT: String(await freePort()),
    };
    const gateway = new Program(['start'], env, folder);
    onTestFinished(() => gateway.kill());
    await gateway.logged(({ msg }) => msg.startsWith('try: '));
    expect((await gateway.get('/health/ready')).status).toBe(200);
    expect((await gateway.health()).report).toMatchObject({ role: 'gateway', simulated: true, world: { id: report.world.id } });
    expect(await gateway.job(await gateway.sync('short', 300))).toMatchObject({ status: 'completed', result: { count: 300 } });
    const read = await gateway.get(`${API}/channels/short/messages?limit=100`);
    expect((read.body as { messages: unknown[] }).messages).toHaveLength(100);

    // The worker goes in the middle of a job, and comes back.
    const job = await gateway.sync(STOPPED.username, STOPPED.messages);
    await gateway.job(job, inTheMiddle);
    expect(await worker.stop()).toBe(0);
    const meanwhile = await gateway.sync('short', 20);
    expect((await gateway.get(meanwhile)).body).toMatchObject({ status: 'queued' });
    const again = there.start();
    await again.healthy();
    expect(await gateway.job(job)).toMatchObject({ status: 'completed', attempts: 1, result: { count: STOPPED.messages } });
    expect(await gateway.job(meanwhile)).toMatchObject({ status: 'completed' });
    expect(await gateway.stop()).toBe(0);
    expect(await again.stop()).toBe(0);
  });
});
