import type { Clock } from '../clock.ts';

/**
 * Asks what is asked for often and dear to find out: one question at a time, until it is answered or given up where it is asked, so that whoever asks
 * does not pile up on what hangs; and an answer counts for a while. Failures are not kept.
 * @param keptMs how long an answer counts, from when it came
 */
export function keptAnswer<T>(clock: Clock, keptMs: number, ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  let kept: { readonly answer: T; readonly at: number } | undefined;

  return () => {
    if (kept !== undefined && clock.monotonic() - kept.at < keptMs) return Promise.resolve(kept.answer);
    asking ??= ask()
      .then((answer) => {
        kept = { answer, at: clock.monotonic() };
        return answer;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
}
