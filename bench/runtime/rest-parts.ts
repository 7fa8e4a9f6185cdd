/** What a process at rest is made of here, each with what the one before has. */
export const REST_PARTS = ['nothing', 'gauge', 'presence'] as const;
export type RestPart = (typeof REST_PARTS)[number];

/** What a process at rest is told to do. */
export interface RestInput {
  readonly part: RestPart;
  /** For the presence, whose database it is. */
  readonly databaseUrl: string;
  /** Before and while CPU time is taken. */
  readonly settleSeconds: number;
  readonly restSeconds: number;
}

/** @param cpuShare of one core */
export interface RestSample {
  readonly cpuShare: number;
}
