import { type Clock, pause } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { Act, ActReport, Store } from '../../ports.ts';
import { newsOf } from './act-trail.ts';

const TAKE_MS = 5_000;
/** How long whoever asked waits for what comes of it, in ms, with the time until it is taken. */
const ANSWER_MS = 10_000;
/** How often it is looked whether there is something, in ms. */
const LOOK_MS = 150;

export interface RemoteActsDeps {
  readonly clock: Clock;
  readonly store: Pick<Store, 'askAct' | 'findAct' | 'processes' | 'transaction'>;
  /** How long a process may take to take an act, in ms: what it has not taken by then is never done. @default 5 s: it looks every second */
  readonly takeMs?: number;
}

/** Acts of other processes, through the database: a row that is wanted, taken by the process it names, and ended by it. */
export class RemoteActs {
  readonly #deps: RemoteActsDeps;

  constructor(deps: RemoteActsDeps) {
    this.#deps = deps;
  }

  /** @throws NOT_FOUND when there is no such process, what the process refused it with, ACT_EXPIRED, STORE_UNAVAILABLE */
  async perform(act: Act): Promise<ActReport> {
    const { clock, store, takeMs = TAKE_MS } = this.#deps;
    const begunAt = clock.monotonic();
    const never = new AbortController().signal;
    if (!(await store.processes()).some(({ id }) => id === act.process)) {
      throw new VigiliaError('NOT_FOUND', 'There is no such process; GET /api/processes lists them.', { field: 'process' });
    }
    await store.askAct(act, takeMs);
    for (;;) {
      await pause(clock, LOOK_MS, never);
      const passedMs = clock.monotonic() - begunAt;
      const now = await store.findAct(act.id);
      switch (now?.outcome) {
        case 'done':
        case 'unknown':
          return { act: now, audited: 'now' };
        case 'under-way':
          if (passedMs >= ANSWER_MS) return { act: now, audited: 'now' };
          break;
        case 'refused':
        case 'failed':
          throw new VigiliaError(now.code ?? 'INTERNAL', now.why ?? `process ${act.process} did not say why`);
        default:
          if (now?.outcome === 'wanted' && passedMs < takeMs) break;
          // One that was taken at the last moment is waited for.
          if (!(await this.#expire(act.id)) && now?.outcome === 'wanted') break;
          throw new VigiliaError('ACT_EXPIRED', `process ${act.process} did not take it within ${takeMs} ms`);
      }
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
