import pg from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { World } from '../../src/ports.ts';
import type { GeneratedChannelOptions } from '../../src/simulator/generated-channel.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { Program, processesNaming, temporaryFolder, until, writeWorld } from '../support/program.ts';

// Each starts whole programs, on machines that may have more to do.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const CHANNEL: GeneratedChannelOptions = { username: 'small', title: 'Small', kind: 'channel', messages: 300, seed: 3 };
const SYNC = '/api/telegram-gateway/sync-messages';

/** A program with a simulator of its own, on a database that is away. */
async function startWithout(url: string): Promise<{ program: Program; folder: string }> {
  const folder = await temporaryFolder(onTestFinished);
  const env = {
    SIMULATOR_WORLD: await writeWorld(folder, [CHANNEL]),
    DATABASE_URL: url,
    HTTP_PORT: String(await freePort()),
  };
  const program = new Program(['start'], env, folder);
  onTestFinished(() => program.kill());
  await program.logged(({ msg }) => msg.startsWith('try: '));
  // Everybody waits for the database by then, and the link is not the first to see it come up.
  await program.logged(({ msg }) => msg === 'the dispatcher waits for the database');
  await until(async () => program.log.filter(({ msg }) => msg.startsWith('database is down')).length >= 4 || undefined);
  return { program, folder };
}

/** Every row of every table, as text. */
async function everyRow(url: string): Promise<Record<string, string[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`);
    const found: Record<string, string[]> = {};
    for (const { name } of tables.rows) {
      const { rows } = await client.query(`SELECT t::text AS row FROM ${name} AS t ORDER BY 1`);
      found[name] = rows.map(({ row }) => row);
    }
    return found;
  } finally {
    await client.end();
  }
}

/** A database as another program left it: with an account that was taken once, and a job that is due. */
async function fill(url: string, world: World): Promise<void> {
  const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
  await store.prepare(world);
  await store.ensureAccount('main');
  await store.takeAccount('main', 'somebody else');
  await store.insertJob({
    id: 'sync-1',
    action: 'sync-messages',
    params: { channelId: 'small', limit: 100 },
    accountId: 'main',
    priority: 5,
    machineVersion: 1,
    createdAt: systemClock.now(),
  });
  await store.close();
}

describePostgres('a database that comes up late', () => {
  let postgres: PrivatePostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.remove());

  it.each([
    ['Telegram itself', { kind: 'telegram', id: 'telegram' }],
    ['the simulated Telegram 0123456789abcdef', { kind: 'simulator', id: '0123456789abcdef' }],
  ] as const)('and belongs to %s is not touched: the program ends and names both worlds', async (name, world) => {
    const { url } = await postgres.createDatabase();
    await fill(url, world);
    const before = await everyRow(url);
    onTestFinished(() => postgres.start().catch(() => {}));
    expect(before.accounts).toEqual([expect.stringMatching(/^\(main,1,1,"somebody else",/)]);
    expect(before.jobs).toHaveLength(1);
    await postgres.stop();
    const { program, folder } = await startWithout(url);
    await postgres.start();
    expect([1, 75]).toContain(await program.exited);
    const { worldId } = await program.logged(({ msg }) => msg.startsWith('simulator: listening'));
    expect(worldId).toMatch(/^[0-9a-f]{16}$/);
    const both = `belongs to ${name}, and this program would fill it from the simulated Telegram ${worldId}`;
    expect(program.log.find(({ msg }) => msg === 'database is refused')).toMatchObject({
      code: 'FOREIGN_DATABASE',
      cause: expect.stringContaining(both),
    });
    expect(JSON.stringify(program.log.at(-1))).toContain(both);
    expect(await everyRow(url)).toEqual(before);
    expect(await processesNaming(folder)).toEqual([]);
  });

  it('and is empty takes no job before it has its tables, and says so at each moment', async () => {
    const { url } = await postgres.createDatabase();
    onTestFinished(() => postgres.start().catch(() => {}));
    await postgres.stop();
    const { program } = await startWithout(url);
    const ready = async (): Promise<number> => (await program.get('/health/ready')).status;
    const seen: { before: number; post: number; code: unknown; after: number }[] = [];
    const look = async (): Promise<number> => {
      const before = await ready();
      const { status, body } = await program.post(SYNC, { channelId: 'small', limit: 20, force: true });
      seen.push({ before, post: status, code: (body.error as { code?: string } | undefined)?.code, after: await ready() });
      return status;
    };
    expect(await look()).toBe(503);
    await postgres.start();
    const startedAt = performance.now();
    await until(async () => ((await look()) === 202 ? true : undefined));
    const tookMs = Math.round(performance.now() - startedAt);
    for (const { before, post, code, after } of seen) {
      expect([202, 503], String(code)).toContain(post);
      if (post === 503) expect(code).toBe('STORE_UNAVAILABLE');
      if (before === 200) expect(post).toBe(202);
      if (post === 202) expect(after).toBe(200);
      expect([200, 503]).toContain(before);
    }
    await program.healthy();
    expect(await program.job(await program.sync('small', 200))).toMatchObject({ status: 'completed', result: { count: 200 } });
    expect(await program.stop(), program.tail()).toBe(0);
    expect(program.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    console.info(`an empty database: ${seen.length - 1} refusals within ${tookMs} ms of its server's start, then 202`);
  });
});
