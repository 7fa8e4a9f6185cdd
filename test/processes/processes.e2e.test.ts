import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LeaseHouse, untilServed } from '../lease/lease-house.ts';
import { describeInBrowser, Viewer } from '../support/browser.ts';
import { describePostgres } from '../support/postgres.ts';
import { type Program, until } from '../support/program.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

interface Told {
  readonly id: string;
  readonly self: boolean;
  readonly role: string;
  readonly pid: number;
  readonly stale: boolean;
  readonly seenAgoMs: number;
  readonly accounts: readonly string[];
  readonly [more: string]: unknown;
}

/** What follows is one story in order: a gateway and a worker, each a process of its own, over one database. */
describePostgres('a gateway that shows every process', () => {
  let house: LeaseHouse;
  let gateway: Program;
  let worker: Program;
  let workerId = '';
  let viewer: Viewer | undefined;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    [house] = (await LeaseHouse.open([1], (end) => ends.push(end))) as [LeaseHouse];
    [gateway, worker] = await Promise.all([house.gateway(), house.worker('one')]);
    await Promise.all([untilServed(worker, house.accounts[0] ?? ''), gateway.logged(({ msg }) => msg.includes('is listening'))]);
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const processes = async (asked = gateway): Promise<readonly Told[]> =>
    ((await asked.get('/api/processes')).body as { readonly processes: readonly Told[] }).processes;
  /** The page, opened when somebody looks for the first time. */
  const page = async (hash: string): Promise<Viewer> => {
    if (!viewer) {
      const opened = await Viewer.open(gateway.url);
      ends.push(() => opened.close());
      viewer = opened;
    }
    await viewer.page.goto(`${gateway.url}/${hash}`);
    return viewer;
  };
  const other = async (): Promise<Told | undefined> => (await processes()).find(({ self }) => !self);

  test('lists itself and its worker, with what each does and how it gets on', async () => {
    const found = await until(async () => {
      const all = await processes();
      return all.some(({ accounts }) => accounts.length === 1) ? all : undefined;
    });
    expect(found).toMatchObject([
      { self: true, role: 'gateway', pid: gateway.child.pid, stale: false, seenAgoMs: 0, accounts: [] },
      { self: false, role: 'worker', pid: worker.child.pid, stale: false, accounts: ['account-1'] },
    ]);
    expect(found[1]).toMatchObject({
      lag: { maxMs: expect.any(Number) },
      memory: { rssBytes: expect.any(Number) },
      version: found[0]?.version,
    });
    workerId = found[1]?.id ?? '';
    expect(workerId).not.toBe(found[0]?.id);
    // The worker's own listener tells of the same.
    expect((await processes(worker)).map(({ id, self }) => [id, self])).toEqual([
      [workerId, true],
      [found[0]?.id, false],
    ]);
  });

  test('shows the tree of the worker as it is, and any of its actors with what it did; nothing is written while nobody looks', async () => {
    const views = async (): Promise<number> => (await house.store.wantedViews(workerId)).length;
    expect(await views()).toBe(0);
    const { status, body } = await gateway.get(`/api/state?process=${workerId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ path: 'root', process: workerId, stale: false });
    expect(JSON.stringify(body)).toContain('"path":"root/accounts/account-1/connection"');
    expect((await gateway.get('/api/state/root/accounts/account-1/connection')).status).toBe(404);
    const path = '/api/state/root/accounts/account-1/connection';
    const detail = (await gateway.get(`${path}?process=${workerId}`)).body;
    expect(detail).toMatchObject({ kind: 'connection', process: workerId, stale: false, context: expect.any(Object) });
    expect(detail).toMatchObject({ transitions: expect.arrayContaining([expect.objectContaining({ rejected: false })]) });
    expect(await gateway.get(`/api/state/root/nobody?process=${workerId}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND' } },
    });
    expect(await views()).toBeGreaterThan(0);
  });

  describeInBrowser('on its page', () => {
    test('one chooses the worker among the processes, and sees its tree and its connection’s chart, lit', async () => {
      const { page: shown, wrongs } = await page('#/system');
      const chooser = shown.getByRole('region', { name: 'Processes' });
      await chooser.getByText('this one').waitFor();
      await chooser.getByRole('link', { name: /^worker/ }).click();
      expect(shown.url()).toContain(`#/system/%40${workerId}`);
      await shown.getByText('Worst lag').waitFor();
      const tree = shown.getByRole('region', { name: 'Supervision tree' });
      await tree.getByRole('link', { name: 'connection connection' }).click();
      expect(shown.url()).toContain(`%40${workerId}/root/accounts/account-1/connection`);
      await shown.locator('[data-state="authenticated.service.live"].active').waitFor();
      expect(await shown.locator('.of-then').count()).toBe(0);
      await viewer?.picture('processes-worker');
      expect([...((await viewer?.faults()) ?? []), ...wrongs]).toEqual([]);
    });

    test('a job is replayed along its machine, from its first event to its last', async () => {
      const job = await gateway.sync('leased', 3_000);
      expect((await gateway.job(job)).status).toBe('completed');
      const { page: shown, wrongs } = await page(`#/jobs/${job.split('/').at(-1)}`);
      const lit = (state: string) => shown.locator(`[data-state="${state}"].active`);
      await lit('completed').waitFor();
      const slider = shown.getByRole('slider');
      await slider.focus();
      await shown.keyboard.press('Home');
      await lit('queued').waitFor();
      await shown.keyboard.press('ArrowRight');
      await lit('processing').waitFor();
      await shown.locator('[data-edge="queued CLAIM 0"].taken').first().waitFor();
      await shown.keyboard.press('ArrowRight');
      await shown.locator('[data-edge="processing PROGRESS 1"].taken').first().waitFor();
      await viewer?.picture('job-replay');
      await shown.getByRole('button', { name: 'Play' }).click();
      await lit('completed').waitFor();
      await shown.locator('[data-edge="processing COMPLETE 1"].taken').first().waitFor();
      expect([...((await viewer?.faults()) ?? []), ...wrongs]).toEqual([]);
    });
  });

  test('does what an admin asks of an actor of the worker, there, and has it written down', async () => {
    const actor = 'root/accounts/account-1/connection';
    const act = async (body: object): Promise<unknown> =>
      (await gateway.post('/api/acts', { actor, process: workerId, ...body })).body;
    expect(await act({ act: 'restart', reason: 'to see it come back' })).toMatchObject({ outcome: 'done', process: workerId });
    expect((await worker.get(`/api/state/${actor}`)).body).toMatchObject({ incarnation: 2 });
    await untilServed(worker, 'account-1');
    expect(await act({ act: 'resume' })).toMatchObject({ error: { code: 'SUPERVISION_REFUSED' } });
    // Whichever process is asked has the same list.
    expect((await worker.get(`/api/acts?process=${workerId}`)).body).toMatchObject({
      acts: [
        { act: 'resume', outcome: 'refused' },
        { act: 'restart', outcome: 'done', actor, reason: 'to see it come back', by: { id: 'local' } },
      ],
    });
  });

  test('writes down what is done over the gateway, which does what it is asked to as well', async () => {
    const gatewayId = (await processes()).find(({ self }) => self)?.id;
    const purged = await gateway.post('/api/telegram-gateway/dead-letters/purge', { all: true });
    expect(purged).toMatchObject({ status: 200, body: { purged: 0, left: 0 } });
    expect((await gateway.get(`/api/acts?process=${gatewayId}`)).body).toMatchObject({
      acts: [{ act: 'purge', outcome: 'done', detail: { done: 0 } }],
    });
    const act = { actor: 'root/lease-watch', act: 'restart', process: gatewayId };
    expect((await worker.post('/api/acts', act)).body).toMatchObject({ outcome: 'done', process: gatewayId });
  });

  test('says after kill -9 that what it has of the worker is old, and goes on showing it', async () => {
    await worker.kill();
    const stale = await until(async () => ((await other())?.stale ? other() : undefined));
    expect(stale?.seenAgoMs).toBeGreaterThan(10_000);
    const { status, body } = await gateway.get(`/api/state?process=${workerId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ path: 'root', stale: true });
    expect(JSON.stringify(body)).toContain('"path":"root/accounts/account-1/connection"');
    expect(await gateway.get(`/api/state/root/store?process=${workerId}`)).toMatchObject({ status: 404 });
  });

  describeInBrowser('on its page', () => {
    test('what is left of the killed worker is greyed, with how old it is and where to look', async () => {
      const { page: shown, wrongs } = await page(`#/system/@${workerId}/root/accounts/account-1/connection`);
      await shown.getByText(/Nothing was heard of this process for .* look after the worker on/).waitFor();
      await shown.locator('.tree.of-then').getByText('account-1').waitFor();
      await shown.getByText(/^silent for/).waitFor();
      await viewer?.picture('processes-killed');
      expect([...((await viewer?.faults()) ?? []), ...wrongs]).toEqual([]);
    });
  });

  test('shows it again once it is started again', async () => {
    worker = await house.worker('one');
    await until(async () => ((await other())?.stale === false ? true : undefined));
    expect(await other()).toMatchObject({ id: workerId, pid: worker.child.pid });
    expect((await gateway.get(`/api/state?process=${workerId}`)).body).toMatchObject({ stale: false });
  });

  test('goes on while the database is away: its own tree as it is, the worker’s as it was', async () => {
    await house.postgres.stop();
    const remembered = await until(async () => {
      const { status, body } = await gateway.get(`/api/state?process=${workerId}`);
      const told = body as { readonly process: string; readonly path: string; readonly seenAgoMs: number };
      return status === 200 && told.seenAgoMs > 3_000 ? told : undefined;
    });
    expect(remembered).toMatchObject({ process: workerId, path: 'root' });
    expect(await other()).toMatchObject({ id: workerId });
    expect(await gateway.get('/api/state')).toMatchObject({ status: 200, body: { path: 'root' } });
    await house.postgres.start();
    await until(async () => {
      const { seenAgoMs = Number.POSITIVE_INFINITY } = (await other()) ?? {};
      return seenAgoMs < 1_500 ? true : undefined;
    });
  });

  test('has nothing of a worker that was stopped', async () => {
    expect(await worker.stop(), worker.tail()).toBe(0);
    expect(await processes()).toMatchObject([{ self: true }]);
    expect(await gateway.get(`/api/state?process=${workerId}`)).toMatchObject({ status: 404 });
  });
});
