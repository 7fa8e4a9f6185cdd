import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from './cleanup.ts';

/** Ends a process the hard way and waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/**
 * Starts one of our own modules as a process with an IPC channel; it ends with the benchmark at the latest.
 * @param module its URL
 * @param input what it is to do, as its only argument
 */
export function startChild(module: URL, input: unknown, execArgv: readonly string[] = []): ChildProcess {
  const child = fork(fileURLToPath(module), [JSON.stringify(input)], {
    // The results are what stdout is for.
    stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    execArgv: [...execArgv],
  });
  const forget = atEnd(() => kill(child));
  child.once('exit', () => void forget());
  return child;
}

/** Runs a module as a process and returns the one thing it sends. @throws Error when it ends without */
export async function resultOf<Result>(module: URL, input: unknown, execArgv: readonly string[] = []): Promise<Result> {
  const child = startChild(module, input, execArgv);
  const result = await new Promise<Result>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Result));
    child.once('exit', (code, signal) => reject(new Error(`${module.pathname} ended without a result (${signal ?? code})`)));
  });
  await kill(child);
  return result;
}

/** The other side of {@link startChild}: what the process was asked for. */
export function childInput<Input>(): Input {
  return JSON.parse(process.argv[2] ?? '{}') as Input;
}

/** Sends a message to whoever started this process. */
export function tellParent(message: unknown): void {
  process.send?.(message);
}
