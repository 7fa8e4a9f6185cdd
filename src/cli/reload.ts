import { type Config, ConfigError, describeConfig } from '../config.ts';
import { causeChain } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Program } from '../program.ts';

export interface ReloadDeps {
  readonly log: Log;
  /** As it was at the start. */
  readonly config: Config;
  /** Reads it as it is now. @throws ConfigError */
  readonly read: () => Config;
  readonly program: Pick<Program, 'replaceTokens'>;
}

/** Takes over the tokens as they are configured now. What is wrong is told with every fault, and changes nothing. Never throws. */
export function reloadTokens({ log, config, read, program }: ReloadDeps): void {
  try {
    const now = read();
    const change = program.replaceTokens(now.tokens);
    log.info({ ...change }, 'tokens reloaded');
    const others = changedNames(config, now);
    if (others.length > 0) log.warn({ variables: others }, 'these have changed too, and count from the next start on');
  } catch (error) {
    const faults = error instanceof ConfigError ? { faults: error.faults } : { causes: causeChain(error) };
    log.error(faults, 'tokens not reloaded: the ones before stay, until the next start, which would refuse these');
  }
}

/** @returns the variables whose value is another one, as far as it may be shown */
function changedNames(before: Config, now: Config): string[] {
  const known = new Set(describeConfig(before).split('\n'));
  return describeConfig(now)
    .split('\n')
    .filter((line) => !known.has(line) && !/^(# )?GATEWAY_TOKENS\b/.test(line))
    .map((line) => /[A-Z][A-Z0-9_]+/.exec(line)?.[0] ?? '');
}
