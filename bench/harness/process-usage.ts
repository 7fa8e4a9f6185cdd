import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a process has used and holds, all its threads together. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** The most it ever held; NaN where the system does not say. */
  readonly peakRssBytes: number;
}

/** Clock ticks per second in `/proc`: a constant of Linux's interface. */
const TICKS = 100;

/**
 * Reads a process's usage from outside: from `/proc`, or from `ps` where there is none.
 * @throws Error when there is no such process
 */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  if (process.platform === 'linux') return usageFromProc(pid);
  const { stdout } = await run('ps', ['-o', 'time=,rss=', '-p', String(pid)]);
  const match = /^\s*(?:(\d+)-)?(?:(\d+):)?(\d+):([\d.]+)\s+(\d+)/.exec(stdout);
  if (match === null) throw new Error(`process ${pid} is gone`);
  const [days, hours, minutes, seconds, kilobytes] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const cpuSeconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
  return { cpuSeconds, rssBytes: kilobytes * 1024, peakRssBytes: Number.NaN };
}

function usageFromProc(pid: number): ProcessUsage {
  // The second field is a name in brackets that may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
  return {
    // utime and stime, fields 14 and 15 of proc(5).
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    rssBytes: kilobytes('VmRSS') * 1024,
    peakRssBytes: kilobytes('VmHWM') * 1024,
  };
}

/**
 * CPU seconds of a server and its workers, those that ended included: what a PostgreSQL uses.
 * @returns NaN where there is no `/proc`
 */
export function cpuSecondsOfFamily(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  let ticks = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const fields = readFileSync(`/proc/${entry}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (Number(entry) === pid) ticks += [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
      else if (Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended while we looked.
    }
  }
  return ticks / TICKS;
}

/** @returns the processes that a process started and that still run */
export async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child as number);
}
