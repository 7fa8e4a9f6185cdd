import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlClient, type SimulatorInfo } from '../../src/simulator/control.ts';

/** What a test may ask of the simulator it starts. */
export interface SimulatorProcessOptions {
  readonly worldPath?: string;
  readonly dataDir: string;
  readonly port?: number;
  readonly ratePerSecond?: number;
  readonly logLevel?: string;
}

/** A simulator in a child process. */
export class SimulatorProcess {
  readonly info: SimulatorInfo;
  readonly control: ControlClient;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, control: ControlClient, info: SimulatorInfo) {
    this.#child = child;
    this.exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | string);
    this.control = control;
    this.info = info;
  }

  /** Starts one and waits until it listens. @throws Error with what it wrote to stderr when it does not */
  static async start(options: SimulatorProcessOptions): Promise<SimulatorProcess> {
    const entry = fileURLToPath(new URL('./simulator-entry.js', import.meta.url));
    const child = fork(entry, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk);
    });
    const control = new ControlClient(child);
    const ended = once(child, 'close').then(() => {
      throw new Error(`the simulator did not start: ${errors}`);
    });
    const info = await Promise.race([control.listening.catch(() => ended), ended]);
    ended.catch(() => {});
    return new SimulatorProcess(child, control, info);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends the process the hard way and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await closed;
  }

  /** Cuts the control channel, upon which the simulator ends by itself. @returns its exit code */
  async disconnect(): Promise<number | null> {
    const closed = once(this.#child, 'exit');
    this.#child.disconnect();
    const [code] = (await closed) as [number | null];
    return code;
  }
}

/** A fresh folder, and what removes it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'vigilia-simulator-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
