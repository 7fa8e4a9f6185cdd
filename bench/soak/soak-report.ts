import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, megabytes, spreadText, table } from '../harness/report.ts';
import { median, spreadOf } from '../harness/statistics.ts';
import type { Growth } from './growth.ts';

/** What is done, and for how long. */
export interface SoakOptions {
  readonly minutes: number;
  /** Posts, and reads over HTTP, a second. */
  readonly posts: number;
  readonly reads: number;
}

/** A process that worked all the while. Memory in bytes, as often as it was looked at. */
export interface SoakedProcess {
  readonly name: 'worker' | 'gateway';
  readonly idleRssBytes: number;
  readonly loadedRssBytes: readonly number[];
  readonly restedRssBytes: number;
  /** Of the heap, all garbage taken out. */
  readonly usedBytes: readonly number[];
  /** Of the heap, with what V8 keeps for later. */
  readonly totalBytes: readonly number[];
  /** Whether what is in use grows: this decides. */
  readonly heap: Growth;
  /** What the system gave follows only in part. */
  readonly rss: Growth;
}

/** What was done, all of it with its outcome. */
export interface SoakWork {
  readonly posts: number;
  readonly reads: number;
  readonly jobs: number;
}

/** All that the section says. */
export interface SoakResults {
  readonly machine: Machine;
  readonly options: SoakOptions;
  readonly servers: readonly string[];
  /** Share of the time that does not count. */
  readonly warmUp: number;
  readonly processes: readonly SoakedProcess[];
  readonly work: SoakWork;
}

/** How much larger a heap in use may be at the end than after the warm-up, in bytes: histories and figures of actors fill slowly. */
export const ALLOWED_BYTES = 3e6;

const column = (heading: string, numeric = true): Column => ({ heading, numeric });
const COLUMNS = [
  column('process', false),
  column('RSS MB at rest before'),
  column('under load'),
  column('at rest after'),
  column('heap in use MB'),
  column('heap taken MB'),
  column('heap in use grows, KB a minute'),
  column('tau'),
  column('RSS grows, KB a minute'),
];

/** @returns the section's text */
export function soakReport({ machine, options, servers, warmUp, processes, work }: SoakResults): string {
  const { minutes, posts, reads } = options;
  const rows = processes.map(({ name, idleRssBytes, loadedRssBytes, restedRssBytes, usedBytes, totalBytes, heap, rss }) => [
    name,
    figure(megabytes(idleRssBytes)),
    spreadText(spreadOf(loadedRssBytes.map(megabytes))),
    figure(megabytes(restedRssBytes)),
    spreadText(spreadOf(usedBytes.map(megabytes))),
    figure(megabytes(median(totalBytes))),
    `${figure(heap.bytesPerMinute / 1e3)}${heap.isGrowing ? ' (**grows**)' : ''}`,
    figure(heap.tau),
    figure(rss.bytesPerMinute / 1e3),
  ]);
  return `## Soak

${machineText(machine, servers)}

A worker and a gateway over PostgreSQL and Redis for ${figure(minutes)} minutes: ${figure(posts)} posts a second at the simulator, which a subscriber of events hears; ${figure(reads)} reads a second \
of channels that change all the while; a job that asks Telegram for the channels every five seconds. ${work.posts.toLocaleString('en-US')} posts, ${work.reads.toLocaleString('en-US')} reads and ${work.jobs} jobs, and every one came to its \
end. Every five seconds the resident memory is read, then all garbage collected, and the heap read. Medians, in brackets the least and the most. A process grows where the heap in use, after the first \
${Math.round(warmUp * 100)} % of the time, rises by more than ${figure(ALLOWED_BYTES / 1e6)} MB in all (the median of the slopes between all pairs of readings), and does so steadily (Kendall's tau of 0.5): then the run fails. \
At ${figure(minutes)} minutes that finds ${figure(ALLOWED_BYTES / 1e3 / (minutes * (1 - warmUp)))} KB a minute; smaller leaks take \`--minutes\`.

${table(COLUMNS, rows)}`;
}
