import { describe, expect, test } from 'vitest';
import { CallGovernor, LONGEST_HOLD_MS } from '../../src/actors/telegram/call-governor.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function governed() {
  const clock = new VirtualClock();
  const governor = new CallGovernor(clock, () => 0);
  const ends = new AbortController();
  const passed: number[] = [];
  const from = clock.now();
  /** Asks for a turn; when it comes is kept. */
  const ask = (method: 'history' | 'dialogs' = 'history', signal = ends.signal): Promise<boolean> =>
    governor.turn(method, signal).then((mine) => {
      passed.push(clock.now() - from);
      return mine;
    });
  return { clock, governor, ends, passed, ask };
}

describe('a governor of calls', () => {
  test('holds nothing up while nothing was learnt', async () => {
    const { ask, governor, passed } = governed();
    for (let call = 0; call < 100; call++) expect(await ask()).toBe(true);
    expect(new Set(passed)).toEqual(new Set([0]));
    expect(governor.report()).toEqual({});
  });

  test('lets calls through at the distance it learnt, in line and each by one timer, and does not hold up another kind', async () => {
    const { clock, governor, ask, passed } = governed();
    for (let call = 0; call < 10; call++) await ask();
    governor.flooded('history', 10_000);
    await clock.advance(10_000);
    passed.length = 0;
    // Ten calls in no time, and ten seconds to wait: one a second, and a margin.
    const calls = [ask(), ask(), ask()];
    expect(await ask('dialogs')).toBe(true);
    await clock.advance(2_500);
    expect(await Promise.all(calls)).toEqual([true, true, true]);
    expect(passed).toEqual([10_000, 10_000, 11_250, 12_500]);
  });

  test('waits out a short wait by itself', async () => {
    const { clock, governor, ask, passed } = governed();
    governor.flooded('history', LONGEST_HOLD_MS - 1_000);
    const call = ask();
    await clock.advance(LONGEST_HOLD_MS - 1_000);
    expect(await call).toBe(true);
    expect(passed).toEqual([LONGEST_HOLD_MS - 1_000]);
  });

  test('tells those who would have to wait longer when to come back, and keeps no place for them', async () => {
    const { clock, governor, ask } = governed();
    for (let call = 0; call < 10; call++) await ask();
    governor.flooded('history', 300_000);
    await clock.advance(290_000);
    for (let call = 0; call < 5; call++)
      await expect(ask()).rejects.toMatchObject({ code: 'TELEGRAM_FLOOD', retryAfterMs: 10_000 });
    await clock.advance(10_000);
    expect(await ask()).toBe(true);
    // Ten calls, and three hundred seconds to wait: from now on, one in thirty seconds and a margin.
    await expect(ask()).rejects.toMatchObject({
      code: 'TELEGRAM_FLOOD',
      retryAfterMs: 37_500,
      message: expect.stringContaining('less often'),
    });
    expect(governor.report()).toEqual({ floods: [{ method: 'history', waits: 1, leftMs: 0 }] });
  });

  test('ends the waiting with the signal', async () => {
    const { clock, governor, ask, ends } = governed();
    governor.flooded('history', 4_000);
    const call = ask();
    await clock.advance(1_000);
    ends.abort();
    expect(await call).toBe(false);
  });

  test('leaves alone what the account is limited in, for an hour, and forgets it when it is answered', async () => {
    const { clock, governor, ask } = governed();
    expect(governor.limited('history', 'PEER_FLOOD')).toBe(true);
    expect(governor.limited('history', 'PEER_FLOOD')).toBe(false);
    const since = clock.now();
    await clock.advance(3_599_999);
    await expect(ask()).rejects.toMatchObject({ code: 'TELEGRAM_LIMITED', message: expect.stringContaining('PEER_FLOOD') });
    expect(await ask('dialogs')).toBe(true);
    expect(governor.report()).toEqual({ limited: [{ method: 'history', since, reason: 'PEER_FLOOD' }] });
    await clock.advance(1);
    expect(await ask()).toBe(true);
    expect(governor.report()).toHaveProperty('limited');
    expect(governor.answered('history')).toBe(true);
    expect(governor.report()).toEqual({});
  });
});
