import type { Random } from '../clock.ts';

/** Until when Telegram wants to be left alone with which kind of call; times by one clock, in ms. */
export type FloodWindows = ReadonlyMap<string, number>;

/** Nothing has to wait. */
export const NO_FLOOD: FloodWindows = new Map();

/** Spread added to a wait that Telegram named, in ms: those who were told the same do not come back at the same instant. */
export const FLOOD_SPREAD_MS = 1_000;

/**
 * Telegram asked to wait before a kind of call is made again. A window only ever grows: a shorter wait named later, for a call that was on
 * its way, does not open it earlier. Windows that are over are dropped.
 * @see https://core.telegram.org/api/errors#420-flood
 */
export function openWindow(windows: FloodWindows, kind: string, waitMs: number, now: number, random: Random): FloodWindows {
  const until = now + waitMs + Math.floor(random() * FLOOD_SPREAD_MS);
  const open = new Map([...windows].filter(([, end]) => end > now));
  return open.set(kind, Math.max(until, open.get(kind) ?? until));
}

/** @returns how long this kind of call still has to wait, in ms; 0 when it need not */
export function windowLeftMs(windows: FloodWindows, kind: string, now: number): number {
  return Math.max(0, (windows.get(kind) ?? now) - now);
}
