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

/**
 * SIGHUP is what a terminal says when it goes, and what a service manager says when there is something to read anew. On a terminal it stops; whoever is kept
 * leaves that to his keeper.
 */
export function onHangUp({ kept, reload, stop }: { kept: boolean; reload: () => void; stop: (why: string) => void }): void {
  process.on('SIGHUP', () => {
    if (!hasTerminal()) reload();
    else if (!kept) stop('SIGHUP');
  });
}

/** @returns whether somebody sits in front of it */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true || process.stdout.isTTY === true;
}
