import { describe, expect, it, vi } from 'vitest';
import { describePostgres, startPostgres } from '../support/postgres.ts';
import type { Program } from '../support/program.ts';
import { HealthHouse, type Shown, shown } from './health-house.ts';

// Waits for real pings, on machines that may have more to do.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** Whatever goes wrong is shown within this (issue, section 6). */
const SHOWN_WITHIN_MS = 45_000;
/** Between two looks at an account that is to stay as it is, in ms. */
const QUIET_LOOK_MS = 100;
/** A pong that is older than this is no evidence. */
const PONG_COUNTS_MS = 75_000;

const isOk = ({ report }: Shown): boolean => report.status === 'ok';
const isNotServing = ({ account }: Shown): boolean => account.state !== 'authenticated';

/** Waits for what health is to say, and for it to be whole again by itself. @returns what it said */
async function shownThenWell(name: string, program: Program, fits: (now: Shown) => boolean, mend: () => Promise<unknown>) {
  const found = await shown(program, fits);
  expect(found.tookMs, name).toBeLessThan(SHOWN_WITHIN_MS);
  await mend();
  const well = await shown(program, isOk);
  expect(well.account.state).toBe('authenticated');
  const { state, reason } = found.account;
  console.info(`${name}: shown after ${found.tookMs} ms as "${state}: ${reason}", well again ${well.tookMs} ms after that`);
  return found;
}

describe.concurrent('what is wrong is told apart, within 45 s, and heals', () => {
  it('a revoked session, of an account on which nobody calls', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    await house.control.tell('revoke', { phone: house.phone });
    const found = await shownThenWell(
      'revoked session',
      program,
      ({ account }) => account.state === 'reauth-required',
      () => house.logIn(program),
    );
    expect(found).toMatchObject({ status: 503, report: { status: 'down' } });
    expect(found.account.reason).toMatch(/AUTH_KEY_UNREGISTERED/);
  });

  it('an account that Telegram has limited, and then deactivated', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    await house.control.tell('fail', { method: 'messages.getHistory', code: 420, message: 'FROZEN_METHOD_INVALID' });
    expect(await program.job(await program.sync('news', 5))).toMatchObject({
      status: 'failed',
      error: { code: 'TELEGRAM_LIMITED' },
    });
    const limited = await shown(program, ({ account }) => account.limited !== undefined);
    expect(limited).toMatchObject({ status: 200, account: { state: 'authenticated', limited: [{ method: 'history' }] } });
    await house.control.tell('revoke', { phone: house.phone, error: 'USER_DEACTIVATED' });
    const dead = await shown(program, ({ account }) => account.state === 'deactivated');
    expect(dead).toMatchObject({ status: 503, account: { reason: expect.stringContaining('USER_DEACTIVATED') } });
    expect(dead.tookMs).toBeLessThan(SHOWN_WITHIN_MS);
    console.info(`deactivated account: shown after ${dead.tookMs} ms`);
    expect(program.log).toContainEqual(expect.objectContaining({ level: 'error', msg: 'Telegram has deactivated the account' }));
    expect(await program.stop()).toBe(0);
    expect((await house.topics()).filter((topic) => /limited|deactivated/.test(topic))).toEqual([
      'account.limited',
      'account.deactivated',
    ]);
  });

  it('a frozen server', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    await house.control.tell('freeze', {});
    const found = await shownThenWell('frozen server', program, isNotServing, async () => {
      // What tells it from a half-open socket: another connection is taken, and is as silent.
      const again = await shown(program, ({ account }) => account.reason?.includes('took the connection, but') === true);
      expect(again.account.state).not.toBe('authenticated');
      await house.control.tell('thaw', {});
    });
    expect(found).toMatchObject({ status: 503, report: { status: 'down' } });
    expect(found.account.reason).toMatch(/did not answer .*within 10 s/);
    expect(found.account.lastPongAgeMs).toBeGreaterThan(9_000);
  });

  it('a half-open socket: nothing comes over it any more, and nobody says so', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    const { accepted } = await house.control.tell('stats', {});
    await house.control.tell('freeze', { phone: house.phone });
    // Another connection works: nobody has to mend anything.
    const found = await shownThenWell('half-open socket', program, isNotServing, async () => {});
    expect(found.account.reason).toMatch(/did not answer .*within 10 s/);
    expect((await house.control.tell('stats', {})).accepted).toBe(accepted + 1);
  });

  it('a server that was killed', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    await house.simulator.kill();
    const found = await shownThenWell('killed server', program, isNotServing, () => house.restartSimulator());
    expect(found).toMatchObject({ status: 503, report: { status: 'down' } });
    expect(found.account.reason).toMatch(/closed|no connection/);
  });

  it('nothing, for a quiet account: it is ok all the while, on the evidence of its pongs', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    const since = (await shown(program, isOk)).account.since;
    const lines = program.log.length;
    const started = performance.now();
    const looks: Shown[] = [];
    await shown(program, (now) => looks.push(now) > 0 && performance.now() - started > PONG_COUNTS_MS + 15_000, QUIET_LOOK_MS);
    // Not while it is asked: what fails there only counts as not yet.
    for (const now of looks) {
      const { account } = now;
      expect(now).toMatchObject({ status: 200, report: { status: 'ok' }, account: { state: 'authenticated', since, gaps: 0 } });
      expect(account.lastPongAgeMs).toBeLessThan(45_000);
      expect(account.lastRpcAgeMs).toBeLessThan(90_000);
    }
    expect(program.log.slice(lines)).toEqual([]);
    console.info(
      `quiet account: ok in each of ${looks.length} looks within ${Math.round(performance.now() - started)} ms, and no line was logged`,
    );
  });
});

describePostgres('a database that is away', () => {
  it('is told apart from Telegram: the account serves, its dependency does not', async ({ onTestFinished }) => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const { url } = await postgres.createDatabase();
    const house = await HealthHouse.open(onTestFinished, { DATABASE_URL: url });
    const program = await house.ready(onTestFinished);
    await postgres.stop('immediate');
    const found = await shownThenWell(
      'database away',
      program,
      ({ report }) => report.dependencies.store.state !== 'up',
      () => postgres.start(),
    );
    expect(found).toMatchObject({ status: 200, report: { status: 'degraded' }, account: { state: 'authenticated' } });
    expect(found.account.reason).toBeUndefined();
    expect(JSON.stringify(found.report.dependencies.store)).toMatch(/reason|error|cause/);
  });
});

describe('the log of a connection’s life', () => {
  it('is a few lines, always the same: start, drop, reconnect, stop; and has the pongs at debug', async ({ onTestFinished }) => {
    const house = await HealthHouse.open(onTestFinished);
    const first = await house.ready(onTestFinished);
    await first.stop();
    const program = await house.start(onTestFinished, { LOG_LEVEL: 'debug' });
    expect(await program.logged(({ msg }) => msg === 'pong')).toMatchObject({ level: 'debug', account: 'main' });
    await shown(program, isOk);
    await house.control.tell('drop', {});
    await program.logged(({ msg }) => msg === 'reconnecting');
    await shown(program, isOk);
    await program.stop();
    const life = program.log
      .filter(({ account, level, msg }) => account === 'main' && level !== 'debug' && !msg.startsWith('lease'))
      .map(({ level, msg }) => `${level} ${msg}`);
    expect(life).toEqual([
      'info connecting',
      'info connected',
      'warn disconnected',
      'info reconnecting',
      'info connected',
      'info stopping',
    ]);
    const line = (msg: string) => program.log.find((one) => one.msg === msg);
    expect(line('disconnected')).toMatchObject({
      cause: expect.any(String),
      code: 'TELEGRAM_OFFLINE',
      nextDelayMs: expect.any(Number),
    });
    expect(line('reconnecting')).toMatchObject({ attempt: 1, generation: 2 });
  });
});
