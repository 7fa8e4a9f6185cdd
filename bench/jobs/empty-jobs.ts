import type { World } from '../../src/ports.ts';

/** How a process that runs empty jobs is started. */
export interface EmptyJobsInput {
  readonly databaseUrl: string;
  /** Of the database. */
  readonly world: World;
  readonly accounts: number;
  readonly jobs: number;
  /** Submissions under way at once. */
  readonly adding: number;
}

/** What became of them. Every job was run and is stored as completed. */
export interface EmptyJobsSample {
  readonly jobs: number;
  /** From the first submission to the end of the last job. */
  readonly seconds: number;
  /** Of the process that takes and runs them. */
  readonly cpuSeconds: number;
  /** Of its database, or its Redis. */
  readonly serverCpuSeconds: number;
}

/** What the process tells. */
export type EmptyJobsReport = Omit<EmptyJobsSample, 'serverCpuSeconds'>;

/** Does something so many times, with so many under way at once. */
export async function inParallel(count: number, atOnce: number, work: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
