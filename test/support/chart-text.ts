import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** What a machine's configuration holds, as far as a chart is concerned. */
interface NodeConfig {
  readonly entry?: unknown;
  readonly exit?: unknown;
  readonly invoke?: unknown;
  readonly on?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly always?: unknown;
}

interface InvokeConfig {
  readonly src: unknown;
  readonly id?: string;
  readonly onDone?: unknown;
  readonly onError?: unknown;
}

interface TransitionConfig {
  readonly target?: unknown;
  readonly guard?: unknown;
  readonly actions?: unknown;
  readonly reenter?: boolean;
}

/**
 * A machine's structure as text that people read and golden files keep: every state with its entry and exit actions, what it invokes, and its
 * transitions in the order in which they are tried; then the delays. The same machine always gives the same text.
 */
export function chartText(machine: AnyStateMachine): string {
  const lines = [`machine ${machine.id}`, ...nodeLines(machine.root, '  ')];
  const delays = Object.entries(machine.implementations.delays as Record<string, unknown>);
  if (delays.length > 0) lines.push('delays', ...delays.map(([name, value]) => `  ${name}: ${delayText(value)}`));
  return `${lines.join('\n')}\n`;
}

function nodeLines(node: AnyStateNode, indent: string): string[] {
  const config = node.config as NodeConfig;
  const lines: string[] = [];
  const add = (label: string, transitions: unknown): void => {
    for (const one of list(transitions)) lines.push(`${indent}${label} ${transitionText(one)}`);
  };
  if (config.entry !== undefined) lines.push(`${indent}entry / ${names(config.entry)}`);
  if (config.exit !== undefined) lines.push(`${indent}exit / ${names(config.exit)}`);
  for (const invoke of list(config.invoke) as InvokeConfig[]) {
    lines.push(`${indent}invoke ${name(invoke.src)}${invoke.id === undefined ? '' : ` as ${invoke.id}`}`);
    add('  done', invoke.onDone);
    add('  error', invoke.onError);
  }
  add('always', config.always);
  for (const [event, transitions] of Object.entries(config.on ?? {})) add(`on ${event}`, transitions);
  for (const [delay, transitions] of Object.entries(config.after ?? {})) add(`after ${delay}`, transitions);
  const initial = initialOf(node);
  for (const child of Object.values(node.states)) {
    const marks = [child.key === initial ? 'initial' : '', child.type === 'final' || child.type === 'parallel' ? child.type : ''];
    const marked = marks.filter((mark) => mark !== '').join(', ');
    lines.push(`${indent}state ${child.key}${marked && ` (${marked})`}`, ...nodeLines(child, `${indent}  `));
  }
  return lines;
}

function initialOf(node: AnyStateNode): string | undefined {
  return node.type === 'compound' ? node.initial.target[0]?.key : undefined;
}

function transitionText(transition: unknown): string {
  if (typeof transition === 'string') return `→ ${transition}`;
  const { target, guard, actions, reenter } = transition as TransitionConfig;
  const parts = [
    guard === undefined ? '' : `[${guardText(guard)}]`,
    target === undefined ? (actions === undefined ? 'ignored' : 'stays') : `→ ${list(target).map(name).join(', ')}`,
    reenter === true ? '(reenter)' : '',
    actions === undefined ? '' : `/ ${names(actions)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** `and`, `or` and `not` of XState are functions that know what they join. */
function guardText(guard: unknown): string {
  const joined = (guard as { guards?: readonly unknown[] }).guards;
  if (typeof guard === 'function' && joined) return joined.map(guardText).join(` ${guard.name.replace(/Guard$/, '') || 'and'} `);
  return name(guard);
}

function delayText(value: unknown): string {
  return typeof value === 'number' ? `${value} ms` : 'by the context';
}

function names(actions: unknown): string {
  return list(actions).map(name).join(', ');
}

function name(of: unknown): string {
  if (typeof of === 'string') return of;
  const type = (of as { type?: unknown }).type;
  if (typeof type === 'string') return type;
  throw new Error('a chart names its actions, guards and actors: this one is inline');
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
