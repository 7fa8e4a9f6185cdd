import type { GenerationReport } from '../session-program.ts';

/** @returns a line for each generation, columns aligned */
export function generationLines(generations: readonly GenerationReport[]): string[] {
  const newestSound = generations.find(({ state }) => state === 'sound');
  return generations.map((report) => {
    const { generation, savedAt, state, reason } = report;
    const number = (generation === 0 ? 'first format' : String(generation)).padStart(12);
    const time = savedAt === null ? ' '.repeat(24) : new Date(savedAt).toISOString();
    return `${number}  ${time}  ${report === newestSound ? (reason ?? 'in use') : state === 'sound' ? 'kept' : (reason ?? state)}`;
  });
}

/** @returns e.g. `1 session`, `2 sessions` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
