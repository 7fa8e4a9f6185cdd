import type { AnyActorLogic, InspectionEvent } from 'xstate';
import type { ChildSpec } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Family } from './family.ts';

type PromptTimer = { readonly immediate: NodeJS.Immediate } | { readonly timer: unknown };

/** Timers of no delay fire at once: what is measured is the work, not Node's least delay of a millisecond. */
const promptClock: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs): PromptTimer =>
    delayMs > 0 ? { timer: systemClock.setTimeout(callback, delayMs) } : { immediate: setImmediate(callback) },
  clearTimeout: (timer) => {
    const given = timer as PromptTimer | undefined;
    if (given === undefined) return;
    if ('immediate' in given) clearImmediate(given.immediate);
    else systemClock.clearTimeout(given.timer);
  },
};

/** A registry that knows the tree and its states, but records no events. */
class UnrecordedRegistry extends Registry {
  override readonly inspect = undefined as unknown as (inspection: InspectionEvent) => void;

  override recorded<L extends AnyActorLogic>(_path: string, _incarnation: number, logic: L): L {
    return logic;
  }
}

/** Our supervision: ordered start, restarts within an intensity, ordered stop, deadlines, the registry. */
export function supervisedFamily(isRecorded: boolean): Family {
  return {
    start: async (children) => {
      const registry = isRecorded ? new Registry(promptClock) : new UnrecordedRegistry(promptClock);
      const specs = children.map(
        (child): ChildSpec => ({
          id: child.id,
          kind: 'bench',
          // No delay before a restart: its length is a policy, not a cost.
          backoff: { baseMs: 0, capMs: 0 },
          start: (life) => ({ logic: child.logic(life.ready) }),
        }),
      );
      // More than can fail within so short a period.
      const intensity = { maxRestarts: 500, periodMs: 1 };
      const system = startSystem(
        { children: specs, intensity },
        { clock: promptClock, random: () => 0, log: silentLog, registry },
      );
      await system.started;
      return { stop: () => system.stop() };
    },
  };
}
