/** What an update means for its box: it follows on what was applied, it was applied before, or something is missing before it. */
export type PtsVerdict = 'apply' | 'duplicate' | 'gap';

/**
 * Telegram's rule for ordered updates.
 * @param local the box's pts, undefined when nothing was applied yet: the first update then sets it
 * @param pts the update's pts, after it
 * @param ptsCount how many events the update stands for
 * @see https://core.telegram.org/api/updates#pts-checking-and-applying
 */
export function ptsVerdict(local: number | undefined, pts: number, ptsCount: number): PtsVerdict {
  if (local === undefined || local + ptsCount === pts) return 'apply';
  return local + ptsCount > pts ? 'duplicate' : 'gap';
}
