import { type Clock, pause } from '../../clock.ts';
import { STORE_FAILURES, toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ActorSystemView, ProcessBeat, ProcessDesk, ProcessFigures } from '../../ports.ts';
import { type ChildSpec, task } from '../actor.ts';
import { answeredWithin } from './answered-within.ts';
import { packView } from './view-text.ts';

/** How often a process says that it is there, in ms. Two beats missed, and what is known of it counts as old. */
export const BEAT_MS = 5_000;
/** How often it looks whether somebody looks, in ms: so long one waits for the first view, and so old is any other one. */
const LOOK_MS = 1_000;
/** Views are written so seldom that all of them together take no more of the process's time than this part. */
const VIEW_PART = 0.05;
/** How long the last word may take, in ms. */
const LEAVE_MS = 2_000;

/** Who says that it is there. */
export type ProcessIdentity = Omit<ProcessBeat, 'upMs' | 'figures'>;

/** What it works with. */
export interface PresenceDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<ProcessDesk, 'beatProcess' | 'wantedViews' | 'writeViews' | 'leaveProcesses'>;
  readonly self: ProcessIdentity;
  readonly figures: () => ProcessFigures;
  readonly system: ActorSystemView;
}

/**
 * Says again and again that this process is there and how it gets on, and shows the others its actors while somebody looks. Where nobody does, that is
 * one small statement a second, and a write every fifth.
 */
export function presenceSpec(deps: PresenceDeps): ChildSpec {
  const { clock, log, store, self } = deps;
  const startedAt = clock.monotonic();
  /** Over all lives: it is the process that is there. */
  let isFirst = true;
  const shown = { lookedAt: 0 };
  return {
    id: 'presence',
    kind: 'task',
    staysUp: 'without it nobody could see from elsewhere what is to be started again; restart it',
    view: () => ({ ...shown }),
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        let beatAt = Number.NEGATIVE_INFINITY;
        let viewsAt = Number.NEGATIVE_INFINITY;
        let isSilent = false;
        while (!signal.aborted) {
          const now = clock.monotonic();
          try {
            const beats = now - beatAt >= BEAT_MS;
            const beat = (): Promise<string[]> =>
              store.beatProcess({ ...self, upMs: now - startedAt, figures: deps.figures() }, isFirst);
            const wanted = await (beats ? beat() : store.wantedViews(self.id));
            if (beats) {
              beatAt = now;
              isFirst = false;
              life.handled('beat', clock.monotonic() - now);
            }
            shown.lookedAt = wanted.length;
            if (wanted.length > 0 && now >= viewsAt) {
              const tookMs = await show(wanted, deps);
              viewsAt = clock.monotonic() + tookMs / VIEW_PART;
              life.handled('shown', tookMs);
            }
            isSilent = false;
          } catch (thrown) {
            const error = toVigiliaError(thrown);
            // What costs this process its place among the others and nothing else: that it is not seen is no reason to fail.
            if (!STORE_FAILURES.has(error.code)) throw error;
            const level = error.code === 'STORE_REFUSED' ? 'error' : 'debug';
            if (!isSilent) log[level]({ code: error.code, cause: error.message }, 'other processes do not hear of this one');
            isSilent = true;
          }
          await pause(clock, LOOK_MS, signal);
        }
        await leave(deps);
      }),
    }),
  };
}

/** Writes what is looked at. @returns how long it kept the process, in ms */
async function show(paths: readonly string[], { clock, store, self, system }: PresenceDeps): Promise<number> {
  const startedAt = clock.monotonic();
  const at = clock.now();
  const found = paths.map((path) => ({ path, value: path === '' ? system.tree() : system.find(path) }));
  const packing = found.map(async ({ path, value }) => ({
    path,
    text: value === undefined ? null : await packView({ at, value }),
  }));
  const tookMs = clock.monotonic() - startedAt;
  await store.writeViews(self.id, await Promise.all(packing));
  return tookMs;
}

/** Nobody shall miss a process that ends well; one that cannot say so is missed, and forgotten after a day. */
async function leave({ clock, log, store, self }: PresenceDeps): Promise<void> {
  try {
    await answeredWithin(clock, LEAVE_MS, store.leaveProcesses(self.id, self.pid));
  } catch (thrown) {
    log.debug({ cause: toVigiliaError(thrown).message }, 'other processes were not told that this one ends');
  }
}
