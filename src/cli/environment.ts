import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Config, readConfig } from '../config.ts';
import { VigiliaError } from '../errors.ts';

/**
 * The configuration, from the environment and a file `.env` in the working directory.
 * @throws ConfigError, CONFIG_INVALID
 */
export function configuration(): Config {
  loadDotEnv();
  return readConfig(process.env, (path) => readFileSync(path, 'utf8'), existsSync);
}

/** What is set already is not overridden. A folder of that name is somebody else's. */
function loadDotEnv(): void {
  if (statSync('.env', { throwIfNoEntry: false })?.isFile() !== true) return;
  try {
    process.loadEnvFile('.env');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new VigiliaError('CONFIG_INVALID', `the file .env cannot be read (${code}): check its owner and mode`, { cause });
  }
}
