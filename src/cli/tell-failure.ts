import { ConfigError } from '../config.ts';
import { VigiliaError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';
import { reasonOf } from './reason.ts';
import { complain } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Tells people why a command failed. @returns the exit code for it */
export function tellFailure(error: unknown): number {
  if (error instanceof UsageError) {
    complain(`vigilia: ${error.message} (all commands and options: vigilia help)`);
    return EXIT.usage;
  }
  if (error instanceof ConfigError) {
    complain(error.message);
    return EXIT.config;
  }
  const known = error instanceof VigiliaError;
  complain(`vigilia: ${known ? reasonOf(error) : error instanceof Error ? error.stack : String(error)}`);
  return known && error.code === 'CONFIG_INVALID' ? EXIT.config : EXIT.failed;
}
