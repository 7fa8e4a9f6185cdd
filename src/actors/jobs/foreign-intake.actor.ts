import { type Clock, pause, type Random } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { JOB_MACHINE_VERSION } from '../../machines/job.machine.ts';
import type { Intake, JsonObject, Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { Delivery, Subscription } from '../broker/rabbitmq/consumer.ts';
import type { RabbitConnection } from '../broker/rabbitmq/rabbit-connection.ts';
import { REQUESTS } from '../broker/rabbitmq/sync-topology.ts';
import { deadLetterOf, refusalOf } from './foreign-messages.ts';
import { type AskedJob, type AskingRules, readAskedJob } from './foreign-request.ts';
import type { ForeignTally } from './foreign-tally.ts';

/** Requests in hand at most. With those that publish events and answers they stay below what is unconfirmed at a time. */
const PREFETCH = 32;
/** How long requests in hand may take when it stops taking more, in ms. */
const GRACE_MS = 2_000;
/** Between two looks whether the database is back. */
const LOOK: BackoffPolicy = { baseMs: 500, capMs: 2_000 };
/**
 * Before it takes requests again, where it could do nothing with those before. Each time they go back to the queue, which counts: RabbitMQ 4 gives up on a message
 * that came back twenty times.
 */
const RESUME: BackoffPolicy = { baseMs: 1_000, capMs: 300_000 };

export interface ForeignIntakeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Pick<Store, 'insertForeignJob' | 'proveWrite'>;
  readonly connection: Pick<RabbitConnection, 'publish' | 'consume'>;
  readonly rules: AskingRules;
  readonly checkAccount: Intake['checkAccount'];
  /** Chooses the account of a request that names none. */
  readonly choose: (params: JsonObject) => string | Promise<string>;
  /** Tells the dispatcher that there is a job. */
  readonly nudge: () => void;
  readonly tally: ForeignTally;
}

/**
 * Takes the requests of other programs from RabbitMQ. Each becomes a row before it is acknowledged; what nobody can do anything with becomes a dead letter, and is
 * answered where it says for which job. While the database or the broker does not let it do that, it takes none: they wait in their queue.
 */
export function foreignIntakeSpec(deps: ForeignIntakeDeps): ChildSpec {
  const { tally } = deps;
  return {
    id: 'requests',
    kind: 'task',
    view: () => ({ paused: tally.pausedBy?.code ?? null, ...tally.requests }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await new ForeignIntake(deps, signal, life.handled).run();
      }),
    }),
  };
}

class ForeignIntake {
  readonly #deps: ForeignIntakeDeps;
  readonly #signal: AbortSignal;
  readonly #handled: Life['handled'];
  /** Times in a row that it had to stop taking requests, and had settled none. */
  #setbacks = 0;

  constructor(deps: ForeignIntakeDeps, signal: AbortSignal, handled: Life['handled']) {
    this.#deps = deps;
    this.#signal = signal;
    this.#handled = handled;
  }

  async run(): Promise<void> {
    const { clock, random, log, tally } = this.#deps;
    try {
      while (await this.#storeWrites()) {
        tally.pausedBy = undefined;
        const obstacle = await this.#consume();
        if (obstacle === undefined) return;
        tally.pausedBy = obstacle;
        log.warn({ code: obstacle.code, cause: obstacle.message }, 'requests of other programs wait in their queue');
        await pause(clock, backoffDelayMs(RESUME, this.#setbacks++, random), this.#signal);
      }
    } finally {
      tally.pausedBy = undefined;
    }
  }

  /** Waits for the database: nothing is taken that could not be kept. @returns false when it has to stop first */
  async #storeWrites(): Promise<boolean> {
    const { clock, random, store, tally } = this.#deps;
    for (let attempt = 0; !this.#signal.aborted; attempt++) {
      try {
        await store.proveWrite();
        return true;
      } catch (thrown) {
        const error = toVigiliaError(thrown);
        if (error.fault !== 'transient') throw error;
        tally.pausedBy = error;
        await pause(clock, backoffDelayMs(LOOK, attempt, random), this.#signal);
      }
    }
    return false;
  }

  /** Takes requests until something keeps it from it. @returns what that is; undefined when it was told to stop */
  async #consume(): Promise<VigiliaError | undefined> {
    const over = new AbortController();
    let obstacle: VigiliaError | undefined;
    const onDelivery = async (delivery: Delivery): Promise<void> => {
      try {
        await this.#take(delivery);
        this.#setbacks = 0;
      } catch (thrown) {
        // Unsettled, it goes back to the queue with the others in hand.
        obstacle ??= toVigiliaError(thrown);
        over.abort();
      }
    };
    const { connection } = this.#deps;
    const subscription: Subscription = await connection.consume({ queue: REQUESTS, prefetch: PREFETCH, onDelivery });
    const stop = AbortSignal.any([over.signal, this.#signal]);
    if (!stop.aborted) await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
    await subscription.end(obstacle === undefined ? GRACE_MS : 0);
    return obstacle;
  }

  /** @throws what may pass by itself: database or broker do not do their part */
  async #take(delivery: Delivery): Promise<void> {
    const { clock, tally, rules } = this.#deps;
    const startedAt = clock.monotonic();
    const read = readAskedJob(delivery, rules);
    let outcome: string;
    try {
      if ('error' in read) throw read.error;
      outcome = await this.#store(read, delivery);
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.fault === 'transient' || error.fault === 'throttled') throw error;
      await this.#refuse(read.jobId, error, delivery);
      outcome = error.code;
    }
    delivery.ack();
    tally.count(outcome);
    this.#handled('request', clock.monotonic() - startedAt);
  }

  async #store(asked: AskedJob, { correlationId }: Delivery): Promise<'stored' | 'known'> {
    const { clock, store, checkAccount, choose, nudge } = this.#deps;
    const { jobId: id, action, params, priority, digest } = asked;
    const accountId = asked.accountId ?? (await choose(params));
    await checkAccount(accountId);
    const createdAt = clock.now();
    const outcome = await store.insertForeignJob(
      { id, action, params, accountId, priority, machineVersion: JOB_MACHINE_VERSION, createdAt },
      { digest, correlationId: correlationId ?? null },
    );
    if (outcome === 'account-removed')
      throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`, { field: 'accountId' });
    if (outcome === 'taken') throw new VigiliaError('JOB_ID_TAKEN', `job ${id} was asked for otherwise`, { field: 'jobId' });
    if (outcome === 'stored') nudge();
    return outcome;
  }

  /** @throws what keeps the broker from taking it: the request is not settled then, and comes again */
  async #refuse(jobId: string | undefined, error: VigiliaError, delivery: Delivery): Promise<void> {
    const { clock, connection, log } = this.#deps;
    const now = clock.now();
    await connection.publish(deadLetterOf(delivery, error, now));
    if (jobId !== undefined) await connection.publish(refusalOf(jobId, error, delivery, now));
    const level = error.fault === 'bug' ? 'error' : 'warn';
    log[level]({ code: error.code, cause: error.message, job: jobId ?? null }, 'a request of another program is a dead letter');
  }
}
