import { type Aim, aimText } from '../harness/aim.ts';
import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { percentile, ratios, spreadOf } from '../harness/statistics.ts';
import type { AnalyticsSample } from './analytics.ts';
import type { DedupSample } from './dedup.ts';
import type { PollingSample } from './polling.ts';
import type { PollingPattern } from './timetable.ts';

/** All that the section says. */
export interface StoreResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly servers: readonly string[];
  readonly pattern: PollingPattern;
  readonly polling: {
    readonly measured: readonly Measured<PollingSample>[];
    readonly reference: string;
    readonly vigilia: string;
  };
  /** Round by round, a sample for each size of a batch. */
  readonly dedup: readonly (readonly DedupSample[])[];
  /** Of which the analytics were asked. */
  readonly messages: number;
  /** The first two are the program's. */
  readonly analytics: readonly AnalyticsSample[];
}

const DEDUP_AIM_MS = 0.2;
const LOAD_AIM = 0.05;
const HITS_AIM = 0.75;
const ANALYTICS_AIM_MS = 50;

const column = (heading: string, numeric = true): Column => ({ heading, numeric });
const POLLING_COLUMNS = [
  column('polls by', false),
  column("database's CPU µs a poll"),
  column('ratio'),
  column('waited µs a poll'),
  column('ratio'),
  column('out of Redis, %'),
];
const DEDUP_COLUMNS = [column('messages in a transaction'), column('ms a message'), column('p99 ms a transaction')];
const ANALYTICS_COLUMNS = [column('question', false), column('hours told'), column('p50 ms'), column('p99 ms')];

/** @returns the section's text */
export function storeReport({ machine, rounds, servers, pattern, polling, dedup, messages, analytics }: StoreResults): string {
  const { channels, consumers, pollMs, postMs, spanMs } = pattern;
  const times = rounds === 1 ? '1 round' : `${rounds} interleaved rounds`;
  return `## Store

${machineText(machine, servers)}

### Polling

${figure(channels)} channels, ${consumers} consumers that read the newest 50 messages of each every ${pollMs / 1000} s, and a post in each channel every ${postMs / 1000} s on \
average, as chance has it: ${spanMs / 60_000} minutes of it, done one after the other as fast as it goes, so that no entry grows old meanwhile. Every poll has to give the newest post. \
What the posts themselves cost is taken off. ${times}; medians, in brackets the least and the most.

${table(POLLING_COLUMNS, pollingRows(polling))}

### De-duplication

Messages that are stored already, written again through the program's own transaction, with its commit: how one that comes twice is known. ${times}.

${table(DEDUP_COLUMNS, dedupRows(dedup))}

### Analytics

Messages by channel and hour, of ${messages.toLocaleString('en-US')} messages in a year, on plain PostgreSQL: 50 questions each, channels in turn. The hours have to add up to all messages.

${table(
  ANALYTICS_COLUMNS,
  analytics.map(({ question, hours, tookMs }) => [
    question,
    figure(hours),
    figure(percentile(tookMs, 0.5)),
    figure(percentile(tookMs, 0.99)),
  ]),
)}${aimText(aims(polling, dedup, analytics))}`;
}

function aims(
  { measured, reference, vigilia }: StoreResults['polling'],
  dedup: StoreResults['dedup'],
  analytics: readonly AnalyticsSample[],
): Aim[] {
  const [own, query] = [vigilia, reference].map((wanted) => measured.find(({ name }) => name === wanted)?.samples ?? []) as [
    readonly PollingSample[],
    readonly PollingSample[],
  ];
  const cpu = ({ cpuSeconds }: PollingSample): number => cpuSeconds;
  const [week, year] = analytics;
  return [
    {
      what: "the database's CPU time for polls against a query a poll",
      value: ratios(own.map(cpu), query.map(cpu)).median,
      atMost: LOAD_AIM,
    },
    { what: 'polls that Redis answers', value: spreadOf(own.map(({ hitRate }) => hitRate)).median, atLeast: HITS_AIM },
    {
      what: 'de-duplication of a message, batched',
      value: spreadOf(dedup.map(([batched]) => batched?.perMessageMs ?? Number.NaN)).median,
      atMost: DEDUP_AIM_MS,
      unit: ' ms',
    },
    {
      what: 'a channel by hours of a week, p99',
      value: percentile(week?.tookMs ?? [], 0.99),
      atMost: ANALYTICS_AIM_MS,
      unit: ' ms',
    },
    {
      what: 'a channel by hours of a year, p99',
      value: percentile(year?.tookMs ?? [], 0.99),
      atMost: ANALYTICS_AIM_MS,
      unit: ' ms',
    },
  ];
}

function pollingRows({ measured, reference }: StoreResults['polling']): string[][] {
  const against = measured.find(({ name }) => name === reference)?.samples ?? [];
  const cpu = ({ cpuSeconds, polls }: PollingSample): number => (cpuSeconds * 1e6) / polls;
  const waited = ({ waitedSeconds, polls }: PollingSample): number => (waitedSeconds * 1e6) / polls;
  return measured.map(({ name, samples }) => [
    name,
    spreadText(spreadOf(samples.map(cpu))),
    ratioText(ratios(samples.map(cpu), against.map(cpu))),
    spreadText(spreadOf(samples.map(waited))),
    ratioText(ratios(samples.map(waited), against.map(waited))),
    spreadText(spreadOf(samples.map(({ hitRate }) => hitRate * 100))),
  ]);
}

function dedupRows(dedup: StoreResults['dedup']): string[][] {
  return (dedup[0] ?? []).map(({ batch }, at) => {
    const of = (value: (sample: DedupSample) => number): string =>
      spreadText(spreadOf(dedup.map((round) => value(round[at] as DedupSample))));
    return [figure(batch), of(({ perMessageMs }) => perMessageMs), of(({ batchP99Ms }) => batchP99Ms)];
  });
}
