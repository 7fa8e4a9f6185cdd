import type { AnyActorRef } from 'xstate';
import { type Fault, reasonBehind, VigiliaError } from '../errors.ts';
import {
  decideRestart,
  type ExitReason,
  type Intensity,
  type RestartDecision,
  type RestartType,
  recentRestarts,
  type Strategy,
} from './restart.ts';

/** What the supervisor has to know of a child to decide about it. */
interface ChildPolicy {
  readonly id: string;
  readonly restart: RestartType;
}

/** What a supervisor starts with. */
export interface SupervisorInput {
  readonly path: string;
  readonly strategy: Strategy;
  /** In the order in which they start; they stop in the reverse one. */
  readonly children: readonly ChildPolicy[];
  readonly intensity: Intensity;
  /** A child beyond the intensity, which is counted for each alone, is put aside instead of taking the others with it. */
  readonly quarantines: boolean;
  readonly now: () => number;
  /** How long a child waits before it starts again, by how often it has failed in a row before (from 0). */
  readonly backoffMs: (id: string, attempt: number) => number;
}

/** What it remembers. */
export interface SupervisorContext extends SupervisorInput {
  /** Children still to start, or still to stop, next one first. */
  readonly queue: readonly string[];
  /** Children that have been started and not forgotten: they have a life, or wait for one. */
  readonly running: readonly string[];
  /** The restarts that still count, with their times in ms by the monotonic clock. */
  readonly restarts: readonly Restart[];
  /** Failures in a row of each child, for its backoff: one that stayed up longer than the period starts anew. */
  readonly failures: Readonly<Record<string, { readonly count: number; readonly lastAt: number }>>;
  /** Those who end and start again together, in the order in which they start. */
  readonly group: readonly string[];
  /** How long the child whose restart was decided last waits before it. */
  readonly delayMs: number;
  /** How long the group waits before it starts again. */
  readonly pauseMs: number;
  /** Children that were added while the supervisor ran and have not been up yet. */
  readonly fresh: readonly string[];
  /** Children that somebody stopped, and what becomes of them once they are down. */
  readonly held: Readonly<Record<string, 'suspended' | 'removed'>>;
  /** Commands that came while children were being started. */
  readonly postponed: readonly SupervisorCommand[];
  /** The slots' refs, kept so that XState keeps them. */
  readonly slots: Readonly<Record<string, AnyActorRef>>;
  /** Why the supervisor gave up. */
  readonly failure: VigiliaError | undefined;
}

interface Restart {
  readonly id: string;
  readonly at: number;
}

/** What people and programs may ask of a supervisor. */
export interface SupervisorCommand {
  /**
   * `ADD` starts a new child (OTP's `start_child`), `REMOVE` stops one and forgets it (`terminate_child` and `delete_child`),
   * `SUSPEND` stops one until `RESUME` (`terminate_child`, `restart_child`), `RESTART` stops one, and those that depend on it, and starts them again.
   */
  readonly type: 'ADD' | 'REMOVE' | 'SUSPEND' | 'RESUME' | 'RESTART';
  readonly id: string;
  /** @default 'permanent'. Of a new child. */
  readonly restart?: RestartType;
  /** What a new child is made of, for who starts it. */
  readonly spec?: unknown;
  /** Which question it is, for the answer. */
  readonly ask?: number;
}

/** What slots say; `CHILD_DOWN` after a stop counts as an exit like any other. */
export type SupervisorEvent =
  | { readonly type: 'CHILD_UP'; readonly id: string }
  | { readonly type: 'CHILD_DOWN'; readonly id: string; readonly exit: ExitReason; readonly error: unknown }
  | (SupervisorCommand & { readonly type: 'ADD' })
  | (SupervisorCommand & { readonly type: 'REMOVE' })
  | (SupervisorCommand & { readonly type: 'SUSPEND' })
  | (SupervisorCommand & { readonly type: 'RESUME' })
  | (SupervisorCommand & { readonly type: 'RESTART' })
  | { readonly type: 'SHUTDOWN' };

/** Faults that another life would meet again: a foreign database, a taken port, a world that cannot be read. */
const HOPELESS: ReadonlySet<Fault | undefined> = new Set<Fault | undefined>(['conflict', 'permanent']);

function faultBehind(event: SupervisorEvent): Fault | undefined {
  return event.type === 'CHILD_DOWN' && event.error !== undefined ? reasonBehind(event.error).fault : undefined;
}

/** A restart decided now: it counts, and the child's next delay follows from it. */
export function noteRestart(context: SupervisorContext, id: string) {
  const { intensity, failures } = context;
  const at = context.now();
  const before = failures[id];
  const attempt = before && at - before.lastAt < intensity.periodMs ? before.count : 0;
  return {
    restarts: [...context.restarts.filter((restart) => recentRestarts([restart.at], intensity, at).length > 0), { id, at }],
    failures: { ...failures, [id]: { count: attempt + 1, lastAt: at } },
    delayMs: context.backoffMs(id, attempt),
  };
}

/** Whether the event is of the child that is waited for. */
export const isHead = (context: SupervisorContext, event: SupervisorEvent): boolean =>
  'id' in event && event.id === context.queue[0];
/** Whether a child is never started again. */
export const isTemporary = (context: SupervisorContext, child: string): boolean =>
  context.children.some(({ id, restart }) => id === child && restart === 'temporary');
/** All children, in the order in which they start. */
export const idsOf = (context: SupervisorContext): string[] => context.children.map(({ id }) => id);
/** The same without the child of the event. */
export const without = (ids: readonly string[], event: SupervisorEvent): readonly string[] =>
  'id' in event ? ids.filter((id) => id !== event.id) : ids;

/** OTP's six clauses, and one before them: what cannot pass is not met by restarts. */
export function decide(context: SupervisorContext, event: SupervisorEvent): RestartDecision {
  if (event.type !== 'CHILD_DOWN') return 'forget';
  const child = context.children.find(({ id }) => id === event.id);
  if (!child) return 'forget';
  const counted = context.quarantines ? context.restarts.filter(({ id }) => id === event.id) : context.restarts;
  const times = counted.map(({ at }) => at);
  const decision = decideRestart(child.restart, event.exit, times, context.intensity, context.now());
  return decision === 'restart' && HOPELESS.has(faultBehind(event)) ? 'give-up' : decision;
}

/** A first start is not a restart: it is tried again only where the reason passes by itself, or where nobody else suffers by it. */
export function startedInVain(context: SupervisorContext, event: SupervisorEvent): boolean {
  if (context.quarantines) return false;
  return event.type === 'CHILD_DOWN' && !(faultBehind(event) === 'transient' && decide(context, event) !== 'forget');
}

/** Why it gives up over the child of the event, in words. */
export function whyGivenUp({ intensity }: SupervisorContext, event: SupervisorEvent): string {
  if (HOPELESS.has(faultBehind(event))) return 'failed in a way that does not pass';
  return `failed more than ${intensity.maxRestarts} times within ${intensity.periodMs} ms`;
}

/** The failure with which it ends, and the child's behind it. @param what became of the child, in words */
export function giveUp(context: SupervisorContext, event: SupervisorEvent, what: string): VigiliaError {
  const child = 'id' in event ? event.id : '?';
  const cause = event.type === 'CHILD_DOWN' ? event.error : undefined;
  return new VigiliaError('GAVE_UP', `${context.path}/${child} ${what}`, { cause });
}
