import type { Clock } from '../../clock.ts';
import type { Cache, Job, JobProgress, JsonObject, Store, StoreTransaction, TelegramCalls } from '../../ports.ts';

/** What an action is given to do its work with. */
export interface ActionContext {
  readonly job: Job;
  readonly calls: TelegramCalls;
  readonly store: Store;
  readonly cache: Cache;
  readonly clock: Clock;
  /** Aborted when the worker stops: the action commits what it has in hand, begins nothing new, and rejects with `RunStopped`. */
  readonly signal: AbortSignal;
  /**
   * Commits a piece of work together with how far it brought the job: all or nothing, and only under the job's claim.
   * @param checkpoint what the action needs to go on from here in another run
   * @throws when the job shall not go on: its claim is lost, or it is cancelled
   */
  commit(progress: JobProgress, checkpoint: JsonObject, effect: (tx: StoreTransaction) => Promise<void>): Promise<void>;
}

/** The end of an action: its result, and the last effect, which commits with the job's completion. */
export interface ActionOutcome {
  readonly result: JsonObject;
  readonly effect?: (tx: StoreTransaction) => Promise<void>;
  /** What makes the outcome visible sooner; run once it is committed, and losing it loses nothing. */
  readonly after?: () => Promise<void>;
}

/** How other programs may ask for an action, over RabbitMQ. */
interface ActionRequest {
  /** Whether it leaves everything at Telegram as it is: who may ask for anything else has to be said in the configuration. */
  readonly readsOnly: boolean;
  /**
   * Checks parameters as the gateway checks its bodies, and fills in what was left out.
   * @returns the job's parameters, always the same for the same request
   * @throws INVALID_REQUEST, INVALID_CHANNEL with the field
   */
  params(given: JsonObject): JsonObject;
}

/** Something a job can do. An action is run again from the job's checkpoint after a crash: each of its effects has to bear that. */
export interface Action {
  readonly name: string;
  /** Of its jobs' ids. */
  readonly idPrefix: string;
  /** Absent where other programs cannot ask for it. */
  readonly request?: ActionRequest;
  run(context: ActionContext): Promise<ActionOutcome>;
}
