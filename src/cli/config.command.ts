import { describeConfig } from '../config.ts';
import { configuration } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { say } from './terminal.ts';

/** `vigilia config`. @returns the exit code */
export function showConfig(): number {
  say(describeConfig(configuration()));
  return EXIT.ok;
}
