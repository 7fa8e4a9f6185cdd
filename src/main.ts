#!/usr/bin/env node
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock, systemRandom } from './clock.ts';
import { type Config, ConfigError, describeConfig, readConfig } from './config.ts';
import { causeChain, reasonBehind, VigiliaError } from './errors.ts';
import { createLog, LOG_LEVELS, type Log, type LogLevel } from './log.ts';
import type { Program } from './program.ts';

/** Exit codes, from sysexits.h where it has one. */
const EXIT = { ok: 0, failed: 1, usage: 64, tempfail: 75, config: 78, interrupted: 130 } as const;
/** A stop that has not ended by then is ended by force, in ms: what is in hand is queued again by the next start. */
const STOP_DEADLINE_MS = 40_000;

const HELP = `vigilia: an always-on Telegram gateway

  vigilia start                 runs what VIGILIA_ROLE says (default: all)
  vigilia config                prints the effective configuration, secrets masked
  vigilia simulator [options]   runs the Telegram simulator alone
      --world PATH              a Telegram Desktop export or a folder of them (default: the built-in demo world)
      --port N                  where to listen on 127.0.0.1 (default: any free port)
      --data DIR                where its keys and posts are kept (default: ./data/simulator)
      --rate N                  posts per second (default: 0)
      --log-level LEVEL         ${LOG_LEVELS.join(', ')} (default: info)
  vigilia version
  vigilia help

The environment configures it; a file .env in the working directory is read too. README.md has the table.
`;

const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs one command. Each loads what it needs and no more: the simulator is up sooner without the program, help without either. @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const [command = 'help', ...rest] = args;
  switch (command) {
    case 'start':
      takesNothing(command, rest);
      return start();
    case 'config':
      takesNothing(command, rest);
      say(describeConfig(configuration()));
      return EXIT.ok;
    case 'simulator':
      return simulator(rest);
    case 'version':
    case '--version':
      say(version);
      return EXIT.ok;
    case 'help':
    case '--help':
    case '-h':
      say(HELP);
      return EXIT.ok;
    default:
      complain(`vigilia: there is no command ${command}\n\n${HELP}`);
      return EXIT.usage;
  }
}

function takesNothing(command: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UsageError(`${command} takes no arguments, so ${rest.join(' ')} means nothing to it`);
}

function configuration(): Config {
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

async function start(): Promise<number> {
  const config = configuration();
  const log = createLog(config.logLevel, process.stdout.isTTY);
  let program: Program | undefined;
  let asked = false;
  let fatal = false;
  const stop = (why: string): void => {
    log.info({ why }, 'stopping');
    setTimeout(() => {
      log.fatal({}, 'the stop took too long; ending by force');
      process.exit(EXIT.failed);
    }, STOP_DEADLINE_MS).unref();
    asked = true;
    void program?.stop();
  };
  onSignals(stop);
  onStray(log, () => {
    if (fatal) return;
    fatal = true;
    stop('a failure that no actor owns');
  });
  const { startProgram } = await import('./program.ts');
  program = await startProgram(config, { version, pid: process.pid, entry: fileURLToPath(import.meta.url) }, log);
  // A stop that was asked for before there was anything to stop.
  if (asked) void program.stop();
  let up = false;
  program.started.then(
    () => {
      up = true;
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

async function simulator(args: readonly string[]): Promise<number> {
  const options = parseSimulatorArgs(args);
  const { refuseControl, serveControl, startSimulator } = await import('./simulator/simulator.ts');
  const log = createLog(options.logLevel, process.stdout.isTTY);
  const running = await startSimulator({ ...options, host: '127.0.0.1', clock: systemClock, random: systemRandom, log }).catch(
    async (error: unknown) => {
      if (error instanceof VigiliaError && process.send) await refuseControl(error, process);
      throw error;
    },
  );
  const stopped = new Promise<void>((resolve, reject) => {
    const close = (): void => void running.close().then(resolve, reject);
    if (process.send) {
      // A terminal interrupts the whole group: then the parent decides when it is this one's turn.
      process.on('SIGINT', () => {});
      process.on('SIGTERM', close);
      serveControl(running, process).then(resolve, reject);
    } else onSignals(close);
  });
  if (!process.send) {
    const { host, port } = running.address;
    say(`simulator: ${host}:${port}, public key ${running.publicKeyFile}`);
    for (const { phone, code } of running.accounts) say(`account: phone ${phone}, code ${code}`);
  }
  await stopped;
  return EXIT.ok;
}

function parseSimulatorArgs(args: readonly string[]) {
  const text = { type: 'string' } as const;
  let values: Partial<Record<'world' | 'port' | 'data' | 'rate' | 'log-level', string>>;
  try {
    const options = { world: text, port: text, data: text, rate: text, 'log-level': text };
    values = parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const logLevel = values['log-level'] ?? 'info';
  if (!(LOG_LEVELS as readonly string[]).includes(logLevel))
    throw new UsageError(`--log-level is one of ${LOG_LEVELS.join(', ')}`);
  return {
    worldPath: values.world,
    dataDir: values.data ?? './data/simulator',
    port: numberArg('--port', values.port, 65_535, true),
    ratePerSecond: numberArg('--rate', values.rate, 1_000, false),
    logLevel: logLevel as LogLevel,
  };
}

function numberArg(name: string, value: string | undefined, most: number, whole: boolean): number {
  const number = Number(value ?? 0);
  if (value?.trim() === '' || !(number >= 0 && number <= most) || (whole && !Number.isInteger(number))) {
    throw new UsageError(`${name} is a ${whole ? 'whole ' : ''}number from 0 to ${most}, not ${value}`);
  }
  return number;
}

class UsageError extends Error {}

/** The first signal asks for a stop, the second ends the process at once. */
function onSignals(stop: (why: string) => void): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT.interrupted);
      asked = true;
      stop(signal);
    });
  }
}

/**
 * Failures that reached nobody. GramJS lets some go when a connection breaks; its connection notices by itself.
 * Any other means that the program is not what it believes to be: it stops in order, and whoever watches it starts it anew.
 */
function onStray(log: Log, giveUp: () => void): void {
  process.on('unhandledRejection', (error) => {
    if (isGramJs(error)) {
      log.warn({ causes: causeChain(error) }, 'a rejection inside the Telegram client library');
      return;
    }
    log.fatal({ err: error, causes: causeChain(error) }, 'an unhandled rejection');
    giveUp();
  });
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error, causes: causeChain(error) }, 'an uncaught exception');
    giveUp();
  });
}

/** True when it was thrown there, be it by way of Node's own modules. What only passes through GramJS is ours. */
function isGramJs(error: unknown): boolean {
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  const thrownAt = frames.find((frame) => !/\bnode:/.test(frame));
  return thrownAt !== undefined && /node_modules[\\/]telegram[\\/]/.test(thrownAt);
}

/** The innermost reason: it says what to do. */
function reasonOf(error: VigiliaError): string {
  const reason = reasonBehind(error);
  return `${reason.message} [${reason.code}]`;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof UsageError) {
      complain(`vigilia: ${error.message}\n\n${HELP}`);
      process.exit(EXIT.usage);
    }
    if (error instanceof ConfigError) {
      complain(error.message);
      process.exit(EXIT.config);
    }
    const known = error instanceof VigiliaError;
    complain(`vigilia: ${known ? reasonOf(error) : error instanceof Error ? error.stack : String(error)}`);
    process.exit(known && error.code === 'CONFIG_INVALID' ? EXIT.config : EXIT.failed);
  },
);
