/** How a bare route is started. */
export interface RouteInput {
  readonly status: number;
  /** What it answers out of memory. */
  readonly body?: string;
  /** Where it takes its answer from otherwise. */
  readonly redisPort?: number;
  readonly key?: string;
}
