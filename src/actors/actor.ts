import type { ActorLogic, ActorSystem, ActorSystemInfo, AnyActorLogic, Snapshot } from 'xstate';
import type { BackoffPolicy } from '../machines/backoff.ts';
import type { ExitReason, RestartType } from '../machines/restart.ts';
import type { JsonObject } from '../ports.ts';

/** What is known of how the life before ended. */
interface LastWord {
  readonly incarnation: number;
  readonly exit: ExitReason;
  /** Undefined where it did not fail. */
  readonly error: unknown;
  /** The state its machine was in, as `GET /api/state` shows it; undefined where it had none. */
  readonly state: string | undefined;
}

/** What one life of a child is given. */
export interface Life {
  /** `root/accounts/main/connection`. */
  readonly path: string;
  /** Counts the child's lives, from 1. */
  readonly incarnation: number;
  /** Undefined in the first life. */
  readonly lastWord: LastWord | undefined;
  /** Says that the child does its work; its later siblings start then. Saying it again changes nothing. */
  readonly ready: () => void;
  /**
   * Tells that a piece of work is done which did not come through the mailbox, as a task's does not: it shows among the actor's events.
   * @param event what it was, for people: one of a few names
   * @param durationMs from its beginning to its end, with what it waited for
   */
  readonly handled: (event: string, durationMs: number) => void;
}

/** What a life runs: logic, and what it starts with. */
export interface Start {
  readonly logic: AnyActorLogic;
  readonly input?: unknown;
}

/** One child of a supervisor, as data: the tree is made of these (OTP's child specification). */
export interface ChildSpec {
  readonly id: string;
  /** What it is, for people: `task`, `supervisor`, or the machine's name. */
  readonly kind: string;
  /** Makes the logic of one life; called at every start. */
  readonly start: (life: Life) => Start;
  /** @default 'permanent' */
  readonly restart?: RestartType;
  /** How long it may take to become ready, in ms; `Infinity` where it bounds itself, as supervisors do. @default 60_000 */
  readonly readyMs?: number;
  /** How long it may take to stop before it is killed, in ms; 0 kills it at once. @default 5_000 */
  readonly shutdownMs?: number;
  /** Delay before a restart; slow enough and it would defeat the supervisor's intensity, which is refused. @default 100 ms to 5 s */
  readonly backoff?: BackoffPolicy;
  /** Why a person may not stop it, where one may not: what stands on it could not be asked to start it again. */
  readonly staysUp?: string;
  /** What may be shown of its insides: made for people to read, without secrets. */
  readonly view?: (snapshot: Snapshot<unknown>) => JsonObject;
  /** How much waits for it, in whatever it counts: for an actor that has a queue of its own. What it handles at once does not wait. */
  readonly queued?: () => number;
}

type TaskSnapshot = Snapshot<undefined> & { readonly abort: AbortController };

/** Ends what a task is doing whose actor is gone. Other logic has nothing to end. */
export function abandon(snapshot: Snapshot<unknown>): void {
  if ('abort' in snapshot && snapshot.abort instanceof AbortController) snapshot.abort.abort();
}

type TaskEvent =
  | { readonly type: 'SHUTDOWN' }
  | { readonly type: 'vigilia.task.done' }
  | { readonly type: 'vigilia.task.failed'; readonly error: unknown };

/**
 * Actor logic from an async function that runs as long as the actor lives. `SHUTDOWN` aborts its signal, and the actor ends when the function does;
 * being killed aborts it too. Unlike XState's `fromPromise`, an asked-for stop is waited for, and a rejection reaches the supervisor even then.
 * A function that does not heed its signal cannot be ended from outside: killed, it is abandoned, and what it does later is nobody's any more.
 */
export function task(
  run: (signal: AbortSignal) => Promise<void>,
): ActorLogic<TaskSnapshot, TaskEvent, unknown, ActorSystem<ActorSystemInfo>> {
  return {
    getInitialSnapshot: () =>
      ({ status: 'active', output: undefined, error: undefined, abort: new AbortController() }) as TaskSnapshot,
    start: (snapshot, { self }) => {
      // A killed task may settle later; nobody is left to hear of it.
      const tell = (event: TaskEvent): void => {
        if (self.getSnapshot().status === 'active') self.send(event);
      };
      run(snapshot.abort.signal).then(
        () => tell({ type: 'vigilia.task.done' }),
        (error: unknown) => tell({ type: 'vigilia.task.failed', error }),
      );
    },
    transition: (snapshot, event) => {
      if (snapshot.status !== 'active') return snapshot;
      switch (event.type) {
        case 'vigilia.task.done':
          return { ...snapshot, status: 'done', output: undefined } as TaskSnapshot;
        case 'vigilia.task.failed':
          return { ...snapshot, status: 'error', error: event.error } as TaskSnapshot;
        case 'SHUTDOWN':
          snapshot.abort.abort();
          return snapshot;
        default:
          // XState's own stop: the actor is being killed.
          if ((event as { type: string }).type !== 'xstate.stop') return snapshot;
          snapshot.abort.abort();
          return { ...snapshot, status: 'stopped' } as TaskSnapshot;
      }
    },
    getPersistedSnapshot: (snapshot) => ({ status: snapshot.status, output: undefined, error: undefined }) as Snapshot<unknown>,
  };
}
