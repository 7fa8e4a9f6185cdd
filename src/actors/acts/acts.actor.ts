import { type Clock, pause } from '../../clock.ts';
import { STORE_FAILURES, toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Act, Store } from '../../ports.ts';
import { type ChildSpec, task } from '../actor.ts';
import { writeWaiting } from '../write-waiting.ts';
import { type ActTrail, newsOf } from './act-trail.ts';

/** How often it is looked what others want of this process, in ms; the shorter one for as long after an act as people take for the next. */
const LOOK_MS = 1_000;
const BUSY_LOOK_MS = 250;
const BUSY_FOR_MS = 60_000;
/** Between two looks where there are no others, in ms. */
const REST_MS = 60_000;
/** Between two attempts to write while the database is away, in ms. */
const RETRY_MS = 1_000;
/** The same while the database refuses, in ms: somebody has to see to it. */
const REFUSED_RETRY_MS = 30_000;
/** How often it is looked for acts that nobody took, and whose askers have not said so, in ms. */
const SWEEP_MS = 60_000;
/** Who was asked to act and stood still for longer than this, in ms, does not do it any more: nobody expects it. */
const STALL_MS = 5_000;

export interface ActsActorDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'transaction' | 'takeActs'>;
  readonly trail: ActTrail;
  /** Names this installation. */
  readonly process: string;
  /** Whether other processes may write to the database, and want something done here. */
  readonly sharesDatabase: boolean;
  /** Does what another process wants; whatever comes of it is noted in the trail. */
  readonly carryOut: (act: Act) => void;
}

/**
 * Writes down what people do, and takes what other processes want done here. It starts before all that acts may be done to, and ends after it.
 */
export function actsSpec(deps: ActsActorDeps): ChildSpec {
  const { clock, log, store, trail, process, sharesDatabase } = deps;
  // Of the process, not of one life of this actor. Rows that are under way and not in hand are of an earlier process, or were taken by a statement
  // whose answer was lost: nobody will end them.
  let hasLost = true;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let busyUntil = 0;

  const save = async (acts: readonly Act[]): Promise<void> => {
    await store.transaction(async (tx) => {
      const ended = await tx.saveActs(acts);
      await tx.appendOutbox(ended.flatMap(newsOf));
    });
    trail.done(acts, true);
  };
  const write = (): Promise<number> =>
    writeWaiting({ waiting: () => trail.waiting, write: save, leaveOut: (act) => trail.done([act], false) });
  const sweep = async (): Promise<void> => {
    const isDue = sharesDatabase && clock.monotonic() - sweptAt >= SWEEP_MS;
    if (!hasLost && !isDue) return;
    await store.transaction(async (tx) => {
      const lost = await tx.giveUpActs(process, trail.inHand, clock.now());
      const forsaken = isDue ? await tx.expireForsakenActs() : [];
      await tx.appendOutbox([...lost, ...forsaken].flatMap(newsOf));
    });
    hasLost = false;
    if (isDue) sweptAt = clock.monotonic();
  };
  const take = async (): Promise<number> => {
    if (!sharesDatabase) return 0;
    const asked = { at: clock.now(), monotonic: clock.monotonic() };
    // Until it is answered, it may have taken what is not heard of.
    hasLost = true;
    const wanted = await store.takeActs(process);
    for (const { id } of wanted) trail.begin(id);
    hasLost = false;
    // The monotonic clock may stand still while a host sleeps; where the other one was set meanwhile, an act too many is not done.
    const tookMs = Math.max(clock.monotonic() - asked.monotonic, clock.now() - asked.at);
    if (wanted.length > 0) busyUntil = clock.monotonic() + BUSY_FOR_MS;
    for (const act of wanted) {
      // Not waited for: a restart may take its time, and the next act may be meant to end it.
      if (tookMs < STALL_MS) deps.carryOut(act);
      else void trail.note({ ...act, outcome: 'expired', code: 'ACT_EXPIRED', finishedAt: clock.now() });
    }
    return wanted.length;
  };

  return {
    id: 'acts',
    kind: 'task',
    staysUp: 'it writes down what people do, which is not to be turned off; restart it',
    view: () => ({ waiting: trail.size }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        let isRefused = false;
        while (!signal.aborted) {
          const startedAt = clock.monotonic();
          try {
            await sweep();
            const done = (await write()) + (await take());
            // Also where nothing was to be written.
            trail.resume();
            isRefused = false;
            if (done > 0) life.handled('acts', clock.monotonic() - startedAt);
            const lookMs = clock.monotonic() < busyUntil ? BUSY_LOOK_MS : LOOK_MS;
            await trail.nudge.sleep(clock, sharesDatabase ? lookMs : REST_MS, signal);
          } catch (thrown) {
            const error = toVigiliaError(thrown);
            // What costs a line in the list and nothing else: that nothing can be written down is no reason to fail.
            if (!STORE_FAILURES.has(error.code)) throw error;
            const fields = { code: error.code, cause: error.message, acts: trail.size };
            const refuses = error.code === 'STORE_REFUSED';
            if (refuses && !isRefused) log.error(fields, 'the database refuses what acts need; they are in the log');
            else if (trail.size > 0) log.debug(fields, 'acts wait for the database');
            isRefused = refuses;
            trail.postpone();
            await pause(clock, refuses ? REFUSED_RETRY_MS : RETRY_MS, signal);
          }
        }
        await write().catch((thrown: unknown) =>
          log.warn({ cause: toVigiliaError(thrown).message, acts: trail.size }, 'the last acts could not be written'),
        );
      }),
    }),
  };
}
