import { onStopSignals } from './stop-signals.ts';

/** The word that makes a `start` a kept one. For {@link keepProgram} alone. */
export const KEPT = '--kept';
/** What a kept program says over the IPC channel once it is up. */
export const IS_UP = 'up';

/** Has the keeper decide about the end: its SIGTERM stops, and so does its own end, however it came. */
export function watchKeeper(stop: (why: string) => void): void {
  // A terminal interrupts the whole group, and npm passes it on once more: the keeper makes one stop of it.
  process.on('SIGINT', () => {});
  onStopSignals(['SIGTERM'], stop);
  const orphaned = (): void => stop('the process that kept it is gone');
  process.once('disconnect', orphaned);
  // It may have gone before anybody listened.
  if (!process.connected) orphaned();
}

/** Tells the keeper that the start succeeded. One that is gone by now is not told. */
export function sayWhenUp(): void {
  process.send?.(IS_UP, () => {});
}
