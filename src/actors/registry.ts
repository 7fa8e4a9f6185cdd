import type { AnyActorRef, Snapshot } from 'xstate';
import type { Clock } from '../clock.ts';
import { causeChain } from '../errors.ts';
import type { ExitReason } from '../machines/restart.ts';
import type { ActorNode, JsonObject } from '../ports.ts';
import type { ChildSpec } from './actor.ts';

interface Entry {
  readonly path: string;
  readonly kind: string;
  readonly view: ChildSpec['view'];
  state: string;
  since: number;
  restarts: number;
  lastExit: ActorNode['lastExit'];
  ref: AnyActorRef | undefined;
  /** The state of the child's own machine, where it has one. */
  inner: string | undefined;
}

/** What is alive, by path: written by the supervisors, read by whoever wants to look inside. */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A child got its slot. */
  add(path: string, spec: Pick<ChildSpec, 'kind' | 'view'>): void {
    const known = this.#entries.get(path);
    this.#entries.set(path, {
      path,
      kind: spec.kind,
      view: spec.view,
      state: 'empty',
      since: this.#clock.now(),
      restarts: known?.restarts ?? 0,
      lastExit: known?.lastExit,
      ref: undefined,
      inner: undefined,
    });
  }

  /** A supervisor is gone, and its children's slots with it. */
  removeBelow(path: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(`${path}/`)) this.#entries.delete(key);
  }

  /** A slot's own state: `waiting`, `starting`, `up`, `stopping`, `down`. */
  setState(path: string, state: string): void {
    const entry = this.#entries.get(path);
    if (!entry || entry.state === state) return;
    entry.state = state;
    entry.since = this.#clock.now();
  }

  /** A life began. */
  setRef(path: string, ref: AnyActorRef, incarnation: number): void {
    const entry = this.#entries.get(path);
    if (!entry) return;
    entry.ref = ref;
    entry.inner = undefined;
    this.noteSnapshot(path, ref.getSnapshot() as Snapshot<unknown>);
    entry.restarts = incarnation - 1;
  }

  /** A child's machine took a step. */
  noteSnapshot(path: string, snapshot: Snapshot<unknown>): void {
    const entry = this.#entries.get(path);
    if (!entry || !('value' in snapshot)) return;
    const inner = stateName(snapshot.value);
    // A heartbeat inside a state is no change of it.
    if (topState(entry.inner) !== topState(inner)) entry.since = this.#clock.now();
    entry.inner = inner;
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
    if (!entry) return undefined;
    const depth = rootPath.split('/').length + 1;
    const children = [...this.#entries.keys()]
      .filter((path) => path.startsWith(`${rootPath}/`) && path.split('/').length === depth)
      .map((path) => this.tree(path))
      .filter((node) => node !== undefined);
    const snapshot = entry.ref?.getSnapshot() as Snapshot<unknown> | undefined;
    const context = snapshot && entry.view ? viewOf(entry.view, snapshot) : undefined;
    return {
      path: entry.path,
      kind: entry.kind,
      state: entry.inner !== undefined && entry.state === 'up' ? entry.inner : entry.state,
      since: entry.since,
      restarts: entry.restarts,
      ...(entry.lastExit ? { lastExit: entry.lastExit } : {}),
      ...(context ? { context } : {}),
      children,
    };
  }
}

function topState(name: string | undefined): string | undefined {
  return name?.split(/[.(]/)[0];
}

/** A look inside must never hurt what it looks at. */
function viewOf(view: NonNullable<ChildSpec['view']>, snapshot: Snapshot<unknown>): JsonObject {
  try {
    return view(snapshot);
  } catch (error) {
    return { viewFailed: String(error) };
  }
}

/** A state value as a path: `authenticated(heartbeat.waiting, service.live)`. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value as Record<string, unknown>).map(([key, inner]) => {
    const below = stateName(inner);
    return typeof inner === 'object' && Object.keys(inner as object).length > 1 ? `${key}(${below})` : `${key}.${below}`;
  });
  return parts.join(', ');
}
