import type { CutReason } from '../ports.ts';

/** When a client shall come back after its stream ended, in ms. */
export const RETRY_MS = 1_000;

/** A connection that events are written to, whatever it speaks. */
export interface EventWire {
  /** Aborted once the connection is no more. */
  readonly gone: AbortSignal;
  /** Whether what was written waits for the other side to read. */
  readonly isFull: boolean;
  /** @param position from which on events will be told; undefined where that is none of ours */
  begin(position: number | undefined): void;
  /** @param frames as `frameOf` makes them @returns false where no more should be written before it is drained */
  write(frames: string): boolean;
  /** @returns ends it */
  onDrain(listener: () => void): () => void;
  /** Breaks a silence, and tells where the client would go on, though nothing was for it. */
  beat(position: number | undefined): void;
  /** Says why it ends, and ends it once that is written. */
  end(reason: CutReason, position: number | undefined): void;
  /** Ends it at once. */
  destroy(): void;
}
