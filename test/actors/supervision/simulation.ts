import { type Command, type Event, type Flags, type Rules, react, type Supervisor, supervisor } from '../../support/otp-model.ts';
import {
  CHANCE,
  type FaultName,
  type How,
  type LeafPlan,
  type LifePlan,
  type NodePlan,
  type SupervisorPlan,
} from './scenario.ts';

interface Slot {
  readonly plan: NodePlan;
  readonly path: string;
  state: 'empty' | 'waiting' | 'starting' | 'up' | 'stopping' | 'failing' | 'down' | 'quarantined' | 'suspended';
  incarnation: number;
  /** Counts its states: a timer of an earlier one does nothing. */
  turn: number;
  life: LifePlan | undefined;
  /** In a row, and when the last one ended. */
  quarantines: number;
  quarantineEndedAt: number;
}

interface Due {
  readonly at: number;
  readonly run: () => void;
}

interface Node {
  readonly plan: SupervisorPlan;
  readonly slots: Map<string, Slot>;
  readonly rules: Rules;
  readonly flags: Flags;
  readonly mailbox: (() => void)[];
  busy: boolean;
  model: Supervisor;
}

/** Failures that XState does not see. */
const UNSEEN: readonly How[] = ['timer throws', 'promise rejects unawaited'];

function waitingCommands({ mailbox }: Supervisor): number {
  return mailbox.filter((event) => 'ask' in event).length;
}

/** A supervisor that ended by itself says why; where nothing failed, that it gave up. */
const GAVE_UP: FaultName = 'transient';

/**
 * What should happen to a tree, by the model: each supervisor is one of `otp-model.ts`, each leaf does what its plan says, and time is a list of
 * what is due. What happens is written down line by line.
 */
export class Simulation {
  readonly lines: string[] = [];
  /** By the number of the command: true where it is done, false where it is refused. */
  readonly answers = new Map<number, boolean>();
  readonly counts = { failures: 0, restarts: 0, escalations: 0, quarantines: 0 };
  ended: { readonly at: number; readonly failed: boolean } | undefined;
  /** Instants at which a supervisor took up commands that had waited until it was done with something else. */
  readonly takenUpLate = new Set<number>();
  now = 0;
  readonly #nodes = new Map<string, Node>();
  readonly #lives = new Map<string, number>();
  /** In the order in which they were set. */
  readonly #due: Due[] = [];

  constructor(root: SupervisorPlan) {
    this.#begin(root, 'root');
  }

  /** @returns when something happens next by itself; Infinity when nothing does */
  next(): number {
    return this.#due.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
  }

  /** Lets happen what is due until then. */
  advanceTo(end: number): void {
    for (;;) {
      const first = this.#due.reduce(
        (best: Due | undefined, one) => (one.at <= end && (!best || one.at < best.at) ? one : best),
        undefined,
      );
      if (!first) break;
      this.now = first.at;
      this.#due.splice(this.#due.indexOf(first), 1);
      first.run();
    }
    this.now = end;
  }

  shutdown(): void {
    this.#tell('root', { type: 'shutdown' });
  }

  /** @param leaf the new child, where one is added */
  command(path: string, command: Command, leaf: LeafPlan): void {
    const node = this.#nodes.get(path);
    if (!node) this.answers.set(command.ask, false);
    else if (command.type === 'add') this.#tell(path, { ...command, restart: leaf.restart }, leaf);
    else this.#tell(path, command);
  }

  /** @returns the state of each slot there is, by path */
  states(): Map<string, Slot['state']> {
    return new Map(
      [...this.#nodes.values()].flatMap(({ slots }) => [...slots.values()].map((slot) => [slot.path, slot.state] as const)),
    );
  }

  #begin(plan: SupervisorPlan, path: string): void {
    const backoffMs = (id: string, attempt: number): number => {
      const { baseMs, capMs } = node.slots.get(id)?.plan.backoff ?? { baseMs: 0, capMs: 0 };
      return Math.floor(CHANCE * Math.min(capMs, baseMs * 2 ** attempt));
    };
    const node: Node = {
      plan,
      slots: new Map(),
      mailbox: [],
      busy: false,
      rules: {
        backoffMs,
        firstStartAgain: ['transient'],
        hopeless: ['permanent', 'conflict'],
        exitsAtOnce: true,
        keepsSuspended: true,
        awaitsRestarted: false,
      },
      flags: {
        strategy: plan.strategy,
        maxRestarts: plan.maxRestarts,
        periodMs: plan.periodMs,
        quarantines: plan.quarantine !== undefined,
      },
      model: supervisor(plan.children.map(({ id, restart }) => ({ id, restart }))),
    };
    for (const child of plan.children) this.#slot(node, `${path}/${child.id}`, child);
    this.#nodes.set(path, node);
    this.#tell(path, { type: 'begin' });
  }

  #slot(node: Node, path: string, plan: NodePlan): Slot {
    const slot: Slot = {
      plan,
      path,
      state: 'empty',
      incarnation: 0,
      turn: 0,
      life: undefined,
      quarantines: 0,
      quarantineEndedAt: 0,
    };
    node.slots.set(plan.id, slot);
    return slot;
  }

  /** Each supervisor takes its events one after the other, and while it does, others take theirs. */
  #tell(path: string, event: Event, added?: LeafPlan): void {
    const node = this.#nodes.get(path);
    node?.mailbox.push(() => this.#react(path, event, added));
    if (!node || node.busy) return;
    node.busy = true;
    for (let run = node.mailbox.shift(); run; run = node.mailbox.shift()) run();
    node.busy = false;
  }

  #react(path: string, event: Event, added: LeafPlan | undefined): void {
    const node = this.#nodes.get(path);
    if (!node) return;
    // The child of an `add` that has to wait is known when its turn comes.
    if (added && 'ask' in event) this.#added.set(event.ask, added);
    const { after, effects } = react(node.rules, node.flags, node.model, event, this.now);
    if (waitingCommands(after) < waitingCommands(node.model)) this.takenUpLate.add(this.now);
    node.model = after;
    for (const effect of effects) {
      const slot = 'id' in effect ? (node.slots.get(effect.id) ?? this.#newSlot(node, path, effect.id)) : undefined;
      switch (effect.do) {
        case 'start':
          this.#wait(slot, 'waiting', effect.afterMs);
          break;
        case 'stop':
          this.#stop(slot);
          break;
        case 'quarantine': {
          const { baseMs, capMs } = node.plan.quarantine ?? { baseMs: 0, capMs: 0 };
          // One that has worked for longer than it was ever put aside starts anew.
          if (slot && this.now - slot.quarantineEndedAt >= capMs) slot.quarantines = 0;
          const halfMs = Math.min(capMs / 2, (baseMs / 2) * 2 ** (slot?.quarantines ?? 0));
          const delayMs = Math.floor(halfMs) + Math.floor(CHANCE * halfMs);
          if (slot) slot.quarantines++;
          if (slot) slot.quarantineEndedAt = this.now + delayMs;
          this.counts.quarantines++;
          this.#wait(slot, 'quarantined', delayMs);
          break;
        }
        case 'suspended':
          if (slot) this.#enter(slot, 'suspended');
          break;
        case 'drop':
          if (slot) this.#enter(slot, 'down');
          node.slots.delete(effect.id);
          break;
        case 'wake': {
          const { turn } = effect;
          this.#after(effect.afterMs, () => this.#tell(path, { type: 'wake', turn }));
          break;
        }
        case 'answer':
          this.answers.set(effect.ask, effect.ok);
          break;
        case 'ready':
          this.#ready(path);
          break;
        case 'end':
          this.#end(path, effect.failed, effect.fault);
          break;
      }
    }
  }

  readonly #added = new Map<number, LeafPlan>();

  #newSlot(node: Node, path: string, id: string): Slot | undefined {
    const asked = node.model.asked.findLast((one) => one.id === id && this.#added.has(one.ask));
    const plan = asked && this.#added.get(asked.ask);
    return plan && this.#slot(node, `${path}/${id}`, plan);
  }

  #after(delayMs: number, run: () => void): void {
    if (delayMs !== Number.POSITIVE_INFINITY) this.#due.push({ at: this.now + delayMs, run });
  }

  #in(slot: Slot, delayMs: number, run: () => void): void {
    const { turn } = slot;
    this.#after(delayMs, () => {
      if (slot.turn === turn) run();
    });
  }

  #enter(slot: Slot, state: Slot['state']): void {
    slot.state = state;
    slot.turn++;
  }

  #wait(slot: Slot | undefined, state: 'waiting' | 'quarantined', delayMs: number): void {
    if (!slot) return;
    this.#enter(slot, state);
    this.#in(slot, delayMs, () => this.#bear(slot));
  }

  #bear(slot: Slot): void {
    this.#enter(slot, 'starting');
    slot.incarnation++;
    if (slot.incarnation > 1) this.counts.restarts++;
    const { plan, path } = slot;
    if (plan.kind === 'supervisor') {
      this.#begin(plan, path);
      return;
    }
    const count = this.#lives.get(path) ?? 0;
    this.#lives.set(path, count + 1);
    const life = plan.lives[count % plan.lives.length] as LifePlan;
    slot.life = life;
    this.#say(`born #${slot.incarnation}`, slot);
    if (life.start === 'throws') {
      this.#gone(slot, 'failure', life.fault);
      return;
    }
    this.#in(slot, plan.readyMs, () => this.#gone(slot, 'failure', 'bug'));
    const begun = (): void => {
      if (life.start === 'fails') {
        this.#fail(slot, life);
        return;
      }
      if (life.start === 'ends') {
        this.#gone(slot, 'normal');
        return;
      }
      this.#enter(slot, 'up');
      this.#say('up', slot);
      this.#in(slot, life.runMs, () => (life.after === 'fails' ? this.#fail(slot, life) : this.#gone(slot, 'normal')));
      this.#tellParent(path, { type: 'up', id: plan.id });
    };
    if (life.startMs === 0) begun();
    else this.#in(slot, life.startMs, begun);
  }

  #fail(slot: Slot, life: LifePlan): void {
    if (!UNSEEN.includes(life.how)) this.#gone(slot, 'failure', life.fault);
    // Nobody but itself can end what runs in it: it is asked to, and counts as failed when it is gone.
    else this.#ask(slot, 'failing', life);
  }

  #stop(slot: Slot | undefined): void {
    if (!slot || slot.state === 'stopping' || slot.state === 'failing') return;
    const { plan, path, life } = slot;
    if (slot.state !== 'starting' && slot.state !== 'up') {
      this.#enter(slot, 'down');
      this.#tellParent(path, { type: 'down', id: plan.id, exit: 'shutdown' });
    } else if (plan.kind === 'supervisor') {
      this.#enter(slot, 'stopping');
      this.#tell(path, { type: 'shutdown' });
    } else if (life) this.#ask(slot, 'stopping', life);
  }

  #ask(slot: Slot, state: 'stopping' | 'failing', life: LifePlan): void {
    const { plan } = slot;
    if (plan.kind === 'supervisor') return;
    this.#enter(slot, state);
    this.#say('asked', slot);
    const end = (exit: 'normal' | 'failure' | 'shutdown'): void => {
      if (state === 'failing') this.#gone(slot, 'failure', life.fault);
      else this.#gone(slot, exit, exit === 'failure' ? life.fault : undefined);
    };
    this.#in(slot, plan.shutdownMs, () => end('shutdown'));
    // One that fails unseen now has been asked already, and its deadline runs.
    if (life.stop === 'fails unseen' || (life.stop === 'fails' && plan.kind === 'machine' && UNSEEN.includes(life.how))) return;
    const done = (): void => end(life.stop === 'ends' ? 'normal' : 'failure');
    if (life.stopMs === 0) done();
    else this.#in(slot, life.stopMs, done);
  }

  #gone(slot: Slot, exit: 'normal' | 'failure' | 'shutdown', fault?: FaultName): void {
    this.#enter(slot, 'down');
    this.#say('gone', slot);
    if (exit === 'failure') this.counts.failures++;
    this.#tellParent(slot.path, { type: 'down', id: slot.plan.id, exit, fault });
  }

  #ready(path: string): void {
    const slot = this.#slotAt(path);
    if (slot?.state !== 'starting') return;
    this.#enter(slot, 'up');
    this.#tellParent(path, { type: 'up', id: slot.plan.id });
  }

  #end(path: string, failed: boolean, fault: string | undefined): void {
    if (failed) this.counts.escalations++;
    this.#nodes.delete(path);
    const slot = this.#slotAt(path);
    if (!slot) {
      this.ended = { at: this.now, failed };
      return;
    }
    this.#enter(slot, 'down');
    // In OTP it exits with `shutdown`; here it hands up why it gave up.
    const why = { exit: failed ? ('failure' as const) : ('normal' as const), fault: failed ? (fault ?? GAVE_UP) : undefined };
    this.#tellParent(path, { type: 'down', id: slot.plan.id, ...why });
  }

  #slotAt(path: string): Slot | undefined {
    return this.#nodes.get(path.slice(0, path.lastIndexOf('/')))?.slots.get(path.slice(path.lastIndexOf('/') + 1));
  }

  #tellParent(path: string, event: Event): void {
    this.#tell(path.slice(0, path.lastIndexOf('/')), event);
  }

  #say(what: string, slot: Slot): void {
    this.lines.push(`${this.now} ${slot.path} ${what}`);
  }
}
