import { existsSync, readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Config, readConfig } from '../config.ts';
import { VigiliaError } from '../errors.ts';

/** What the process was started with, before anything else is taken for a part of it. */
const given = { ...process.env };

/**
 * The configuration, from the environment and a file `.env` in the working directory, both as they are at the moment.
 * @throws ConfigError, CONFIG_INVALID
 */
export function configuration(): Config {
  return readConfig({ ...dotEnv(), ...given }, (path) => readFileSync(path, 'utf8'), existsSync);
}

/** What is set already is not overridden. A folder of that name is somebody else's. */
function dotEnv(): Record<string, string | undefined> {
  if (statSync('.env', { throwIfNoEntry: false })?.isFile() !== true) return {};
  try {
    return parseEnv(readFileSync('.env', 'utf8'));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new VigiliaError('CONFIG_INVALID', `the file .env cannot be read (${code}): check its owner and mode`, { cause });
  }
}
