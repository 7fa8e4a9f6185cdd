import { describe, expect, it, onTestFinished } from 'vitest';
import { EXPORTS, type Expected, expectedMessages, exportedChannels, haveExports } from '../support/exports.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, startPostgres } from '../support/postgres.ts';
import { Program, temporaryFolder, until } from '../support/program.ts';

const API = '/api/telegram-gateway';
/** Options for Node: none. */
const AS_USERS_RUN_IT: readonly string[] = [];

interface Page {
  readonly messages: readonly Record<string, unknown>[];
  readonly next: { readonly before: number } | null;
}

async function start(env: Record<string, string> = {}): Promise<Program> {
  const folder = await temporaryFolder(onTestFinished);
  const port = String(await freePort());
  const program = new Program(['start'], { HTTP_PORT: port, SIMULATOR_WORLD: EXPORTS, ...env }, folder, AS_USERS_RUN_IT);
  onTestFinished(() => program.kill());
  await program.healthy();
  return program;
}

/** Walks a channel's pages as a client would. */
async function pages(program: Program, channel: string): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = [];
  for (let before = ''; ; ) {
    const page = (await program.get(`${API}/channels/${channel}/messages?limit=100${before}`)).body as Page;
    all.push(...page.messages);
    if (!page.next) return all;
    before = `&before=${page.next.before}`;
  }
}

async function syncsExactly(program: Program, channel: string): Promise<number> {
  const expected = expectedMessages(channel);
  const accepted = await program.post(`${API}/sync-messages`, { channelId: channel, limit: 2000 });
  expect(accepted).toMatchObject({ status: 202, body: { status: 'queued' } });
  const job = await until(async () => {
    const { body } = await program.get(String(accepted.body.pollUrl));
    return ['completed', 'failed'].includes((body as { status: string }).status) ? (body as Record<string, unknown>) : undefined;
  });
  expect(job).toMatchObject({
    status: 'completed',
    error: null,
    progress: { done: expected.length },
    result: { count: expected.length },
  });
  const stored = (await pages(program, channel)).map(
    ({ id, date, text, entities }) => ({ id, date, text, entities }) as Expected,
  );
  expect(stored).toEqual(expected);
  return expected.length;
}

describe.skipIf(!haveExports)('real channels, through the whole program (skipped where the exports are not there)', () => {
  it('come out of PGlite exactly as exported', async () => {
    const program = await start();
    let messages = 0;
    for (const channel of exportedChannels()) messages += await syncsExactly(program, channel);
    console.info(`${exportedChannels().length} channels, ${messages} messages equal to their exports (PGlite)`);
    expect(await program.stop()).toBe(0);
  }, 120_000);

  describePostgres('on PostgreSQL', () => {
    it('come out of PostgreSQL exactly as exported', async () => {
      const postgres = await startPostgres();
      onTestFinished(() => postgres.remove());
      const program = await start({ DATABASE_URL: (await postgres.createDatabase()).url });
      let messages = 0;
      for (const channel of exportedChannels()) messages += await syncsExactly(program, channel);
      console.info(`${exportedChannels().length} channels, ${messages} messages equal to their exports (PostgreSQL)`);
      expect(await program.stop()).toBe(0);
    }, 120_000);
  });

  it('answers from the window when it is fresh, and asks Telegram again when told to', async () => {
    const program = await start();
    const [channel = ''] = exportedChannels();
    await syncsExactly(program, channel);
    const cached = await program.post(`${API}/sync-messages`, { channelId: `@${channel}`, limit: 60 });
    expect(cached).toMatchObject({ status: 200, body: { source: 'cache', count: 60 } });
    expect(cached.body.messages).toHaveLength(60);
    const forced = await program.post(`${API}/sync-messages`, { channelId: `https://t.me/${channel}`, limit: 60, force: true });
    expect(forced.status).toBe(202);
  }, 60_000);
});
