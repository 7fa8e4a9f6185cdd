import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** Where and when something was measured. */
export interface Machine {
  readonly cpu: string;
  /** Processors that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
  /** ISO date. */
  readonly date: string;
  /** Mean number of runnable processes over the last minute, before anything was measured. */
  readonly loadBefore: number;
}

/** Above this much load for each core, others take part of the machine. */
const BUSY = 0.5;

/** Describes this machine, now. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${distribution()}, ${platform()} ${release()}`,
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** True when other work takes part of the machine, so that figures are worth less. */
export function isBusy({ loadBefore, cores }: Machine): boolean {
  return loadBefore > BUSY * cores;
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? platform();
  } catch {
    return platform();
  }
}
