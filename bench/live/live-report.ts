import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { percentile, spreadOf } from '../harness/statistics.ts';
import type { PushSample } from './push.ts';
import type { TakeoverSample } from './takeover.ts';

/** All that the section says. */
export interface LiveResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly databaseVersion: string;
  readonly databaseSettings: string;
  /** Of each peer, round by round, a sample for each rate. */
  readonly push: readonly Measured<readonly PushSample[]>[];
  readonly takeovers: readonly TakeoverSample[];
}

/** Requirement, up to this rate. */
const AIM_RATE = 500;
const AIM_P50_MS = 10;
const AIM_P99_MS = 50;
const TAKEOVER_AIM_MS = 2_000;

const PUSH_COLUMNS: readonly Column[] = [
  { heading: 'program', numeric: false },
  { heading: 'posts/s', numeric: true },
  { heading: 'kept up with', numeric: true },
  { heading: 'p50 ms', numeric: true },
  { heading: 'p99 ms', numeric: true },
  { heading: 'worst ms', numeric: true },
  { heading: 'aim', numeric: false },
];
const TAKEOVER_COLUMNS: readonly Column[] = [
  { heading: 'after `kill -9`', numeric: false },
  { heading: 'ms', numeric: true },
  { heading: 'aim', numeric: false },
];

/** @returns the section's text */
export function liveReport(results: LiveResults): string {
  const { machine, rounds, seconds, databaseVersion, databaseSettings, push, takeovers } = results;
  const pushRows = push.flatMap(({ name, samples }) => {
    const rates = samples[0]?.map(({ ratePerSecond }) => ratePerSecond) ?? [];
    return rates.map((rate, at) =>
      pushRow(
        name,
        rate,
        samples.map((round) => round[at] as PushSample),
      ),
    );
  });
  const kills =
    takeovers.length === 0
      ? ''
      : `

A worker over PostgreSQL is killed and started again in its home at once; meanwhile twenty posts are made. Caught up: all of them have come to a \
subscriber of a gateway that ran on. ${takeovers.length} kill${takeovers.length === 1 ? '' : 's'}.

${table(TAKEOVER_COLUMNS, [
  ['authenticated', spreadText(spreadOf(takeovers.map(({ authenticatedMs }) => authenticatedMs))), ''],
  takeoverRow(takeovers.map(({ caughtUpMs }) => caughtUpMs)),
])}`;
  return `## Live

${machineText(machine, [`${databaseVersion} (${databaseSettings})`])}

From the moment the simulator posts a message of 200 characters, over MTProto, the database's commit and the sequencer, to a subscriber of \
\`GET …/events\` that has parsed the event: all of it between processes on one machine. Two channels, ${seconds} s at each rate after a second of warm-up, \
${rounds} round${rounds === 1 ? '' : 's'}; medians of the rounds, in brackets the least and the most. Every post came, in order; a run in which one does not fails.

${table(PUSH_COLUMNS, pushRows)}${kills}`;
}

function pushRow(name: string, rate: number, samples: readonly PushSample[]): string[] {
  const at = (share: number) => spreadOf(samples.map(({ latenciesMs }) => percentile(latenciesMs, share)));
  const [p50, p99, worst] = [at(0.5), at(0.99), at(1)];
  const kept = spreadOf(samples.map(({ postedPerSecond }) => postedPerSecond));
  const isMet = p50.median <= AIM_P50_MS && p99.median <= AIM_P99_MS;
  const aim = rate > AIM_RATE ? '' : `≤ ${AIM_P50_MS} and ≤ ${AIM_P99_MS}: ${isMet ? 'met' : '**missed**'}`;
  return [name, figure(rate), figure(kept.median), spreadText(p50), spreadText(p99), spreadText(worst), aim];
}

function takeoverRow(caughtUpMs: readonly number[]): string[] {
  const spread = spreadOf(caughtUpMs);
  return [
    'caught up',
    spreadText(spread),
    `≤ ${figure(TAKEOVER_AIM_MS)}: ${spread.median <= TAKEOVER_AIM_MS ? 'met' : '**missed**'}`,
  ];
}
