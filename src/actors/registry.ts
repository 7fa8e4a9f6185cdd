import type { AnyActorLogic, AnyActorRef, InspectionEvent, Snapshot } from 'xstate';
import type { Clock } from '../clock.ts';
import { causeChain } from '../errors.ts';
import type { ExitReason, RestartType } from '../machines/restart.ts';
import type { ActorDetail, ActorExit, ActorNode, ActorStay, JsonObject, Supervision } from '../ports.ts';
import { type Actable, offersFor } from './act-rules.ts';
import type { ChildSpec } from './actor.ts';
import { ActorRecord } from './actor-record.ts';
import { Recorder } from './recorder.ts';
import { Ring } from './ring.ts';
import { stateName, topState } from './state-name.ts';
import { supervisionOf } from './supervision-view.ts';
import type { SupervisorHandle } from './supervisor-handle.ts';
import { TransitionTap } from './transition-tap.ts';

/** How many states of an actor are remembered. */
const STATES_KEPT = 32;

interface Entry {
  readonly path: string;
  readonly children: Map<string, Entry>;
  readonly record: ActorRecord;
  readonly states: Ring<Omit<ActorStay, 'state'> & { readonly state: unknown }>;
  kind: string;
  restart: RestartType;
  staysUp: string | undefined;
  view: ChildSpec['view'];
  queued: ChildSpec['queued'];
  /** Its slot's state. */
  state: string;
  since: number;
  incarnation: number;
  /** Lives it had under earlier lives of its supervisor. */
  earlierLives: number;
  nextStartAt: number | undefined;
  lastExit: ActorExit | undefined;
  ref: AnyActorRef | undefined;
  /** The state value of the child's own machine, where it has one. */
  inner: unknown;
  /** Where to send commands for its children, where it is a supervisor. */
  supervisor: SupervisorHandle | undefined;
}

/** What one sees of an actor from afar. */
export type ActorGlance = Pick<ActorNode, 'state' | 'since' | 'lastExit'>;

/**
 * What is alive, by path, with what it did: written by the supervisors, read by whoever wants to look inside. What an actor did outlasts its
 * lives and those of its supervisor, and is forgotten with its path.
 */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  /** For the `inspect` option of the root's `createActor`: without it no edges are recorded. */
  readonly inspect: (inspection: InspectionEvent) => void;
  /** What actors do, as they do it. */
  readonly transitions: TransitionTap;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#recorder = new Recorder(clock);
    this.transitions = new TransitionTap(clock);
    this.inspect = this.#recorder.inspect;
  }

  /** A child got its slot, as the last of its siblings. */
  add(path: string, spec: Pick<ChildSpec, 'kind' | 'view' | 'queued' | 'restart' | 'staysUp'>): void {
    const entry = this.#entries.get(path) ?? this.#newEntry(path);
    entry.kind = spec.kind;
    entry.restart = spec.restart ?? 'permanent';
    entry.staysUp = spec.staysUp;
    entry.view = spec.view;
    entry.queued = spec.queued;
    this.#empty(entry);
    this.#entries.set(path, entry);
    const siblings = this.#parent(path)?.children;
    siblings?.delete(path);
    siblings?.set(path, entry);
  }

  /** A supervisor starts with these children: others that it had are forgotten, and what these did in its earlier lives is kept. */
  keepBelow(path: string, ids: readonly string[]): void {
    const kept = new Set(ids.map((id) => `${path}/${id}`));
    for (const child of [...(this.#entries.get(path)?.children.values() ?? [])]) {
      if (kept.has(child.path)) this.#emptyAll(child);
      else this.remove(child.path);
    }
  }

  /** A supervisor is gone for good, and its children with it. */
  removeBelow(path: string): void {
    this.keepBelow(path, []);
  }

  /** A child is gone for good, and all below it. */
  remove(path: string): void {
    this.removeBelow(path);
    this.#entries.delete(path);
    this.#parent(path)?.children.delete(path);
  }

  /** A slot's own state: `waiting`, `starting`, `up`, `stopping`, `down`. */
  setState(path: string, state: string): void {
    const entry = this.#entries.get(path);
    if (!entry || entry.state === state) return;
    entry.state = state;
    entry.nextStartAt = undefined;
    this.#noteStay(entry);
  }

  /** It will be started after this delay, in ms: told after the state in which it waits. */
  setBackoff(path: string, delayMs: number): void {
    const entry = this.#entries.get(path);
    // Told again with each step of its slot: the first time is when the delay began.
    if (entry) entry.nextStartAt ??= this.#clock.now() + delayMs;
  }

  /** A life began. */
  setRef(path: string, ref: AnyActorRef, incarnation: number): void {
    const entry = this.#entries.get(path);
    if (!entry || entry.ref === ref) return;
    entry.ref = ref;
    entry.inner = undefined;
    entry.incarnation = incarnation;
    this.noteSnapshot(path, ref.getSnapshot() as Snapshot<unknown>);
  }

  /** @returns who lives there now */
  ref(path: string): AnyActorRef | undefined {
    return this.#entries.get(path)?.ref;
  }

  /** A supervisor takes commands. */
  setSupervisor(path: string, handle: SupervisorHandle): void {
    const entry = this.#entries.get(path);
    if (entry) entry.supervisor = handle;
  }

  /** @returns where to send commands for the children of a supervisor; undefined where no supervisor is */
  supervisor(path: string): SupervisorHandle | undefined {
    return this.#entries.get(path)?.supervisor;
  }

  /** A life begins. @returns its logic, with its events recorded and timed */
  recorded<L extends AnyActorLogic>(path: string, incarnation: number, logic: L): L {
    const entry = this.#entries.get(path);
    if (!entry) return logic;
    entry.incarnation = incarnation;
    return this.#recorder.recorded(logic, entry.record, incarnation);
  }

  /**
   * An actor handled something that did not come to it as an event of XState's: a wake-up, a batch. It counts as an event of this name.
   * @param durationMs from its beginning to its end, in ms, with what it waited for
   */
  noteHandled(path: string, event: string, durationMs: number): void {
    const entry = this.#entries.get(path);
    if (!entry) return;
    const { record, incarnation } = entry;
    record.close(record.open(event, incarnation, false, this.#clock.monotonic()), durationMs, false);
  }

  /** A child's machine took a step. */
  noteSnapshot(path: string, snapshot: Snapshot<unknown>): void {
    const entry = this.#entries.get(path);
    if (!entry || !('value' in snapshot)) return;
    // A heartbeat inside a state is no change of it.
    const changed = topState(entry.inner) !== topState(snapshot.value);
    entry.inner = snapshot.value;
    if (!changed) return;
    entry.since = this.#clock.now();
    if (entry.state === 'up') this.#noteStay(entry);
  }

  /** A life ended. */
  setExit(path: string, reason: ExitReason, error: unknown): void {
    const entry = this.#entries.get(path);
    if (!entry) return;
    entry.ref = undefined;
    entry.lastExit = { at: this.#clock.now(), reason, causes: error === undefined ? [] : causeChain(error) };
  }

  /** @returns the tree from the root down, children in the order in which they start; undefined before there is one */
  tree(rootPath = 'root'): ActorNode | undefined {
    const entry = this.#entries.get(rootPath);
    return entry && this.#nodeOf(entry);
  }

  /** @returns how an actor is, without those below it and without a look inside: for whoever asks of hundreds at once; undefined where there is none */
  glance(path: string): ActorGlance | undefined {
    const entry = this.#entries.get(path);
    return entry && { state: stateName(shown(entry)), since: entry.since, ...(entry.lastExit && { lastExit: entry.lastExit }) };
  }

  /** @returns an actor with its past and the tree below it; undefined where there is none */
  detail(path: string): ActorDetail | undefined {
    const entry = this.#entries.get(path);
    if (!entry) return undefined;
    const states = entry.states.newestFirst().map((stay) => ({ ...stay, state: stateName(stay.state) }));
    const acts = offersFor(this.#actableOf(entry));
    return { ...this.#nodeOf(entry), states, transitions: entry.record.transitions(), acts };
  }

  /** @returns what decides about what people may do with an actor; undefined where there is none */
  actable(path: string): Actable | undefined {
    const entry = this.#entries.get(path);
    return entry && this.#actableOf(entry);
  }

  #actableOf({ path, kind, state, restart, staysUp, ref }: Entry): Actable {
    const snapshot = ref?.getSnapshot() as (Snapshot<unknown> & { can?(event: { readonly type: string }): boolean }) | undefined;
    const can = (event: string): boolean => snapshot?.status === 'active' && snapshot.can?.({ type: event }) === true;
    return { path, kind, slot: state, restart, supervisor: this.#supervisorBusyWith(path), staysUp, can };
  }

  /** @returns undefined where the supervisor of an actor takes a command at once, or there is none */
  #supervisorBusyWith(path: string): string | undefined {
    const snapshot = this.#parent(path)?.ref?.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || !('value' in snapshot)) return undefined;
    const [outer, inner] = stateName(snapshot.value).split('.');
    return inner === 'running' ? undefined : (inner ?? outer);
  }

  #newEntry(path: string): Entry {
    return {
      path,
      children: new Map(),
      record: new ActorRecord(this.#clock, path, this.transitions),
      states: new Ring(STATES_KEPT),
      kind: '',
      restart: 'permanent',
      staysUp: undefined,
      view: undefined,
      queued: undefined,
      state: '',
      since: 0,
      incarnation: 0,
      earlierLives: 0,
      nextStartAt: undefined,
      lastExit: undefined,
      ref: undefined,
      inner: undefined,
      supervisor: undefined,
    };
  }

  #parent(path: string): Entry | undefined {
    return this.#entries.get(path.slice(0, path.lastIndexOf('/')));
  }

  #empty(entry: Entry): void {
    entry.ref = undefined;
    entry.inner = undefined;
    entry.state = 'empty';
    entry.since = this.#clock.now();
    entry.nextStartAt = undefined;
    // Its next slot counts from 1 again.
    entry.earlierLives += entry.incarnation;
    entry.incarnation = 0;
  }

  #emptyAll(entry: Entry): void {
    this.#empty(entry);
    for (const child of entry.children.values()) this.#emptyAll(child);
  }

  #noteStay(entry: Entry): void {
    entry.since = this.#clock.now();
    entry.states.push({ at: entry.since, incarnation: entry.incarnation, state: shown(entry) });
  }

  #nodeOf(entry: Entry): ActorNode {
    const snapshot = entry.ref?.getSnapshot() as Snapshot<unknown> | undefined;
    const supervision = snapshot && this.#supervisionOf(snapshot);
    const context = snapshot && entry.view ? viewOf(entry.view, snapshot) : undefined;
    return {
      path: entry.path,
      kind: entry.kind,
      state: stateName(shown(entry)),
      since: entry.since,
      incarnation: entry.incarnation,
      restarts: Math.max(0, entry.earlierLives + entry.incarnation - 1),
      ...(entry.nextStartAt === undefined ? {} : { nextStartAt: entry.nextStartAt }),
      ...(supervision ? { supervision } : {}),
      events: entry.record.events(),
      ...queuedFor(entry),
      ...(entry.lastExit ? { lastExit: entry.lastExit } : {}),
      ...(context ? { context } : {}),
      children: [...entry.children.values()].map((child) => this.#nodeOf(child)),
    };
  }

  #supervisionOf(snapshot: Snapshot<unknown>): Supervision | undefined {
    return supervisionOf(snapshot, this.#clock.monotonic());
  }
}

/** While it is up, its machine's state says more than its slot's. */
function shown({ state, inner }: Entry): unknown {
  return state === 'up' && inner !== undefined ? inner : state;
}

/** As with the view: one that cannot be counted is not shown. */
function queuedFor({ queued }: Entry): Pick<ActorNode, 'queued'> {
  try {
    return queued ? { queued: queued() } : {};
  } catch {
    return {};
  }
}

/** A look inside must never hurt what it looks at. */
function viewOf(view: NonNullable<ChildSpec['view']>, snapshot: Snapshot<unknown>): JsonObject {
  try {
    return view(snapshot);
  } catch (error) {
    return { viewFailed: String(error) };
  }
}
