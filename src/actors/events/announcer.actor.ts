import { type Clock, pause } from '../../clock.ts';
import { toVigiliaError, type VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { OutboxEntry, Store } from '../../ports.ts';
import { type ChildSpec, task } from '../actor.ts';
import { Nudge } from '../jobs/dispatcher.actor.ts';
import { writeWaiting } from '../write-waiting.ts';

/** What waits for the database at most; beyond it the oldest gives way. */
const MOST_WAITING = 1_000;
const RETRY_MS = 1_000;
const REST_MS = 60_000;

/**
 * What the world shall hear of that changed in no transaction: the state of a connection is nowhere stored. It outlives the announcer's lives,
 * and is told in order; a process that is killed takes with it what it could not write yet.
 */
export class Announcements {
  readonly nudge = new Nudge();
  readonly #waiting: OutboxEntry[] = [];

  say(entry: OutboxEntry): void {
    this.#waiting.push(entry);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.nudge.ring();
  }

  /** @returns all that waits, oldest first */
  get waiting(): readonly OutboxEntry[] {
    return [...this.#waiting];
  }

  /** These were written. */
  done(entries: readonly OutboxEntry[]): void {
    const written = new Set(entries);
    const left = this.#waiting.filter((entry) => !written.has(entry));
    this.#waiting.splice(0, this.#waiting.length, ...left);
  }
}

/** Writes announcements to the outbox. It is started before those who make them, and writes their last ones. */
export function announcerSpec(
  announcements: Announcements,
  { clock, log, store }: { readonly clock: Clock; readonly log: Log; readonly store: Store },
): ChildSpec {
  const append = async (batch: readonly OutboxEntry[]): Promise<void> => {
    await store.transaction((tx) => tx.appendOutbox(batch));
    announcements.done(batch);
  };
  const leaveOut = (entry: OutboxEntry, { message }: VigiliaError): void => {
    log.error({ topic: entry.topic, cause: message }, 'an announcement could not be stored; left out');
    announcements.done([entry]);
  };
  const write = (): Promise<number> => writeWaiting({ waiting: () => announcements.waiting, write: append, leaveOut });
  return {
    id: 'announcer',
    kind: 'task',
    view: () => ({ waiting: announcements.waiting.length }),
    queued: () => announcements.waiting.length,
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        while (!signal.aborted) {
          const startedAt = clock.monotonic();
          try {
            if ((await write()) > 0) life.handled('announced', clock.monotonic() - startedAt);
            await announcements.nudge.sleep(clock, REST_MS, signal);
          } catch (thrown) {
            const error = toVigiliaError(thrown);
            if (error.code !== 'STORE_UNAVAILABLE') throw error;
            log.debug({ cause: error.message }, 'announcements wait for the database');
            await pause(clock, RETRY_MS, signal);
          }
        }
        await write().catch((thrown: unknown) =>
          log.warn({ cause: toVigiliaError(thrown).message }, 'the last announcements could not be written'),
        );
      }),
    }),
  };
}
