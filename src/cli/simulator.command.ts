import { parseArgs } from 'node:util';
import { systemClock, systemRandom } from '../clock.ts';
import { VigiliaError } from '../errors.ts';
import { createLog, createReadableLog, LOG_LEVELS, type LogLevel } from '../log.ts';
import { inWords } from '../simulator/control.ts';
import { refuseControl, serveControl, startSimulator } from '../simulator/simulator.ts';
import { EXIT } from './exit-codes.ts';
import { serveLines } from './simulator-lines.ts';
import { onStopSignals } from './stop-signals.ts';
import { say } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** How many accounts are named at the start. */
const NAMED = 20;

/** `vigilia simulator`. @returns the exit code */
export async function runSimulator(args: readonly string[]): Promise<number> {
  const options = parseSimulatorArgs(args);
  const log = process.stdout.isTTY ? await createReadableLog(options.logLevel) : createLog(options.logLevel);
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
    } else onStopSignals(['SIGTERM', 'SIGINT'], close);
  });
  if (!process.send) {
    const { host, port } = running.address;
    say(`simulator: ${host}:${port}, public key ${running.publicKeyFile}`);
    for (const account of running.accounts.slice(0, NAMED)) say(`account: ${inWords(account)}`);
    if (running.accounts.length > NAMED) say(`and ${running.accounts.length - NAMED} more accounts`);
    if (options.control) serveLines(running, process.stdin, say);
  }
  await stopped;
  return EXIT.ok;
}

function parseSimulatorArgs(args: readonly string[]) {
  const text = { type: 'string' } as const;
  let values: Partial<Record<'world' | 'port' | 'data' | 'rate' | 'log-level', string>> & { control?: boolean };
  try {
    const options = { world: text, port: text, data: text, rate: text, 'log-level': text, control: { type: 'boolean' } as const };
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
    control: values.control === true,
  };
}

function numberArg(name: string, value: string | undefined, most: number, whole: boolean): number {
  const number = Number(value ?? 0);
  if (value?.trim() === '' || !(number >= 0 && number <= most) || (whole && !Number.isInteger(number))) {
    throw new UsageError(`${name} is a ${whole ? 'whole ' : ''}number from 0 to ${most}, not ${value}`);
  }
  return number;
}
