import { causeChain } from '../errors.ts';
import { createLog, createReadableLog } from '../log.ts';
import type { Program, ProgramHost } from '../program.ts';
import { configuration } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { sayWhenUp, watchKeeper } from './kept.ts';
import { reasonOf } from './reason.ts';
import { reloadTokens } from './reload.ts';
import { onHangUp, onStopSignals } from './stop-signals.ts';
import { onStray } from './stray.ts';
import { complain } from './terminal.ts';

/** A stop that has not ended by then is ended by force, in ms: what is in hand is queued again by the next start. */
const STOP_DEADLINE_MS = 40_000;

/**
 * `vigilia start`.
 * @param kept started by `vigilia keep`, whose end is ours
 * @returns the exit code
 */
export async function runProgram(host: ProgramHost, kept: boolean): Promise<number> {
  const config = configuration();
  const log = process.stdout.isTTY ? await createReadableLog(config.logLevel) : createLog(config.logLevel);
  let program: Program | undefined;
  let asked = false;
  let fatal = false;
  const stop = (why: string): void => {
    log.info({ why }, 'stopping');
    setTimeout(() => {
      log.fatal({}, 'the stop took too long; ending by force');
      process.exit(fatal ? EXIT.tempfail : EXIT.failed);
    }, STOP_DEADLINE_MS).unref();
    asked = true;
    void program?.stop();
  };
  if (kept) watchKeeper(stop);
  else onStopSignals(['SIGTERM', 'SIGINT'], stop);
  onStray(log, () => {
    if (fatal) return;
    fatal = true;
    stop('a failure that no actor owns');
  });
  const { startProgram } = await import('../program.ts');
  program = await startProgram(config, host, log);
  const running = program;
  onHangUp({
    kept,
    reload: () => reloadTokens({ log, config, read: configuration, program: running }),
    stop,
  });
  // A stop that was asked for before there was anything to stop.
  if (asked) void program.stop();
  let up = false;
  program.started.then(
    () => {
      up = true;
      if (kept) sayWhenUp();
    },
    () => {},
  );
  const failure = await program.ended;
  if (failure) log.fatal({ code: failure.code, causes: causeChain(failure) }, up ? 'gave up' : 'did not start');
  if (failure && !up) complain(`\nvigilia did not start: ${reasonOf(failure)}`);
  if (!failure && !fatal) log.info({}, 'stopped');
  if (fatal) return EXIT.tempfail;
  return failure ? (up ? EXIT.tempfail : EXIT.failed) : EXIT.ok;
}
