import { type Clock, pause } from '../../clock.ts';
import { ERRORS, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Act, ActReport, Store } from '../../ports.ts';
import { newsOf } from './act-trail.ts';

const TAKE_MS = 5_000;
const ANSWER_MS = 10_000;
/** How often it is looked whether there is something, in ms. */
const LOOK_MS = 150;

export interface RemoteActsDeps {
  readonly clock: Clock;
  readonly store: Pick<Store, 'askAct' | 'findAct' | 'processes' | 'transaction'>;
  /** How long a process may take to take an act, in ms: what it has not taken by then is never done. @default 5 s: it looks every second */
  readonly takeMs?: number;
  /** How long whoever asked waits for what comes of it, in ms, with the time until it is taken. @default 10 s */
  readonly answerMs?: number;
}

/** Acts of other processes, through the database: a row that is wanted, taken by the process it names, and ended by it. */
export class RemoteActs {
  readonly #deps: RemoteActsDeps;

  constructor(deps: RemoteActsDeps) {
    this.#deps = deps;
  }

  /** @throws NOT_FOUND when there is no such process, what the process refused it with, ACT_EXPIRED, ACT_UNKNOWN, STORE_UNAVAILABLE */
  async perform(act: Act): Promise<ActReport> {
    const { clock, store, takeMs = TAKE_MS, answerMs = ANSWER_MS } = this.#deps;
    const begunAt = clock.monotonic();
    const never = new AbortController().signal;
    if (!(await store.processes()).some(({ id }) => id === act.process)) {
      throw new VigiliaError('NOT_FOUND', 'There is no such process; GET /api/processes lists them.', { field: 'process' });
    }
    await store.askAct(act, takeMs);
    let last: Act = { ...act, outcome: 'wanted' };
    for (;;) {
      await pause(clock, LOOK_MS, never);
      const passedMs = clock.monotonic() - begunAt;
      try {
        last = (await store.findAct(act.id)) ?? last;
        const isLate = last.outcome === 'expired' || (last.outcome === 'wanted' && passedMs >= takeMs);
        // One that was taken at the last moment is waited for.
        if (isLate && (await this.#expire(act.id))) throw expired(last, takeMs);
      } catch (thrown) {
        // It may be done by now: that nobody can say so at the moment is no reason to call it off.
        if (toVigiliaError(thrown).code !== 'STORE_UNAVAILABLE') throw thrown;
      }
      if (hasEnded(last, takeMs) || passedMs >= answerMs) return { act: last, audited: 'now' };
    }
  }

  /** @returns false where it was taken, or has ended */
  #expire(id: string): Promise<boolean> {
    const { clock, store } = this.#deps;
    return store.transaction(async (tx) => {
      const expired = await tx.expireAct(id, clock.now());
      if (expired) await tx.appendOutbox(newsOf(expired));
      return expired !== undefined;
    });
  }
}

/** @throws what it ended with, where it was not done */
function hasEnded(act: Act, takeMs: number): boolean {
  switch (act.outcome) {
    case 'done':
      return true;
    case 'wanted':
    case 'under-way':
      return false;
    case 'unknown':
      throw new VigiliaError(
        'ACT_UNKNOWN',
        `Process ${act.process} took it and did not say what came of it (act ${act.id}): look at the actor before you ask again.`,
      );
    case 'expired':
      throw expired(act, takeMs);
    default:
      throw endOf(act);
  }
}

/** A newer process may have ended it with a code that this one does not know. */
function endOf({ process, code, why }: Act): VigiliaError {
  const words = why ?? `process ${process} did not say why`;
  if (code === null) return new VigiliaError('INTERNAL', words);
  return Object.hasOwn(ERRORS, code) ? new VigiliaError(code, words) : new VigiliaError('INTERNAL', `${code}: ${words}`);
}

function expired({ process }: Act, takeMs: number): VigiliaError {
  return new VigiliaError('ACT_EXPIRED', `process ${process} did not take it within ${takeMs} ms`);
}
