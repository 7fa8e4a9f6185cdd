import { EXIT } from './exit-codes.ts';

/** The first of the signals asks for a stop, the second ends the process at once. */
export function onStopSignals(signals: readonly NodeJS.Signals[], stop: (why: string) => void): void {
  let asked = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT.interrupted);
      asked = true;
      stop(signal);
    });
  }
}
