import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, megabytes, table } from '../harness/report.ts';

/** One worker with so many idle accounts. */
export interface AccountsSample {
  readonly accounts: number;
  readonly rssBytes: number;
  /** Of one core, at rest. */
  readonly cpuShare: number;
  /** From kill -9 to all authenticated again, the new process's start and its simulator's among it. */
  readonly againMs: number;
}

/** All that the section says. */
export interface AccountsResults {
  readonly machine: Machine;
  readonly restSeconds: number;
  /** By number of accounts, ascending. */
  readonly samples: readonly AccountsSample[];
}

/** Requirements: memory of each further account, and how soon so many are back. */
const ACCOUNT_AIM_MB = 3;
const BACK_AIM = { accounts: 100, ms: 30_000 };

const COLUMNS: readonly Column[] = [
  { heading: 'accounts', numeric: true },
  { heading: 'RSS MB', numeric: true },
  { heading: 'MB each further account', numeric: true },
  { heading: 'CPU at rest, % of a core', numeric: true },
  { heading: 'ms from kill -9 to all authenticated', numeric: true },
];

/** @returns the section's text */
export function accountsReport({ machine, restSeconds, samples }: AccountsResults): string {
  const [least] = samples;
  const rows = samples.map((sample) => {
    const further = least === undefined ? Number.NaN : perAccountMb(least, sample);
    const aim = Number.isNaN(further) ? '–' : `${figure(further)} (≤ ${ACCOUNT_AIM_MB}: ${verdict(further <= ACCOUNT_AIM_MB)})`;
    const back = figure(sample.againMs);
    const isAimed = sample.accounts === BACK_AIM.accounts;
    return [
      String(sample.accounts),
      figure(megabytes(sample.rssBytes)),
      aim,
      figure(sample.cpuShare * 100),
      isAimed ? `${back} (≤ ${figure(BACK_AIM.ms)}: ${verdict(sample.againMs <= BACK_AIM.ms)})` : back,
    ];
  });
  return `## Accounts

${machineText(machine, [])}

One process with everything embedded and so many idle accounts, each with its own lease, connection, box and consumer. Resident memory ${restSeconds} s after all \
were authenticated with stored sessions, CPU time over the ${restSeconds} s after that; the simulator, a process of its own, is not in it. One run each.

${table(COLUMNS, rows)}`;
}

function perAccountMb(least: AccountsSample, sample: AccountsSample): number {
  const more = sample.accounts - least.accounts;
  return more === 0 ? Number.NaN : megabytes(sample.rssBytes - least.rssBytes) / more;
}

function verdict(isMet: boolean): string {
  return isMet ? 'met' : '**missed**';
}
