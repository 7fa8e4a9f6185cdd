import { setTimeout as pause } from 'node:timers/promises';
import type { ControlClient, SimulatorInfo } from '../../../src/simulator/control.ts';
import { SimulatorProcess, type SimulatorProcessOptions } from '../../simulator/simulator-process.ts';
import type { Subject } from '../subject.ts';

/** A simulator that comes back on the same port over what it has written. */
export class RespawnedSimulator implements Subject {
  readonly #options: SimulatorProcessOptions;
  readonly #complain: (finding: string) => void;
  #process: SimulatorProcess;
  #lives = 1;
  /** It was told to end. */
  #isTold = false;

  private constructor(options: SimulatorProcessOptions, process: SimulatorProcess, complain: (finding: string) => void) {
    this.#options = { ...options, port: process.info.address.port };
    this.#complain = complain;
    this.#process = process;
    this.#watch(process);
  }

  static async start(options: SimulatorProcessOptions, complain: (finding: string) => void): Promise<RespawnedSimulator> {
    return new RespawnedSimulator(options, await SimulatorProcess.start(options), complain);
  }

  get info(): SimulatorInfo {
    return this.#process.info;
  }

  /** Of the life that runs now: what it is told while there is none fails. */
  get control(): ControlClient {
    return this.#process.control;
  }

  get life(): { readonly pid: number | undefined; readonly number: number } {
    return { pid: this.#process.pid, number: this.#lives };
  }

  async kill(awayMs: number): Promise<void> {
    this.#isTold = true;
    await this.#process.kill();
    await pause(awayMs);
    await this.#start();
  }

  freeze(): void {
    this.#process.signal('SIGSTOP');
  }

  thaw(): void {
    this.#process.signal('SIGCONT');
  }

  async restart(awayMs: number): Promise<void> {
    this.#isTold = true;
    const exitCode = await this.#process.disconnect();
    if (exitCode !== 0) this.#complain(`the simulator was asked to stop: code ${exitCode}`);
    await pause(awayMs);
    await this.#start();
  }

  async end(): Promise<void> {
    this.#isTold = true;
    this.thaw();
    await this.#process.kill();
  }

  async #start(): Promise<void> {
    this.#process = await SimulatorProcess.start(this.#options);
    this.#lives += 1;
    this.#isTold = false;
    this.#watch(this.#process);
  }

  #watch(process: SimulatorProcess): void {
    const life = this.#lives;
    void process.exited.then((how) => {
      if (this.#isTold) return;
      this.#complain(`the simulator (life ${life}) ended by itself: ${how}`);
      return this.#start();
    });
  }
}
