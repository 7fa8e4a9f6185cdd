import type { Clock, Random } from '../../clock.ts';
import { toVigiliaError, type VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import type { OwedAnswer, Store } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { RabbitConnection } from '../broker/rabbitmq/rabbit-connection.ts';
import type { SequencerRight } from '../events/sequencer-right.ts';
import type { Nudge } from './dispatcher.actor.ts';
import { answerOf, failedLetterOf, isDead } from './foreign-messages.ts';
import type { ForeignTally } from './foreign-tally.ts';

/** Answers on their way at once. */
const BATCH = 16;
/** Between two looks that nobody has asked for, in ms. */
const REST_MS = 5_000;
const RETRY: BackoffPolicy = { baseMs: 500, capMs: 10_000 };

export interface ForeignAnswersDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Pick<Store, 'owedAnswers' | 'noteAnswered' | 'jobEvents'>;
  readonly connection: Pick<RabbitConnection, 'publish'>;
  /** Of all processes one answers: that which gives events their places. */
  readonly right: SequencerRight;
  readonly tally: ForeignTally;
  /** Rung when RabbitMQ is back. */
  readonly back: Nudge;
}

/**
 * Answers the jobs of other programs once they have ended. That an answer is owed is written with a job's end, that it was given after RabbitMQ has confirmed it: a
 * crash in between gives the same answer again, under the same message id.
 * @param nudge rung when a job may have ended, and when the right comes or goes
 */
export function foreignAnswersSpec(nudge: Nudge, deps: ForeignAnswersDeps): ChildSpec {
  const { tally } = deps;
  return {
    id: 'answers',
    kind: 'task',
    shutdownMs: 8_000,
    view: () => ({ sent: tally.answers, owed: tally.owed, heldBy: tally.answersHeldBy?.code ?? null }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await answerAll(nudge, deps, signal, life.handled);
      }),
    }),
  };
}

async function answerAll(nudge: Nudge, deps: ForeignAnswersDeps, signal: AbortSignal, handled: Life['handled']): Promise<void> {
  const { clock, random, log, right, tally, back } = deps;
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    const round = right.held === undefined ? { answered: 0, more: false } : await answerSome(deps, false);
    if (round.error === undefined) {
      failures = 0;
      tally.answersHeldBy = undefined;
      if (round.answered > 0) handled('answered', clock.monotonic() - startedAt);
      if (!round.more) await nudge.sleep(clock, REST_MS, signal);
    } else {
      if (failures === 0) log.warn({ code: round.error.code, cause: round.error.message }, 'answers to other programs wait');
      tally.answersHeldBy = round.error;
      await back.sleep(clock, backoffDelayMs(RETRY, failures++, random), signal);
    }
  }
  // Whoever ended before this one may have ended jobs.
  for (let round = await answerSome(deps, true); round.error === undefined && round.more; ) round = await answerSome(deps, true);
}

interface Round {
  readonly answered: number;
  /** Whether there may be more to answer. */
  readonly more: boolean;
  /** What kept some from being answered, and may pass. */
  readonly error?: VigiliaError;
}

/** @param isLast whether the right may have been given back meanwhile */
async function answerSome({ clock, store, connection, right, tally }: ForeignAnswersDeps, isLast: boolean): Promise<Round> {
  const hold = isLast ? right.last : right.held;
  if (hold === undefined) return { answered: 0, more: false };
  try {
    const owed = await store.owedAnswers(hold, BATCH);
    tally.owed = owed.length;
    const settled = await Promise.allSettled(owed.map((one) => answer(one, store, connection)));
    const done = owed.filter((_, at) => settled[at]?.status === 'fulfilled').map(({ job }) => job.id);
    await store.noteAnswered(done, clock.now());
    tally.answers += done.length;
    tally.owed -= done.length;
    const failed = settled.find((one) => one.status === 'rejected');
    return {
      answered: done.length,
      more: owed.length === BATCH,
      ...(failed && { error: toVigiliaError(failed.reason) }),
    };
  } catch (thrown) {
    const error = toVigiliaError(thrown);
    if (error.fault !== 'transient') throw error;
    return { answered: 0, more: true, error };
  }
}

async function answer(
  owed: OwedAnswer,
  store: Pick<Store, 'jobEvents'>,
  connection: Pick<RabbitConnection, 'publish'>,
): Promise<void> {
  if (isDead(owed.job)) await connection.publish(failedLetterOf(owed, await store.jobEvents(owed.job.id)));
  await connection.publish(answerOf(owed));
}
