import type { ChildSpec } from '../../../src/actors/actor.ts';
import type { ActorSystem } from '../../../src/actors/system.ts';
import { silentLog } from '../../../src/log.ts';
import type { ActorNode } from '../../../src/ports.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type Lived, leafSpec } from './fixtures.ts';
import type { Runtime } from './runtime.ts';
import { CHANCE, type CommandPlan, type LifePlan, type NodePlan, type Scenario, type SupervisorPlan } from './scenario.ts';
import { Simulation } from './simulation.ts';

/** The runtime did something else than the model, or something that no model may do. */
class Mismatch extends Error {}

/** The two part at an instant at which either is right. */
class Undecided extends Error {}

const SLOT_STATES = new Set(['empty', 'waiting', 'starting', 'stopping', 'failing', 'down', 'quarantined', 'suspended']);

/** Failures that nobody awaited and that no living actor answers for, of the run that goes on. */
let stray: (error: unknown) => void = () => {};

/** Takes what nobody awaits, as the program's own handlers do. @returns gives the handlers back that were there before */
export function catchStrays(): () => void {
  const theirs = process.listeners('unhandledRejection');
  const ours = (error: unknown): void => stray(error);
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', ours);
  return () => {
    process.off('unhandledRejection', ours);
    for (const listener of theirs) process.on('unhandledRejection', listener);
  };
}

/**
 * Runs a scenario in the runtime and in the model side by side.
 * @returns what was counted; `undecided` is 1 where it was followed only to an instant at which more than one order is right
 * @throws a {@link Mismatch} where they part
 */
export async function runScenario(scenario: Scenario, runtime: Runtime) {
  const run = new Run(scenario, runtime);
  try {
    await run.toTheEnd();
  } catch (thrown) {
    if (!(thrown instanceof Undecided)) throw thrown;
    return { ...run.model.counts, lives: 0, leaks: 0, undecided: 1 };
  }
  return { ...run.model.counts, ...run.lives(), undecided: 0 };
}

/**
 * What children that start at one instant, without waiting for each other, do first is a matter of taste. What each does is not, nor in which order
 * a supervisor starts them, nor in which order anything ends.
 */
function isSameButForChance(model: readonly string[], real: readonly string[]): boolean {
  const views: ((at: string, path: string, what: string) => string)[] = [
    (_, path) => path,
    (at, path, what) => (what === 'born' ? `${at} ${path.slice(0, path.lastIndexOf('/'))}` : ''),
    (_, __, what) => (what === 'asked' || what === 'gone' ? 'ends' : ''),
  ];
  return views.every((view) => {
    const [one, other] = [model, real].map((lines) => {
      const threads = new Map<string, string[]>();
      for (const line of lines) {
        const [at = '', path = '', what = ''] = line.split(' ');
        const key = view(at, path, what);
        if (key !== '') threads.set(key, [...(threads.get(key) ?? []), line]);
      }
      return JSON.stringify([...threads].sort(([a], [b]) => (a < b ? -1 : 1)));
    });
    return one === other;
  });
}

class Run {
  readonly model: Simulation;
  readonly #scenario: Scenario;
  readonly #runtime: Runtime;
  readonly #clock: VirtualClock;
  readonly #system: ActorSystem;
  readonly #deps;
  readonly #lines: string[] = [];
  readonly #lives = new Map<string, Lived[]>();
  readonly #all: Lived[] = [];
  readonly #answers = new Map<number, boolean>();
  readonly #wrongs: string[] = [];
  #compared = 0;
  #ended: { readonly at: number; readonly failed: boolean } | undefined;
  #started: boolean | undefined;

  constructor(scenario: Scenario, runtime: Runtime) {
    this.#scenario = scenario;
    this.#runtime = runtime;
    stray = (error) => {
      const owner = runtime.currentOwner();
      // One that is over already does not take it, and that is well.
      if (owner) owner.take(error);
      else this.#wrongs.push(`nobody answers for a stray failure: ${String(error)}`);
    };
    this.#clock = new VirtualClock(0, { turns: 1, uncaught: (error) => stray(error) });
    const clock = this.#clock;
    this.#deps = { clock, registry: new runtime.Registry(clock), random: () => CHANCE, log: silentLog };
    this.#system = runtime.startSystem(this.#supervisor(scenario.root, 'root'), this.#deps);
    this.#system.started.then(
      () => {
        this.#started = true;
      },
      () => {
        this.#started = false;
      },
    );
    void this.#system.ended.then((failure) => {
      this.#ended = { at: clock.now(), failed: failure !== undefined };
    });
    this.model = new Simulation(scenario.root);
  }

  /** @returns how many lives there were, and how many of them are not over or left something behind */
  lives(): { readonly lives: number; readonly leaks: number } {
    const leaks = this.#all.filter(({ goneAt, held }) => goneAt === undefined || held !== 0).length;
    return { lives: this.#all.length, leaks };
  }

  async toTheEnd(): Promise<void> {
    const { commands, shutdownAt } = this.#scenario;
    const acts = [
      ...commands.map((command, ask) => ({ at: command.at, act: () => this.#command(command, ask) })),
      { at: shutdownAt, act: () => this.#shutdown() },
      ...[1, 2, 3, 4].map((part) => ({ at: (part * shutdownAt) / 5, act: () => {} })),
    ].sort((one, other) => one.at - other.at);
    for (const { at, act } of acts) {
      await this.#advanceTo(at);
      act();
      await this.#advanceTo(at);
    }
    while (!this.model.ended) {
      const next = this.model.next();
      if (next === Number.POSITIVE_INFINITY) throw new Error('the model itself waits for nothing');
      await this.#advanceTo(next);
    }
    if (this.#started === undefined) this.#wrongs.push('`started` is not settled at the end');
    // Those who were killed and did not heed it come to their end too: nobody may care.
    await this.#advanceTo(this.#clock.now() + 1_000);
    for (const { path, life, held, goneAt } of this.#all) {
      if (goneAt === undefined) this.#wrongs.push(`${path}#${life.incarnation} lives on after the end`);
      if (held !== 0) this.#wrongs.push(`${path}#${life.incarnation} leaves ${held} of what it held`);
    }
    if (this.#clock.pending > 0) this.#wrongs.push(`${this.#clock.pending} timers are left`);
    this.#check();
  }

  async #advanceTo(at: number): Promise<void> {
    this.model.advanceTo(at);
    await this.#clock.advanceTo(at);
    this.#check();
  }

  #check(): void {
    const model = this.model.lines.slice(this.#compared);
    const real = this.#lines.slice(this.#compared);
    const at = model.findIndex((line, index) => line !== real[index]);
    if (model.length !== real.length || (at >= 0 && !isSameButForChance(model, real))) {
      this.#doubt(model, real);
      this.#wrong(`the model has "${model.at(at)}", the runtime "${real.at(at)}"`);
    }
    this.#compared += model.length;
    for (let ask = 0; ask < this.#scenario.commands.length; ask++) {
      const [model, real] = [this.model.answers.get(ask), this.#answers.get(ask)];
      if (model !== real) this.#wrong(`command ${ask}: the model says ${model}, the runtime ${real}`);
    }
    const { ended } = this.model;
    if (ended?.at !== this.#ended?.at || ended?.failed !== this.#ended?.failed) {
      this.#wrong(`the end: the model has ${JSON.stringify(ended)}, the runtime ${JSON.stringify(this.#ended)}`);
    }
    this.#checkTree();
    // What a machine has left behind is to be gone with it; a task that is killed is abandoned.
    for (const { leaf, goneAt, held, path, life } of this.#all) {
      if (leaf.kind === 'machine' && goneAt !== undefined && held !== 0)
        this.#wrong(`${path}#${life.incarnation} leaves ${held} running`);
    }
    if (this.#wrongs.length > 0) this.#wrong(this.#wrongs.join('; '));
  }

  /**
   * Each time of a scenario has a fraction of its own, so that nothing happens at the same instant by chance. What had to wait for something else is
   * the exception: it is taken up at that very instant, beside all else that follows from it in other supervisors.
   */
  #doubt(model: readonly string[], real: readonly string[]): void {
    const at = Array.from({ length: Math.max(model.length, real.length) }).findIndex((_, index) => model[index] !== real[index]);
    const instants = [model[at], real[at]].flatMap((line) => (line === undefined ? [] : [Number(line.split(' ')[0])]));
    if (this.model.takenUpLate.has(Math.min(...instants))) throw new Undecided();
  }

  #checkTree(): void {
    const nodes = new Map<string, ActorNode>();
    const collect = (node: ActorNode): void => {
      nodes.set(node.path, node);
      for (const child of node.children) collect(child);
    };
    collect(this.#system.tree());
    const states = this.model.states();
    for (const [path, state] of states) {
      const real = nodes.get(path)?.state;
      const right = state === 'up' ? real !== undefined && !SLOT_STATES.has(real) : real === state;
      if (!right) this.#wrong(`${path} is ${state} in the model, ${real} in the tree`);
    }
    for (const path of nodes.keys()) {
      const above = states.get(path.slice(0, path.lastIndexOf('/')));
      if (!states.has(path) && (above === 'up' || above === 'starting'))
        this.#wrong(`${path} is in the tree, and not in the model`);
    }
  }

  #wrong(what: string): never {
    const from = Math.max(0, this.#compared - 12);
    const lines = (of: readonly string[]): string => of.slice(from, this.#compared + 4).join('\n  ');
    const more = this.#wrongs.filter((wrong) => wrong !== what).map((wrong) => `\nand ${wrong}`);
    throw new Mismatch(
      `at ${this.#clock.now()}: ${what}${more.join('')}\nmodel:\n  ${lines(this.model.lines)}\nruntime:\n  ${lines(this.#lines)}`,
    );
  }

  #shutdown(): void {
    this.model.shutdown();
    void this.#system.stop();
  }

  #command({ path, type, id, leaf }: CommandPlan, ask: number): void {
    this.model.command(path, { type, id, ask }, leaf);
    const handle = this.#system.supervisor(path);
    if (!handle) {
      this.#answers.set(ask, false);
      return;
    }
    const answer = type === 'add' ? handle.add(this.#leaf(leaf, `${path}/${id}`)) : handle[type](id);
    answer.then(
      () => this.#answers.set(ask, true),
      (error: { code?: string }) => {
        this.#answers.set(ask, false);
        if (error.code !== 'SUPERVISION_REFUSED') this.#wrongs.push(`command ${ask} is refused with ${String(error)}`);
      },
    );
  }

  #supervisor(plan: SupervisorPlan, path: string) {
    const { strategy, maxRestarts, periodMs, quarantine, children } = plan;
    return {
      strategy,
      intensity: { maxRestarts, periodMs },
      ...(quarantine ? { quarantine } : {}),
      children: children.map((child) => this.#child(child, `${path}/${child.id}`)),
    };
  }

  #child(plan: NodePlan, path: string): ChildSpec {
    if (plan.kind !== 'supervisor') return this.#leaf(plan, path);
    const { id, restart, backoff } = plan;
    return { ...this.#runtime.supervisorSpec(id, () => this.#supervisor(plan, path), this.#deps), restart, backoff };
  }

  #leaf(plan: NodePlan & { readonly kind: 'task' | 'machine' }, path: string): ChildSpec {
    return leafSpec(plan, path, this.#clock, this.#runtime, (lived) => this.#begin(lived));
  }

  #begin(lived: Lived): LifePlan {
    const { path, leaf, life } = lived;
    const clock = this.#clock;
    const before = this.#lives.get(path) ?? [];
    const last = before.at(-1);
    if (last && last.goneAt === undefined)
      this.#wrongs.push(`${path}#${life.incarnation} begins while #${last.life.incarnation} lives`);
    const told = life.lastWord?.incarnation;
    if (told === undefined ? life.incarnation !== 1 : told !== last?.life.incarnation || life.incarnation !== told + 1) {
      this.#wrongs.push(`${path}#${life.incarnation} follows #${last?.life.incarnation} and is told of #${told}`);
    }
    // A word of the life before, far too late.
    last?.life.ready();
    this.#lives.set(path, [...before, lived]);
    this.#all.push(lived);
    const write = (what: string): void => {
      if (this.#lines.length < 10_000) this.#lines.push(`${clock.now()} ${path} ${what}`);
    };
    write(`born #${life.incarnation}`);
    lived.say = (what) => {
      if (lived.goneAt !== undefined || (what === 'asked' && lived.askedAt !== undefined)) return;
      write(what);
      if (what === 'asked') lived.askedAt = clock.now();
      if (what !== 'gone') return;
      lived.goneAt = clock.now();
      if (lived.askedAt !== undefined && lived.goneAt - lived.askedAt > leaf.shutdownMs)
        this.#wrongs.push(`${path} took too long to stop`);
    };
    return leaf.lives[before.length % leaf.lives.length] as LifePlan;
  }
}
