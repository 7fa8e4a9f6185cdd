import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { JobAnswer } from '../support/program.ts';
import { HealthHouse, shown } from './health-house.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const HISTORY = 'messages.getHistory';
const isDelayed = ({ status }: JobAnswer): boolean => status === 'delayed';

describe('a flood wait of 23 hours', () => {
  it('outlives the program: the job keeps its time, and after the restart the kind of call is tried once, for all who want it', async () => {
    const house = await HealthHouse.open(onTestFinished);
    const first = await house.ready(onTestFinished);
    await house.control.tell('fail', { method: HISTORY, code: 420, message: 'FLOOD_WAIT_82800' });
    const url = await first.sync('news', 10);
    const job = await first.job(url, isDelayed);
    expect(job).toMatchObject({ attempts: 0, error: { code: 'TELEGRAM_FLOOD' } });
    const waitMs = Date.parse(String(job.nextAttemptAt)) - Date.now();
    expect(waitMs).toBeGreaterThan(82_790_000);
    expect(waitMs).toBeLessThan(82_802_000);
    const asked = await house.calls(HISTORY);
    await first.kill();

    const second = await house.start(onTestFinished);
    await shown(second, ({ report }) => report.status === 'ok');
    expect(await second.job(url, () => true)).toMatchObject({ status: 'delayed', attempts: 0, nextAttemptAt: job.nextAttemptAt });
    expect(await house.calls(HISTORY)).toBe(asked);
    // Somebody wants the same: what is left of the wait is learnt by one call, and holds for everybody.
    await second.job(await second.sync('news', 11), isDelayed);
    expect(await house.calls(HISTORY)).toBe(asked + 1);
    for (const limit of [12, 13, 14]) {
      expect(await second.job(await second.sync('news', limit), isDelayed)).toMatchObject({
        attempts: 0,
        error: { code: 'TELEGRAM_FLOOD' },
      });
    }
    expect(await house.calls(HISTORY)).toBe(asked + 1);
    const { account } = await shown(second, () => true);
    expect(account).toMatchObject({ state: 'authenticated', floods: [{ method: 'history', waits: 1 }] });
    expect((await second.ask('/metrics')).text).toMatch(/vigilia_flood_waits_total\{account="main",method="history"\} 1/);
    expect(await second.job(url, () => true)).toMatchObject({ status: 'delayed', attempts: 0, nextAttemptAt: job.nextAttemptAt });
  });
});

describe('a Telegram that answers every call with 500', () => {
  it('opens the breaker: jobs are taken and wait without an attempt, and all end well when it is over', async () => {
    const house = await HealthHouse.open(onTestFinished);
    const program = await house.ready(onTestFinished);
    await house.control.tell('fail', { method: '*', code: 500, message: 'INTERNAL' });
    const first = await Promise.all([1, 2, 3, 4].map((limit) => program.sync('news', limit)));
    const open = await shown(program, ({ account }) => account.breaker === 'open');
    expect(open.account.state).toBe('authenticated');
    expect((await program.ask('/metrics')).text).toContain('vigilia_breaker_state{name="telegram:main",state="open"} 1');
    const later = await Promise.all([5, 6].map((limit) => program.sync('news', limit)));
    for (const url of later) {
      const job = await program.job(url, isDelayed);
      expect(job).toMatchObject({ attempts: 0, error: { code: 'BREAKER_OPEN' }, nextAttemptAt: expect.any(String) });
    }
    await house.control.tell('fail', { method: '*', code: 0, message: '', times: 0 });
    for (const url of first) expect(await program.job(url)).toMatchObject({ status: 'completed' });
    for (const url of later) expect(await program.job(url)).toMatchObject({ status: 'completed', attempts: 1 });
    await shown(program, ({ account }) => account.breaker === undefined);
    const states = program.log.filter(({ msg }) => msg === 'breaker').map(({ level, state }) => `${level} ${state}`);
    expect(states[0]).toBe('warn open');
    expect(states.at(-1)).toBe('warn closed');
    expect((await program.ask('/metrics')).text).toContain('vigilia_breaker_state{name="telegram:main",state="closed"} 1');
  });
});
