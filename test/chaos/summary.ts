import { type MemorySample, memoryInWords } from './memory.ts';
import type { ChaosOptions } from './options.ts';
import type { Fault } from './plan.ts';
import type { Recovery } from './recoveries.ts';
import type { Subscriber } from './subscriber.ts';

/** What a run has come to. */
export interface Outcome {
  readonly options: ChaosOptions;
  readonly servers: readonly string[];
  readonly stormMs: number;
  readonly calmMs: number;
  readonly faults: readonly Fault[];
  readonly recoveries: readonly Recovery[];
  readonly outcomes: ReadonlyMap<string, number>;
  /** What clients were answered, by status. */
  readonly answers: ReadonlyMap<string, number>;
  readonly heedsKeys: boolean;
  readonly happened: number;
  readonly compared: number;
  readonly events: number;
  readonly subscribers: readonly Subscriber[];
  readonly reports: number;
  readonly memory: readonly MemorySample[];
  readonly findings: readonly string[];
}

/** @returns the summary that a run prints */
export function inWords(outcome: Outcome): string {
  const { options, servers, stormMs, calmMs, faults, outcomes, answers, happened, compared, events, subscribers } = outcome;
  const jobs = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const resumes = subscribers.map(
    ({ name, heard, resumes, repeated }) => `${name} ${heard.size} (${resumes} resumes, ${repeated} again)`,
  );
  return [
    `chaos: seed ${options.seed}, ${seconds(stormMs)} of ${options.isCalm ? 'load' : 'faults'}, ${seconds(calmMs)} until all was quiet; servers: ${servers.join(', ')}`,
    `faults: ${faults.length}, ${faults.filter(({ pairedWith }) => pairedWith !== null).length} of them in pairs`,
    ...table(outcome.recoveries, faults),
    `answers: ${counted(answers)}${outcome.heedsKeys ? '; idempotency keys heeded' : ''}`,
    `jobs: ${jobs} accepted: ${counted(outcomes)}`,
    `messages: ${happened} happenings, ${compared} messages compared with the world`,
    `events: ${events}; subscribers: ${resumes.join(', ')}`,
    `health: ${outcome.reports} reports held against the truth`,
    ...memoryInWords(outcome.memory),
    outcome.findings.length === 0 ? 'found: nothing' : `found:\n${outcome.findings.map((finding) => `  ${finding}`).join('\n')}`,
  ].join('\n');
}

/** Faults by target and kind, and how soon it was over. */
function table(recoveries: readonly Recovery[], faults: readonly Fault[]): string[] {
  const rows = new Map<string, { count: number; took: number[] }>();
  for (const { target, kind } of faults) {
    const name = `${kindOf(target)} ${kind}`;
    const row = rows.get(name) ?? { count: 0, took: [] };
    rows.set(name, row);
    row.count += 1;
  }
  for (const { fault, tookMs } of recoveries) rows.get(`${kindOf(fault.target)} ${fault.kind}`)?.took.push(tookMs);
  return [...rows].sort().map(([name, { count, took }]) => {
    const sorted = took.sort((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)];
    return `  ${name.padEnd(28)} ${String(count).padStart(4)}   back after ${median ?? '–'} ms, at most ${sorted.at(-1) ?? '–'} ms`;
  });
}

/** Workers are told of together. */
function kindOf(target: string): string {
  return target.replace(/^worker-\d+/, 'worker').replace('/', ' → ');
}

function counted(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
