import type { LoadInput } from './load-generator.ts';
import { type LoadReport, startLoad } from './load-generator.ts';

/** CPU seconds that the server's parts have used so far, by name. */
export type CpuMeter = () => Promise<Readonly<Record<string, number>>>;

/** How a server is asked. */
export interface LoadPlan {
  readonly connections: number;
  /** Of each of the two loads. */
  readonly seconds: number;
  /** Of the load that is not counted. */
  readonly warmUpSeconds: number;
  /** Of the second load. */
  readonly perSecond: number;
}

/** A server under load. */
export interface ServerSample {
  /** Of all loads, the warm-up included. */
  readonly answered: number;
  /** At saturation. */
  readonly perSecond: number;
  readonly saturatedMs: readonly number[];
  /** At the steady rate, from when each was due. */
  readonly steadyMs: readonly number[];
  /** µs of CPU a request at saturation, by part, the generator's own as `load`. */
  readonly cpuMicros: Readonly<Record<string, number>>;
}

/** Asks a server as fast as it answers, then at a steady rate. @throws Error when an answer is not as expected */
export async function measureServer(input: Omit<LoadInput, 'connections'>, plan: LoadPlan, cpu: CpuMeter): Promise<ServerSample> {
  const load = await startLoad({ ...input, connections: plan.connections });
  try {
    const warmUp = await load.run({ seconds: plan.warmUpSeconds });
    const before = await cpu();
    const saturated = await load.run({ seconds: plan.seconds });
    const after = await cpu();
    const steady = await load.run({ seconds: plan.seconds, perSecond: plan.perSecond });
    const micros = (seconds: number): number => (seconds * 1e6) / saturated.answered;
    const parts = Object.entries(after).map(([name, seconds]) => [name, micros(seconds - (before[name] ?? 0))] as const);
    return {
      answered: sum([warmUp, saturated, steady]),
      perSecond: saturated.answered / saturated.seconds,
      saturatedMs: saturated.latenciesMs,
      steadyMs: steady.latenciesMs,
      cpuMicros: { ...Object.fromEntries(parts), load: micros(saturated.cpuSeconds) },
    };
  } finally {
    await load.stop();
  }
}

function sum(reports: readonly LoadReport[]): number {
  return reports.reduce((all, { answered }) => all + answered, 0);
}
