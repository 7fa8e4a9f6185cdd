import { aimText } from '../harness/aim.ts';
import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { ratios, spreadOf } from '../harness/statistics.ts';
import type { LoadPlan, ServerSample } from '../load/measure-server.ts';
import { ratioBetween, serverTable, steadyP99 } from '../load/server-table.ts';
import type { EmptyJobsSample } from './empty-jobs.ts';

/** Samples, and the names of those that the aims compare. */
interface Compared<Sample> {
  readonly measured: readonly Measured<Sample>[];
  readonly reference: string;
  readonly vigilia: string;
}

/** All that the section says. */
export interface JobsResults {
  readonly machine: Machine;
  readonly plan: LoadPlan;
  readonly rounds: number;
  readonly servers: readonly string[];
  readonly accept: Compared<ServerSample>;
  readonly empty: Compared<EmptyJobsSample> & { readonly adding: number };
}

const ACCEPT_RATIO_AIM = 0.8;
const ACCEPT_P99_AIM_MS = 10;
const EMPTY_RATIO_AIM = 0.3;

const EMPTY_COLUMNS: readonly Column[] = [
  { heading: 'runner', numeric: false },
  { heading: 'jobs/s', numeric: true },
  { heading: 'ratio', numeric: true },
  { heading: 'its CPU µs a job', numeric: true },
  { heading: "its server's CPU µs a job", numeric: true },
];

/** @returns the section's text */
export function jobsReport(results: JobsResults): string {
  const { machine, plan, rounds, servers, accept, empty } = results;
  const { connections, seconds, perSecond, warmUpSeconds } = plan;
  const speed = ({ jobs, seconds: took }: EmptyJobsSample): number => jobs / took;
  const against = empty.measured.find(({ name }) => name === empty.reference)?.samples ?? [];
  const rows = empty.measured.map(({ name, samples }) => [
    name,
    spreadText(spreadOf(samples.map(speed))),
    ratioText(ratios(samples.map(speed), against.map(speed))),
    spreadText(spreadOf(samples.map(({ cpuSeconds, jobs }) => (cpuSeconds * 1e6) / jobs))),
    spreadText(spreadOf(samples.map(({ serverCpuSeconds, jobs }) => (serverCpuSeconds * 1e6) / jobs))),
  ]);
  const emptyRatio = ratios(
    (empty.measured.find(({ name }) => name === empty.vigilia)?.samples ?? []).map(speed),
    against.map(speed),
  ).median;
  return `## Jobs

${machineText(machine, servers)}

### Accepting

\`POST …/sync-messages\` over ${connections} connections, each request to be a job. First as fast as each is answered (${seconds} s after ${warmUpSeconds} s of \
warm-up), then ${figure(perSecond)} a second for ${seconds} s, evenly, each timed from when it was due. ${rounds} interleaved round${rounds === 1 ? '' : 's'}, each with a fresh process \
and an empty database; medians, in brackets the least and the most. Nobody runs the jobs. Afterwards as many have to be stored as were accepted. With PostgreSQL and with \
\`appendfsync always\` an accepted job is on the disk before the answer; with \`everysec\` a power cut takes up to a second of them.

${serverTable({ measured: accept.measured, reference: accept.reference, perSecond, parts: { server: 'server', database: 'database', load: 'generator' } })}${aimText(
  [
    {
      what: 'requests/s against BullMQ synced always',
      value: ratioBetween(accept.measured, accept.vigilia, accept.reference),
      atLeast: ACCEPT_RATIO_AIM,
    },
    {
      what: `p99 at ${figure(perSecond)}/s`,
      value: steadyP99(accept.measured, accept.vigilia),
      atMost: ACCEPT_P99_AIM_MS,
      unit: ' ms',
    },
  ],
)}

### Empty jobs, from accepted to done

Jobs whose work is nothing, ${empty.adding} submissions at a time, from the first submission to the end of the last job, submitted and run in one process without HTTP. Ours \
go through everything that a real one goes through but Telegram: intake, dispatcher, broker, claim, runner, completion with its event, and the event's place in the stream. Every \
job has to be stored as completed.

${table(EMPTY_COLUMNS, rows)}${aimText([{ what: 'jobs/s against BullMQ synced always', value: emptyRatio, atLeast: EMPTY_RATIO_AIM }])}`;
}
