import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterEnd, type KeptLife } from '../../src/machines/keeper-policy.ts';

const most = (): number => 1 - Number.EPSILON;
const exited = (exitCode: number): KeptLife['end'] => ({ exitCode, signal: null });
const killed = (signal: string): KeptLife['end'] => ({ exitCode: null, signal });

function life(end: KeptLife['end'], more: Partial<KeptLife> = {}): KeptLife {
  return { end, livedMs: 5_000, failures: 0, hasWorked: true, isStopping: false, ...more };
}

const actionAfter = (end: KeptLife['end'], more: Partial<KeptLife> = {}): string => afterEnd(life(end, more), most).action;

describe('the keeper', () => {
  it.each([
    ['was stopped in order', 0],
    ['was used wrongly', 64],
    ['is configured wrongly', 78],
    ['was interrupted', 130],
  ])('leaves a program alone that %s', (_, code) => {
    expect(actionAfter(exited(code))).toBe('stop');
    expect(actionAfter(exited(code), { hasWorked: false })).toBe('stop');
  });

  it('leaves a first start that failed to the person who made it', () => {
    expect(actionAfter(exited(1), { hasWorked: false })).toBe('stop');
    expect(actionAfter(exited(13), { hasWorked: false })).toBe('stop');
  });

  it('starts a program again that worked before and then could not start', () => {
    expect(actionAfter(exited(1))).toBe('restart');
    expect(actionAfter(exited(7))).toBe('restart');
  });

  it.each([true, false])('starts a program again that gave up or was killed, had it worked before or not (%s)', (hasWorked) => {
    expect(actionAfter(exited(75), { hasWorked })).toBe('restart');
    for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGTERM']) {
      expect(actionAfter(killed(signal), { hasWorked }), signal).toBe('restart');
    }
  });

  it('tries again when the process could not even be made', () => {
    expect(actionAfter({ exitCode: null, signal: null }, { hasWorked: false })).toBe('restart');
  });

  it('starts nothing that somebody asked to stop, however it ended', () => {
    for (const end of [exited(0), exited(1), exited(75), exited(130), killed('SIGKILL'), killed('SIGTERM')]) {
      expect(actionAfter(end, { isStopping: true })).toBe('stop');
    }
  });

  it('waits longer after each failure in a row, to a minute at most', () => {
    const delays: number[] = [];
    let failures = 0;
    for (let n = 0; n < 9; n++) {
      const verdict = afterEnd(life(exited(75), { failures }), most);
      if (verdict.action !== 'restart') throw new Error('it has to be started again');
      delays.push(Math.ceil(verdict.delayMs / 1000));
      failures = verdict.failures;
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('begins anew once the program was up for a minute', () => {
    expect(afterEnd(life(exited(75), { failures: 8, livedMs: 59_999 }), most)).toMatchObject({ failures: 9 });
    expect(afterEnd(life(exited(75), { failures: 8, livedMs: 60_000 }), most)).toEqual({
      action: 'restart',
      delayMs: 999,
      failures: 1,
    });
  });

  it('takes any delay up to its ceiling, by chance, and never gives up', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom(exited(75), killed('SIGKILL')),
        (failures, chance, end) => {
          const verdict = afterEnd(life(end, { failures }), () => chance);
          if (verdict.action !== 'restart') throw new Error('it has to be started again');
          const ceilingMs = Math.min(60_000, 1_000 * 2 ** Math.min(failures, 30));
          expect(verdict.delayMs).toBe(Math.floor(chance * ceilingMs));
          expect(verdict.failures).toBe(failures + 1);
        },
      ),
    );
  });
});
