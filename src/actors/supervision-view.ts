import type { Snapshot } from 'xstate';
import { type Intensity, recentRestarts, type Strategy } from '../machines/restart.ts';
import type { Supervision } from '../ports.ts';

/** What of a supervisor's context is looked at. */
interface SupervisorInside {
  readonly strategy: Strategy;
  readonly intensity: Intensity;
  readonly quarantines: boolean;
  readonly restarts: readonly { readonly id: string; readonly at: number }[];
}

/** @returns how much of its intensity a supervisor has used up at this moment; undefined where the snapshot is not a supervisor's */
export function supervisionOf(snapshot: Snapshot<unknown>, now: number): Supervision | undefined {
  const inside = (snapshot as { readonly context?: Partial<SupervisorInside> }).context;
  if (!inside?.intensity || !inside.restarts || !inside.strategy) return undefined;
  const { intensity, restarts, strategy, quarantines = false } = inside;
  const counts = new Map<string, number[]>();
  for (const { id, at } of restarts) {
    const key = quarantines ? id : '';
    counts.set(key, [...(counts.get(key) ?? []), at]);
  }
  const recent = [...counts.values()].map((times) => recentRestarts(times, intensity, now).length);
  return { strategy, ...intensity, restarts: Math.max(0, ...recent), quarantines };
}
