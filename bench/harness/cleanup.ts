type Undo = () => unknown;

const undos = new Set<Undo>();
let isInterrupted = false;

/** Signals that end a benchmark, and the exit codes a shell gives them. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Has something undone at the end, however that comes: a process ended, a folder removed.
 * @returns undoes it now, once
 * @throws Error when the benchmark was interrupted: then it is undone already
 */
export function atEnd(undo: Undo): () => Promise<void> {
  if (isInterrupted) {
    undo();
    throw new Error('the benchmark was interrupted');
  }
  undos.add(undo);
  return async () => {
    if (undos.delete(undo)) await undo();
  };
}

/** Undoes everything, the latest first. What fails does not keep the rest. */
export async function cleanUp(): Promise<void> {
  for (let latest = [...undos].at(-1); latest !== undefined; latest = [...undos].at(-1)) {
    undos.delete(latest);
    try {
      await latest();
    } catch (error) {
      process.stderr.write(`bench: could not clean up: ${(error as Error).message}\n`);
    }
  }
}

/**
 * Does the work and cleans up after it. A signal ends it early: what the work then meets, with its processes ended under it, is nobody's concern.
 * @returns what the work returns, or the signal's exit code
 */
export async function withCleanUp(work: () => Promise<number>): Promise<number> {
  // Where all that is waited for is a timer that keeps nobody alive, Node would end here, with everything undone.
  const awake = setInterval(() => {}, 60_000);
  const interrupted = new Promise<number>((resolve) => {
    for (const [signal, exitCode] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        isInterrupted = true;
        process.stderr.write(`bench: ${signal}, cleaning up\n`);
        resolve(exitCode);
      });
    }
  });
  try {
    return await Promise.race([work(), interrupted]);
  } finally {
    await cleanUp();
    clearInterval(awake);
  }
}
