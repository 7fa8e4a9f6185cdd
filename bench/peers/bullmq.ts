/** Of all BullMQ peers. */
export const QUEUE = 'jobs';

/** How the peer that accepts is started. */
export interface BullAcceptInput {
  /** Of its Redis. */
  readonly port: number;
}

/** How the peer that runs empty jobs is started. */
export interface BullEmptyInput extends BullAcceptInput {
  readonly jobs: number;
  /** `add`s under way at once. */
  readonly adding: number;
  readonly concurrency: number;
}
