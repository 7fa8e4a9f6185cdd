import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepAsking } from '../../src/console/keep-asking.ts';

const EVERY_MS = 5_000;

/** A gateway whose answers come when the test lets them. */
class SlowGateway {
  asked = 0;
  cut = 0;
  #answer = (): void => {};

  readonly question = (signal: AbortSignal): Promise<void> => {
    this.asked += 1;
    return new Promise((resolve) => {
      this.#answer = resolve;
      signal.addEventListener('abort', () => {
        this.cut += 1;
        resolve();
      });
    });
  };

  async answer(): Promise<void> {
    this.#answer();
    await vi.advanceTimersByTimeAsync(0);
  }
}

describe('what a page asks again and again', () => {
  let gateway: SlowGateway;
  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new SlowGateway();
  });
  afterEach(() => vi.useRealTimers());

  it('is not cut off by wishes for something newer, and asked once more after its answer, however many there were', async () => {
    const { refresh } = keepAsking(gateway.question, 0);
    for (let wish = 0; wish < 5; wish++) {
      await vi.advanceTimersByTimeAsync(400);
      refresh();
    }
    expect(gateway).toMatchObject({ asked: 1, cut: 0 });
    await gateway.answer();
    expect(gateway).toMatchObject({ asked: 2, cut: 0 });
    await gateway.answer();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.asked).toBe(2);
    refresh();
    expect(gateway.asked).toBe(3);
  });

  it('is asked a while after each answer, counted anew from one that was wished for', async () => {
    const { refresh } = keepAsking(gateway.question, EVERY_MS);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.asked).toBe(1);
    await gateway.answer();
    await vi.advanceTimersByTimeAsync(EVERY_MS - 1);
    expect(gateway.asked).toBe(1);
    refresh();
    await gateway.answer();
    await vi.advanceTimersByTimeAsync(EVERY_MS - 1);
    expect(gateway.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(gateway.asked).toBe(3);
  });

  it('ends with the page: the question under way is cut off, and none comes after it', async () => {
    const { refresh, stop } = keepAsking(gateway.question, EVERY_MS);
    refresh();
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    refresh();
    expect(gateway).toMatchObject({ asked: 1, cut: 1 });
  });
});
