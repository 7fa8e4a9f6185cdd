import { expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { Program, temporaryFolder, until, writeWorld } from '../support/program.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const API = '/api/telegram-gateway';
const ACCOUNTS = `${API}/accounts`;
/** Options for Node: none. */
const AS_USERS_RUN_IT: readonly string[] = [];

it('an account that is removed is served no more, through a restart too, and goes on where it was when it is made again', async () => {
  const folder = await temporaryFolder(onTestFinished);
  const world = await writeWorld(folder, [{ username: 'long', title: 'Long', kind: 'channel', messages: 40_000, seed: 4 }]);
  const env = { HTTP_PORT: String(await freePort()), SIMULATOR_WORLD: world };
  const start = (): Program => {
    const program = new Program(['start'], env, folder, AS_USERS_RUN_IT);
    onTestFinished(() => program.kill());
    return program;
  };
  const first = start();
  await first.healthy();
  const remove = async (program: Program, id: string) => {
    const { status, text } = await program.ask(`${ACCOUNTS}/${id}`, { method: 'DELETE' });
    return { status, body: JSON.parse(text) as unknown };
  };
  const listed = async (program: Program): Promise<string[]> =>
    ((await program.get(ACCOUNTS)).body as { accounts: { id: string }[] }).accounts.map(({ id }) => id);

  // One that nobody has logged in, with a job that waits for a person; without it, all is well again.
  expect(await first.post(ACCOUNTS, { id: 'other' })).toMatchObject({ status: 201 });
  await until(async () => (await listed(first)).includes('other') || undefined);
  const waiting = await first.post(`${API}/sync-messages`, { channelId: 'long', accountId: 'other' });
  expect(waiting.status).toBe(202);
  expect(await remove(first, 'other')).toEqual({ status: 200, body: { id: 'other', cancelledJobs: 1 } });
  expect(await first.job(String(waiting.body.pollUrl))).toMatchObject({
    status: 'cancelled',
    error: { code: 'ACCOUNT_REMOVED' },
  });
  await first.healthy();
  expect(await listed(first)).toEqual(['main']);
  expect(await remove(first, 'other')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND', field: 'id' } } });

  // One in the middle of its work.
  const sync = await first.sync('long', 40_000);
  await until(async () => ((await first.get(sync)).body as { progress: { done: number } | null }).progress?.done || undefined);
  expect(await remove(first, 'main')).toEqual({ status: 200, body: { id: 'main', cancelledJobs: 1 } });
  expect(await first.job(sync)).toMatchObject({ status: 'cancelled', error: { code: 'ACCOUNT_REMOVED' } });
  await first.logged(({ msg, account }) => msg === 'the account is not served here any more' && account === 'main');
  expect(await listed(first)).toEqual([]);
  expect((await first.health()).status).toBe(503);
  expect(await first.post(`${API}/sync-messages`, { channelId: 'long' })).toMatchObject({
    status: 400,
    body: { error: { code: 'UNKNOWN_ACCOUNT' } },
  });
  expect(await first.stop()).toBe(0);

  const second = start();
  await second.logged(({ msg }) => msg === 'database is up');
  await until(async () => ((await second.get('/health/ready').catch(() => undefined))?.status === 200 ? true : undefined));
  expect(await listed(second)).toEqual([]);
  expect(await second.post(ACCOUNTS, { id: 'main' })).toMatchObject({ status: 201 });
  await second.healthy();
  expect(second.log.map(({ msg }) => msg)).not.toContain('logging in');
  expect(await second.job(await second.sync('long', 100))).toMatchObject({ status: 'completed' });
  expect(await second.stop()).toBe(0);
});
