import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breaker, type BreakerState } from '../../src/actors/breaker.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';

// opossum reads its own time.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function gated() {
  const states: BreakerState[] = [];
  const breaker = new Breaker({ name: 'the server', onState: (state) => states.push(state) });
  const failing = (code: ErrorCode) =>
    breaker
      .run(() => Promise.reject(new VigiliaError(code, 'no')))
      .then(
        () => 'answered',
        (error: VigiliaError) => error.code,
      );
  const working = () => breaker.run(() => Promise.resolve('answer'));
  return { breaker, states, failing, working };
}

async function times(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await call();
}

describe('a breaker', () => {
  it('lets calls and their answers through', async () => {
    const { breaker, working } = gated();
    expect(await working()).toBe('answer');
    expect(breaker.state).toBe('closed');
    breaker.close();
  });

  it('opens when half of the calls fail, refuses at once, and says when to come back', async () => {
    const { breaker, failing, working } = gated();
    await times(5, () => failing('TELEGRAM_TIMEOUT'));
    expect(breaker.state).toBe('open');
    const made = vi.fn(working);
    await expect(breaker.run(made)).rejects.toMatchObject({ code: 'BREAKER_OPEN', fault: 'throttled', retryAfterMs: 10_000 });
    await vi.advanceTimersByTimeAsync(7_000);
    await expect(breaker.run(made)).rejects.toMatchObject({
      retryAfterMs: 3_000,
      message: expect.stringContaining('another 3 s'),
    });
    expect(made).not.toHaveBeenCalled();
    breaker.close();
  });

  it('does not judge by a few calls', async () => {
    const { breaker, failing } = gated();
    await times(4, () => failing('TELEGRAM_TIMEOUT'));
    expect(breaker.state).toBe('closed');
    breaker.close();
  });

  it.each(['TELEGRAM_FLOOD', 'CHANNEL_NOT_FOUND', 'TELEGRAM_REAUTH'] as const)(
    'is not impressed by %s: the server works',
    async (code) => {
      const { breaker, failing } = gated();
      await times(20, async () => expect(await failing(code)).toBe(code));
      expect(breaker.state).toBe('closed');
      breaker.close();
    },
  );

  it('lets one call through after its rest: an answer closes it, another failure does not', async () => {
    const { breaker, states, failing, working } = gated();
    await times(5, () => failing('TELEGRAM_TIMEOUT'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(breaker.state).toBe('half-open');
    expect(await failing('TELEGRAM_TIMEOUT')).toBe('TELEGRAM_TIMEOUT');
    expect(await failing('TELEGRAM_TIMEOUT')).toBe('BREAKER_OPEN');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await working()).toBe('answer');
    expect(await working()).toBe('answer');
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    breaker.close();
  });
});
