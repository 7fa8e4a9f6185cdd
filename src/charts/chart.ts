import { createHash } from 'node:crypto';
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import type { ActorEdge } from '../ports.ts';
import { edgeOf } from './edge-names.ts';

/** What makes a transition happen: somebody's event, time, nothing but its guard, or the end or failure of what a state invokes. */
export type EdgeKind = 'event' | 'after' | 'always' | 'done' | 'error';

/** A transition of a machine, under the names by which an actor's history tells of it. */
export interface ChartEdge extends ActorEdge {
  readonly kind: EdgeKind;
  /** For people: `LINK_DOWN`, `after backoff`, `ping fails`. */
  readonly label: string;
  /** It leaves its state and enters it again, also where it leads back to it. */
  readonly reenters: boolean;
}

/** What a state runs as long as it is active. */
interface ChartInvoke {
  readonly src: string;
  readonly id: string;
}

/** A state of a machine, with those inside it. */
export interface ChartState {
  /** `authenticated.service.live`; empty for the machine itself. */
  readonly path: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** The state around it enters it by itself. */
  readonly initial: boolean;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly invokes: readonly ChartInvoke[];
  readonly children: readonly ChartState[];
}

/** A machine's structure, as data: what is drawn, and what its actors' histories refer to. */
export interface Chart {
  readonly id: string;
  /** Of this structure: another structure has another one (12 hexadecimal digits of its SHA-256). */
  readonly version: string;
  readonly root: ChartState;
  /** In the order in which they are tried, outer states first. */
  readonly edges: readonly ChartEdge[];
  /** In ms; null where the context says how long. */
  readonly delays: Readonly<Record<string, number | null>>;
}

/** @returns the chart of a machine: the same machine always gives the same one */
export function chartOf(machine: AnyStateMachine): Chart {
  const root = stateOf(machine.root, true);
  const edges = edgesOf(machine.root);
  const delays = Object.fromEntries(
    Object.entries(machine.implementations.delays as Record<string, unknown>).map(([name, value]) => [
      name,
      typeof value === 'number' ? value : null,
    ]),
  );
  const content = { id: machine.id, root, edges, delays };
  const version = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  return { ...content, version };
}

/** @returns the name of a transition in a drawing: the same for the chart's edge and for the one that an actor has taken */
export function edgeKey({ from, on, branch }: Pick<ActorEdge, 'from' | 'on' | 'branch'>): string {
  return `${from} ${on} ${branch}`;
}

function stateOf(node: AnyStateNode, initial: boolean): ChartState {
  const first = node.type === 'compound' ? node.initial.target[0] : undefined;
  return {
    path: node.path.join('.'),
    key: node.key,
    type: node.type,
    initial,
    entry: named(node.entry),
    exit: named(node.exit),
    invokes: node.invoke.map(({ src, id }) => ({ src: nameOf(src), id })),
    children: Object.values(node.states).map((child) => stateOf(child, child === first)),
  };
}

function edgesOf(node: AnyStateNode): ChartEdge[] {
  const own = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
  return [...own.map((transition) => chartEdge(transition, node)), ...Object.values(node.states).flatMap(edgesOf)];
}

function chartEdge(transition: AnyTransitionDefinition, node: AnyStateNode): ChartEdge {
  return { ...edgeOf(transition), ...cause(transition.eventType, node), reenters: transition.reenter };
}

/** XState's own event types tell what made them. */
function cause(eventType: string, node: AnyStateNode): Pick<ChartEdge, 'kind' | 'label'> {
  if (eventType === '') return { kind: 'always', label: 'always' };
  const suffix = `.${node.id}`;
  if (eventType.startsWith('xstate.after.')) {
    const delay = eventType.slice('xstate.after.'.length, -suffix.length);
    return { kind: 'after', label: `after ${/^\d+$/.test(delay) ? `${delay} ms` : delay}` };
  }
  for (const [prefix, kind, verb] of ACTOR_EVENTS) {
    if (!eventType.startsWith(prefix)) continue;
    const id = eventType.slice(prefix.length);
    const invoked = node.invoke.find((one) => one.id === id);
    return { kind, label: `${invoked ? nameOf(invoked.src) : id} ${verb}` };
  }
  if (eventType.startsWith('xstate.done.state.')) return { kind: 'done', label: 'done' };
  return { kind: 'event', label: eventType };
}

const ACTOR_EVENTS = [
  ['xstate.done.actor.', 'done', 'done'],
  ['xstate.error.actor.', 'error', 'fails'],
] as const;

/** XState starts and stops the timers of `after` by actions of its own, which the chart shows as transitions. */
function named(actions: readonly unknown[]): string[] {
  return actions.map(nameOf).filter((name) => !name.startsWith('xstate.'));
}

function nameOf(implementation: unknown): string {
  if (typeof implementation === 'string') return implementation;
  const type = (implementation as { readonly type?: unknown }).type;
  return typeof type === 'string' ? type : '(inline)';
}
