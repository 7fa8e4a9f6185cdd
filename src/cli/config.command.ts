import { describeConfig } from '../config.ts';
import { configuration } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { complain, say } from './terminal.ts';

/** `vigilia config`: what is set, and beside it what looks like a mistake. @returns the exit code */
export function showConfig(): number {
  const config = configuration();
  say(describeConfig(config));
  for (const warning of config.warnings) complain(`warning: ${warning}`);
  return EXIT.ok;
}
