import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { describePostgres } from '../support/postgres.ts';
import type { Program } from '../support/program.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { LeaseHouse, untilServed, untilSlowly } from './lease-house.ts';

// Leases end by real time: whoever waits for one that was not given back waits for most of a minute.
vi.setConfig({ testTimeout: 200_000, hookTimeout: 90_000 });

const DUPLICATED = 'TELEGRAM_KEY_DUPLICATED';
/** Far less than a lease and its dead socket take, and enough for the start of a process on a machine that has more to do. */
const AT_ONCE_MS = 30_000;

function expectNoDuplicate(...programs: readonly Program[]): void {
  for (const program of programs) expect(program.log.filter(({ code }) => code === DUPLICATED)).toEqual([]);
}

const isListening = ({ msg }: { readonly msg: string }): boolean => msg.includes('is listening');
const lostLease = ({ msg }: { readonly msg: string }): boolean => msg.startsWith('lease lost');

describePostgres('workers that share accounts', () => {
  let rescue: LeaseHouse;
  let restart: LeaseHouse;
  let sleep: LeaseHouse;
  let share: LeaseHouse;
  /** Resolves when nothing is left to do but wait for leases to end: the others have the machine to themselves then. */
  const waiting = deferred();
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const houses = await LeaseHouse.open([3, 1, 1, 3], (end) => ends.push(end));
    [rescue, restart, sleep, share] = houses as [LeaseHouse, LeaseHouse, LeaseHouse, LeaseHouse];
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  test.concurrent('what is killed, stopped or cut off is served by another within 60 s, never by two, and its jobs go on', async () => {
    try {
      await rescued(rescue, waiting.resolve);
    } finally {
      waiting.resolve();
    }
  });

  test.concurrent('the same installation serves again at once after kill -9, another one at once after a clean stop', async () => {
    await waiting.promise;
    const [account = ''] = restart.accounts;
    const first = await restart.worker('one');
    await untilServed(first, account);
    const before = await restart.leaseOf(account);
    const restarts: number[] = [];
    let last = first;
    for (let kill = 0; kill < 2; kill++) {
      await last.kill();
      const killedAt = performance.now();
      last = await restart.worker('one');
      restarts.push(await untilServed(last, account, killedAt));
    }
    const after = await restart.leaseOf(account);
    expect(after.owner).toBe(before.owner);
    expect(after.token).toBeGreaterThanOrEqual(before.token + restarts.length);
    expect(Math.max(...restarts)).toBeLessThan(AT_ONCE_MS);

    const other = await restart.worker('two');
    await other.logged(isListening);
    expect((await restart.leaseOf(account)).owner).toBe(before.owner);
    const stoppedAt = performance.now();
    const [code, tookMs] = await Promise.all([last.stop(), untilServed(other, account, stoppedAt)]);
    expect(code, last.tail()).toBe(0);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    expect((await restart.leaseOf(account)).owner).not.toBe(before.owner);
    expect(await restart.sockets()).toEqual({ open: [1], most: 1 });
    expectNoDuplicate(first, last, other);
    // A worker that has the account alone: what a gateway makes is served soon, and needs a login.
    const gateway = await restart.gateway();
    await gateway.logged(isListening);
    const askedAt = performance.now();
    expect((await gateway.post('/api/telegram-gateway/accounts', { id: 'newcomer' })).status).toBe(201);
    await other.logged(({ msg, account: id }) => msg === 'a person has to log in' && id === 'newcomer');
    const newcomerMs = Math.round(performance.now() - askedAt);
    expect(newcomerMs).toBeLessThan(5_000);
    await Promise.all([gateway.kill(), other.kill()]);
    console.info(
      `kill -9 → authenticated by the same installation: ${restarts.join(', ')} ms; clean stop → by another: ${tookMs} ms;` +
        ` an account made at the gateway → at a worker: ${newcomerMs} ms`,
    );
  });

  test.concurrent('a worker that stood still past its lease sends nothing on its socket, and serves again at once when nobody took it', async () => {
    await waiting.promise;
    const [account = ''] = sleep.accounts;
    const proxy = await TcpProxy.to(sleep.telegramPort);
    const worker = await sleep.worker('one', { TELEGRAM_SERVER: `127.0.0.1:${proxy.port}` });
    await untilServed(worker, account);
    const before = await sleep.leaseOf(account);
    worker.child.kill('SIGSTOP');
    await untilSlowly(async () => (((await sleep.leaseOf(account)).expiresInMs ?? 0) < -1_000 ? true : undefined));
    expect((await sleep.sockets()).open).toEqual([1]);
    const sentBytes = [...proxy.sentBytes];
    expect(Math.max(...sentBytes)).toBeGreaterThan(0);
    const from = worker.log.length;
    worker.child.kill('SIGCONT');
    const wokenAt = performance.now();
    await worker.logged(lostLease);
    const tookMs = await untilServed(worker, account, wokenAt, from);
    // What was sent since went over a connection that was made under the next lease.
    expect(proxy.sentBytes.slice(0, -1)).toEqual(sentBytes);
    expect((await sleep.leaseOf(account)).token).toBeGreaterThan(before.token);
    expect(await sleep.sockets()).toEqual({ open: [1], most: 1 });
    expectNoDuplicate(worker);
    await worker.kill();
    await proxy.close();
    console.info(`stopped past its lease → 0 bytes on the old socket; authenticated again ${tookMs} ms after waking`);
  });

  test.concurrent('they share evenly: one that comes gets its part, one that goes leaves it to the others', async () => {
    await waiting.promise;
    const one = await share.worker('one');
    await Promise.all(share.accounts.map((account) => untilServed(one, account)));
    const two = await share.worker('two');
    const owners = await untilSlowly(async () => {
      const all = (await share.store.leases()).map(({ owner }) => owner);
      return new Set(all).size === 2 && !all.includes(null) ? all : undefined;
    });
    const shares = [...new Set(owners)].map((owner) => owners.filter((one) => one === owner).length);
    expect(shares.sort()).toEqual([1, 2]);
    expect(await one.stop(), one.tail()).toBe(0);
    await Promise.all(share.accounts.map((account) => untilServed(two, account)));
    expect((await share.sockets()).most).toBe(1);
    expectNoDuplicate(one, two);
    await two.kill();
  });
});

async function rescued(house: LeaseHouse, onWaiting: () => void): Promise<void> {
  const database = await TcpProxy.to(house.postgres.port);
  const telegram = await TcpProxy.to(house.telegramPort);
  const [killed = '', frozen = '', cutOff = ''] = house.accounts;
  const gateway = await house.gateway();
  const one = await house.worker('one', { VIGILIA_ACCOUNTS: killed });
  const two = await house.worker('two', { VIGILIA_ACCOUNTS: frozen, TELEGRAM_SERVER: `127.0.0.1:${telegram.port}` });
  const three = await house.worker('three', {
    VIGILIA_ACCOUNTS: cutOff,
    DATABASE_URL: house.databaseUrl.replace(`:${house.postgres.port}/`, `:${database.port}/`),
    DATABASE_DIRECT_URL: house.databaseUrl,
  });
  await Promise.all([untilServed(one, killed), untilServed(two, frozen), untilServed(three, cutOff)]);
  const rescuer = await house.worker('rescuer');
  const healthy = await untilSlowly(async () => {
    const { status, report } = await gateway.health();
    return report.status === 'ok' ? { status, report } : undefined;
  });
  expect(healthy).toMatchObject({ status: 200, report: { simulated: true } });
  const owners = await Promise.all(house.accounts.map(async (account) => (await house.leaseOf(account)).owner));
  expect(healthy.report.accounts.map(({ id, state, lease }) => [id, state, lease?.worker])).toEqual(
    house.accounts.map((account, index) => [account, 'authenticated', owners[index]]),
  );
  await rescuer.logged(isListening);

  const jobs: string[] = [];
  for (const accountId of house.accounts) {
    const body = { channelId: 'leased', limit: 3_000, force: true, accountId };
    const answer = await gateway.post('/api/telegram-gateway/sync-messages', body);
    expect(answer.status).toBe(202);
    jobs.push(String(answer.body.pollUrl));
  }
  const beginAt = performance.now();
  const since = (): number => Math.round(performance.now() - beginAt);
  one.child.kill('SIGKILL');
  two.child.kill('SIGSTOP');
  database.block();
  onWaiting();

  // The one that is cut off closes its socket by itself, long before anybody else may have the account.
  await three.logged(lostLease);
  await untilSlowly(async () => ((await house.sockets()).open[2] === 0 ? true : undefined));
  const cutMs = since();
  expect(cutMs).toBeLessThan(16_000);
  await untilSlowly(async () => ((await gateway.health()).status === 503 ? true : undefined));
  const toldMs = since();
  const lost = await untilSlowly(async () => {
    const { report } = await gateway.health();
    return report.accounts.every(({ state }) => state === 'lease-lost') ? report : undefined;
  });
  const lostMs = since();
  expect(lostMs).toBeLessThan(45_000);
  expect(lost.accounts.map(({ lease }) => lease?.worker)).toEqual(owners);
  // The worker itself says so too.
  const own = (await three.health()).report.accounts.find(({ id }) => id === cutOff);
  expect(own?.state).toMatch(/^(lease-lost|awaiting-lease)$/);

  const tookMs = await Promise.all(house.accounts.map((account) => untilServed(rescuer, account, beginAt)));
  for (const one of tookMs) expect(one).toBeLessThan(60_000);
  const again = await untilSlowly(async () => {
    const now = await gateway.health();
    return now.status === 200 ? now : undefined;
  });
  expect(again.report.accounts.filter(({ state }) => state === 'authenticated').length).toBeGreaterThan(0);
  for (const pollUrl of jobs) expect(await gateway.job(pollUrl)).toMatchObject({ status: 'completed', result: { count: 3_000 } });

  // Those that come back send nothing under the lease they had. Then they share: what the rescuer gives back is served by them anew.
  const sentBytes = [...telegram.sentBytes];
  two.child.kill('SIGCONT');
  database.unblock();
  await Promise.all([two, three].map((program) => program.logged(lostLease)));
  await untilSlowly(async () => ((await house.sockets()).open.every((count) => count === 1) ? true : undefined));
  expect(telegram.sentBytes.slice(0, sentBytes.length)).toEqual(sentBytes);
  expect((await house.sockets()).most).toBe(1);
  expectNoDuplicate(one, two, three, rescuer);
  console.info(
    `killed, stopped, cut off → served by another after ${tookMs.join(', ')} ms; the one cut off closed its socket after ${cutMs} ms;` +
      ` the gateway said 503 after ${toldMs} ms, "lease lost" after ${lostMs} ms; the stopped one, woken: 0 bytes on its old socket;` +
      ' sockets on one key at most: 1',
  );
  await Promise.all([gateway, two, three, rescuer].map((program) => program.kill()));
  await Promise.all([database.close(), telegram.close()]);
}
