import type { Clock } from '../../clock.ts';
import type { VigiliaError } from '../../errors.ts';
import type { JsonObject } from '../../ports.ts';

/** What is known of a process's dealings with other programs over RabbitMQ, for `/health` and the metrics; it outlives those who deal. */
export class ForeignTally {
  /** Requests by what came of them: `stored`, `known`, or the code of the error that made them a dead letter. */
  readonly requests: Record<string, number> = {};
  /** Answers to jobs that have ended. */
  answers = 0;
  /** Events that were confirmed, and those that were deleted as old, or could not be written down as a message, before they were. */
  published = 0;
  missed = 0;
  /** Why no requests are taken at the moment; undefined where they are. */
  pausedBy: VigiliaError | undefined;
  /** Why answers, or events, wait; undefined where they do not. */
  answersHeldBy: VigiliaError | undefined;
  eventsHeldBy: VigiliaError | undefined;
  /** Answers that were owed at the last look. */
  owed = 0;
  /** Where publishing stands, as of the last look; undefined where another process publishes. */
  standing: { readonly position: number; readonly head: number; readonly since: number | null } | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(outcome: string): void {
    this.requests[outcome] = (this.requests[outcome] ?? 0) + 1;
  }

  /** What `/health` says of it. Lag is in events, and in ms since the first of them was written. */
  evidence(): JsonObject {
    const { standing } = this;
    const lagging = standing !== undefined && standing.head > standing.position;
    return {
      requests: { ...this.requests, ...(this.pausedBy && { pausedBy: this.pausedBy.message }) },
      answers: { sent: this.answers, owed: this.owed, ...(this.answersHeldBy && { heldBy: this.answersHeldBy.message }) },
      events: {
        publishes: standing !== undefined,
        published: this.published,
        ...(standing && {
          position: standing.position,
          lag: Math.max(0, standing.head - standing.position),
          lagMs: lagging && standing.since !== null ? Math.max(0, this.#clock.now() - standing.since) : 0,
        }),
        ...(this.missed > 0 && { missed: this.missed }),
        ...(this.eventsHeldBy && { heldBy: this.eventsHeldBy.message }),
      },
    };
  }
}
