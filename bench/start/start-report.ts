import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, megabytes, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { ratios, spreadOf } from '../harness/statistics.ts';
import type { RestingMemory } from './memory.ts';
import type { StartSample } from './start-peers.ts';

/** All that the section says. */
export interface StartResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly restSeconds: number;
  readonly databaseVersion: string;
  /** With the time each shall stay within, where there is an aim. */
  readonly starts: readonly (Measured<StartSample> & { readonly aimMs: number | undefined })[];
  readonly memory: readonly RestingMemory[];
}

const START_COLUMNS: readonly Column[] = [
  { heading: 'peer', numeric: false },
  { heading: 'ms', numeric: true },
  { heading: 'times the first', numeric: true },
  { heading: 'aim', numeric: true },
];
const MEMORY_COLUMNS: readonly Column[] = [
  { heading: 'process', numeric: false },
  { heading: 'RSS MB', numeric: true },
  { heading: 'aim', numeric: true },
];

/** @returns the section's text */
export function startReport({ machine, rounds, restSeconds, databaseVersion, starts, memory }: StartResults): string {
  const times = ({ samples }: Measured<StartSample>): number[] => samples.map(({ startMs }) => startMs);
  const reference = starts[0] === undefined ? [] : times(starts[0]);
  const startRows = starts.map((peer) => {
    const spread = spreadOf(times(peer));
    return [peer.name, spreadText(spread), ratioText(ratios(times(peer), reference)), aimText(spread.median, peer.aimMs)];
  });
  const memoryRows = memory.map(({ name, rssBytes, aimBytes }) => [
    name,
    figure(megabytes(rssBytes)),
    aimText(megabytes(rssBytes), aimBytes === undefined ? undefined : megabytes(aimBytes)),
  ]);
  return `## Start

${machineText(machine, [databaseVersion])}

From the start of the process to an authenticated account, with a stored session, against a server that runs already (embedded: the \
program's own simulator starts with it, and PGlite). ${rounds} interleaved round${rounds === 1 ? '' : 's'}; medians, in brackets the least and the most.

${table(START_COLUMNS, startRows)}

Resident memory ${restSeconds} s after the start, nothing asked of them meanwhile; one reading.

${table(MEMORY_COLUMNS, memoryRows)}`;
}

function aimText(value: number, aim: number | undefined): string {
  return aim === undefined ? '' : `≤ ${figure(aim)}: ${value <= aim ? 'met' : '**missed**'}`;
}
