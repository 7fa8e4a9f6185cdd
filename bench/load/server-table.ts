import { type Column, figure, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { percentile, ratios, spreadOf } from '../harness/statistics.ts';
import type { ServerSample } from './measure-server.ts';

/** Servers under the same load. */
export interface ServerTable {
  readonly measured: readonly Measured<ServerSample>[];
  /** Whom the ratio is against. */
  readonly reference: string;
  readonly perSecond: number;
  /** The parts whose CPU time is told, in order, with their headings. */
  readonly parts: Readonly<Record<string, string>>;
}

/** @returns requests/s and their ratio, latencies at saturation and at the steady rate, and CPU time of each part, a server a row */
export function serverTable({ measured, reference, perSecond, parts }: ServerTable): string {
  const columns: Column[] = [
    { heading: 'server', numeric: false },
    ...['requests/s', 'ratio', 'p99 ms', `at ${figure(perSecond)}/s: p50 ms`, 'p99 ms', 'worst ms'].map(number),
    ...Object.values(parts).map((part) => number(`${part} CPU µs`)),
    number('all CPU, ratio'),
  ];
  const against = measured.find(({ name }) => name === reference)?.samples ?? [];
  const rows = measured.map(({ name, samples }) => {
    const at = (of: (sample: ServerSample) => number): string => spreadText(spreadOf(samples.map(of)));
    return [
      name,
      at((sample) => sample.perSecond),
      ratioOf(samples, against, (sample) => sample.perSecond),
      at(({ saturatedMs }) => percentile(saturatedMs, 0.99)),
      at(({ steadyMs }) => percentile(steadyMs, 0.5)),
      at(({ steadyMs }) => percentile(steadyMs, 0.99)),
      at(({ steadyMs }) => percentile(steadyMs, 1)),
      ...Object.keys(parts).map((part) => at(({ cpuMicros }) => cpuMicros[part] ?? Number.NaN)),
      // Requests for the same CPU time: what the ratio would be where the machine is all that limits both.
      ratioOf(samples, against, (sample) => 1 / servedMicros(sample)),
    ];
  });
  return table(columns, rows);
}

/** @returns the median of a server's requests/s against another's, round by round; NaN where one of them was not measured */
export function ratioBetween(measured: readonly Measured<ServerSample>[], name: string, reference: string): number {
  const [own, other] = [name, reference].map((wanted) => measured.find((one) => one.name === wanted)?.samples ?? []);
  if (!own?.length || own.length !== other?.length) return Number.NaN;
  return ratios(
    own.map((sample) => sample.perSecond),
    other.map((sample) => sample.perSecond),
  ).median;
}

/** @returns the median over rounds of a server's p99 at the steady rate, in ms; NaN where it was not measured */
export function steadyP99(measured: readonly Measured<ServerSample>[], name: string): number {
  const samples = measured.find((one) => one.name === name)?.samples ?? [];
  return spreadOf(samples.map(({ steadyMs }) => percentile(steadyMs, 0.99))).median;
}

/** What a request costs the server and its servers, without what the generator costs. */
function servedMicros({ cpuMicros }: ServerSample): number {
  return Object.entries(cpuMicros).reduce(
    (sum, [part, micros]) => (part === 'load' || Number.isNaN(micros) ? sum : sum + micros),
    0,
  );
}

function ratioOf(
  samples: readonly ServerSample[],
  against: readonly ServerSample[],
  of: (sample: ServerSample) => number,
): string {
  return samples.length === against.length && samples.length > 0 ? ratioText(ratios(samples.map(of), against.map(of))) : '–';
}

function number(heading: string): Column {
  return { heading, numeric: true };
}
