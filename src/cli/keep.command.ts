import { fork } from 'node:child_process';
import { constants } from 'node:os';
import { systemClock, systemRandom } from '../clock.ts';
import type { ProcessEnd } from '../machines/keeper-policy.ts';
import { EXIT } from './exit-codes.ts';
import { Keeper, type KeptProcess } from './keeper.ts';
import { IS_UP, KEPT } from './kept.ts';
import { watchParent } from './parent-watch.ts';
import { hasTerminal } from './stop-signals.ts';
import { complain } from './terminal.ts';

/**
 * `vigilia keep`: runs `vigilia start` as a child on the same terminal and starts it again when it fails.
 * @param entry the file that runs as `vigilia`
 * @returns the program's exit code; of one that a signal ended, what a shell would say
 */
export async function keepProgram(entry: string): Promise<number> {
  const keeper = new Keeper({
    clock: systemClock,
    random: systemRandom,
    start: () => startProcess(entry),
    say: (text) => complain(`vigilia keep: ${text}`),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => keeper.stop());
  process.on('SIGHUP', () => {
    if (hasTerminal()) keeper.stop();
    else keeper.reload();
  });
  // npm that is killed passes nothing on. Without npm, a parent that goes is a shell, which may have been left on purpose.
  if (process.env.npm_lifecycle_event !== undefined) {
    const onGone = (): void => {
      complain('vigilia keep: npm is gone; stopping');
      keeper.stop();
    };
    watchParent(systemClock, () => process.ppid, onGone);
  }
  return exitCodeOf(await keeper.run());
}

/** The IPC channel is how each notices the other's end. */
function startProcess(entry: string): KeptProcess {
  const child = fork(entry, ['start', KEPT], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  let isUp = false;
  child.on('message', (word) => {
    if (word === IS_UP) isUp = true;
  });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.on('error', (error) => {
      complain(`vigilia keep: ${error.message}`);
      // Otherwise it only could not be signalled, and its exit is still to come.
      if (child.pid === undefined) resolve({ exitCode: null, signal: null });
    });
  });
  return { ended, isUp: () => isUp, kill: (signal) => child.kill(signal) };
}

function exitCodeOf({ exitCode, signal }: ProcessEnd): number {
  if (signal === null) return exitCode ?? EXIT.failed;
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}
