import type { Clock } from '../clock.ts';

/** How often it is looked at, in ms: nothing tells a process that its parent has ended. */
const LOOK_MS = 1_000;

/**
 * Tells once when the process that started this one is gone: whoever is left behind belongs to another parent from then on.
 * @param parent the id of the parent at this moment
 */
export function watchParent(clock: Pick<Clock, 'setTimeout'>, parent: () => number, onGone: () => void): void {
  const first = parent();
  const look = (): void => {
    if (parent() !== first) onGone();
    else clock.setTimeout(look, LOOK_MS);
  };
  clock.setTimeout(look, LOOK_MS);
}
