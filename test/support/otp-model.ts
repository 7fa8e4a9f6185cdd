/**
 * An OTP supervisor as a pure function over events, written from the documentation of Erlang's `supervisor` and "Supervisor Behaviour", and of
 * nothing else: what the runtime does is compared with it. Where the runtime departs from OTP on purpose, it is a parameter.
 * @see https://www.erlang.org/doc/apps/stdlib/supervisor.html
 * @see https://www.erlang.org/doc/system/sup_princ.html
 */
export interface Rules {
  /** How long a restart waits. OTP: it does not. */
  readonly backoffMs: (id: string, attempt: number) => number;
  /** Faults after which a first start is tried again. OTP: none; the supervisor does not start. */
  readonly firstStartAgain: readonly string[];
  /** Faults that are never met by a restart. OTP: none. */
  readonly hopeless: readonly string[];
  /** An exit while others are stopped or started is met at once. OTP: it waits in the mailbox. */
  readonly exitsAtOnce: boolean;
  /** One that was stopped by hand is left out when its siblings are restarted. OTP: it is started with them. */
  readonly keepsSuspended: boolean;
  /** Where nothing stands on one that is restarted by hand, commands wait until it is up. OTP: until `restart_child` returns. */
  readonly awaitsRestarted: boolean;
}

export interface Child {
  readonly id: string;
  readonly restart: 'permanent' | 'transient' | 'temporary';
}
export interface Flags {
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly maxRestarts: number;
  readonly periodMs: number;
  /** A child beyond the intensity, counted for it alone, is put aside. OTP: never. */
  readonly quarantines: boolean;
}
export type Command = {
  readonly type: 'add' | 'remove' | 'suspend' | 'resume' | 'restart';
  readonly id: string;
  readonly ask: number;
  readonly restart?: Child['restart'];
};
export type Event =
  | { readonly type: 'begin' | 'shutdown' }
  | { readonly type: 'wake'; readonly turn: number }
  | { readonly type: 'up'; readonly id: string }
  | {
      readonly type: 'down';
      readonly id: string;
      readonly exit: 'normal' | 'failure' | 'shutdown';
      readonly fault?: string | undefined;
    }
  | Command;
type Effect =
  | { readonly do: 'start'; readonly id: string; readonly afterMs: number }
  | { readonly do: 'stop' | 'quarantine' | 'suspended' | 'drop'; readonly id: string }
  | { readonly do: 'wake'; readonly afterMs: number; readonly turn: number }
  | { readonly do: 'answer'; readonly ask: number; readonly ok: boolean }
  | { readonly do: 'ready' }
  | { readonly do: 'end'; readonly failed: boolean; readonly fault?: string | undefined };

export interface Supervisor {
  phase: 'starting' | 'running' | 'draining' | 'pausing' | 'stopping' | 'ended';
  /** The very first start of all children goes on. */
  first: boolean;
  children: readonly Child[];
  alive: readonly string[];
  queue: readonly string[];
  group: readonly string[];
  delayMs: number;
  turn: number;
  restarts: readonly { readonly id: string; readonly at: number }[];
  failures: Readonly<Record<string, { readonly count: number; readonly at: number }>>;
  held: Readonly<Record<string, 'suspended' | 'removed'>>;
  fresh: readonly string[];
  mailbox: readonly Event[];
  asked: readonly { readonly ask: number; readonly id: string; readonly wants: 'up' | 'down' }[];
  failure: { readonly fault: string | undefined } | undefined;
}

/** @returns a supervisor of these children before its `begin` */
export function supervisor(children: readonly Child[]): Supervisor {
  const none = { alive: [], queue: [], group: [], restarts: [], failures: {}, held: {}, fresh: [], mailbox: [], asked: [] };
  return { phase: 'starting', first: true, children, delayMs: 0, turn: 0, failure: undefined, ...none };
}

/** One step: nothing but its arguments goes in, nothing but its result comes out. */
export function react(rules: Rules, flags: Flags, before: Supervisor, event: Event, now: number) {
  const step = new Step(rules, flags, { ...before }, now);
  step.take(event);
  return { after: step.s as Readonly<Supervisor>, effects: step.effects as readonly Effect[] };
}

class Step {
  readonly effects: Effect[] = [];
  readonly rules: Rules;
  readonly flags: Flags;
  readonly s: Supervisor;
  readonly now: number;

  constructor(rules: Rules, flags: Flags, s: Supervisor, now: number) {
    this.rules = rules;
    this.flags = flags;
    this.s = s;
    this.now = now;
  }

  take(event: Event): void {
    const { s } = this;
    const commanded = 'ask' in event;
    if (s.phase === 'ended') return;
    if (commanded && s.phase === 'stopping') {
      this.answer(event.ask, false);
      return;
    }
    const foreign = event.type === 'down' && s.queue[0] !== event.id && !(s.phase === 'draining' && s.queue.includes(event.id));
    const waits = commanded || (foreign && !this.rules.exitsAtOnce && s.phase !== 'stopping');
    if (s.phase !== 'running' && waits) s.mailbox = [...s.mailbox, event];
    else if (commanded) this.command(event);
    else if (event.type === 'up') this.up(event.id);
    else if (event.type === 'down') this.down(event.id, event.exit, event.fault);
    else if (event.type === 'begin') this.startThese(s.children.map(({ id }) => id));
    else if (event.type === 'wake' && s.phase === 'pausing' && event.turn === s.turn) this.startGroup();
    else if (event.type === 'shutdown' && s.phase !== 'stopping') this.stopAll();
  }

  /** The next of those to start or to stop; each is waited for. */
  next(): void {
    const { s } = this;
    const head = s.queue[0];
    if (s.phase === 'starting' && head !== undefined) {
      s.alive = [...s.alive, head];
      this.effects.push({ do: 'start', id: head, afterMs: 0 });
      if (!s.first && this.flags.strategy === 'one_for_one' && !this.rules.awaitsRestarted) this.shift(head);
    } else if (s.phase === 'starting') {
      Object.assign(s, { phase: 'running', first: false });
      this.effects.push({ do: 'ready' });
      this.openMailbox();
    } else if (head !== undefined) {
      const dead = s.mailbox.some((event) => event.type === 'down' && event.id === head);
      s.mailbox = s.mailbox.filter((event) => event.type !== 'down' || event.id !== head);
      if (dead) this.down(head, 'shutdown', undefined);
      else this.effects.push({ do: 'stop', id: head });
    } else if (s.phase === 'draining') {
      Object.assign(s, { phase: 'pausing', turn: s.turn + 1 });
      this.effects.push({ do: 'wake', afterMs: s.delayMs, turn: s.turn });
    } else {
      s.phase = 'ended';
      this.effects.push({ do: 'end', failed: s.failure !== undefined, fault: s.failure?.fault });
    }
  }

  openMailbox(): void {
    const [event, ...mailbox] = this.s.mailbox;
    if (this.s.phase !== 'running' || !event) return;
    this.s.mailbox = mailbox;
    this.take(event);
    this.openMailbox();
  }

  shift(id: string): void {
    const wasHead = this.s.queue[0] === id;
    this.s.queue = this.s.queue.filter((other) => other !== id);
    if (wasHead) this.next();
  }

  startThese(queue: readonly string[]): void {
    Object.assign(this.s, { phase: 'starting', queue });
    this.next();
  }

  startGroup(): void {
    const { s } = this;
    if (!this.rules.keepsSuspended) s.held = {};
    this.startThese(s.children.map(({ id }) => id).filter((id) => s.group.includes(id) && !s.held[id]));
  }

  /** "The child processes are terminated in the reverse order." */
  stopThese(phase: 'draining' | 'stopping', ids: readonly string[]): void {
    this.s.phase = phase;
    this.s.queue = this.s.children.flatMap(({ id }) => (ids.includes(id) && this.s.alive.includes(id) ? [id] : [])).reverse();
    this.next();
  }

  stopAll(failure?: { fault: string | undefined }): void {
    const { s } = this;
    for (const { ask } of [...s.asked, ...s.mailbox.filter((event) => 'ask' in event)]) this.answer(ask, false);
    Object.assign(s, { failure, asked: [], mailbox: s.mailbox.filter((event) => event.type === 'down') });
    this.stopThese(
      'stopping',
      s.children.map(({ id }) => id),
    );
  }

  regroup(id: string, delayMs: number): void {
    const ids = this.s.children.map((child) => child.id);
    const from = this.flags.strategy === 'one_for_all' ? 0 : ids.indexOf(id);
    Object.assign(this.s, { group: this.flags.strategy === 'one_for_one' ? [id] : ids.slice(from), delayMs });
    this.stopThese('draining', this.s.group);
  }

  up(id: string): void {
    this.s.fresh = this.s.fresh.filter((other) => other !== id);
    this.settle(id, 'up', true);
    if (this.s.phase === 'starting') this.shift(id);
  }

  down(id: string, exit: 'normal' | 'failure' | 'shutdown', fault: string | undefined): void {
    const { s, rules, flags } = this;
    if (s.phase === 'stopping' || (s.phase === 'draining' && s.queue.includes(id))) {
      this.forget(id);
      this.shift(id);
      return;
    }
    if (s.held[id]) {
      this.forget(id);
      return;
    }
    const verdict = this.decide(id, exit, fault);
    const starting = s.phase === 'starting' && s.queue[0] === id;
    const again = fault !== undefined && rules.firstStartAgain.includes(fault) && verdict !== 'forget';
    const inVain = !flags.quarantines && !again;
    if (starting && s.first && inVain) {
      this.forget(id);
      this.stopAll({ fault });
    } else if (flags.quarantines && verdict === 'give up') {
      s.fresh = s.fresh.filter((other) => other !== id);
      this.settle(id, 'up', false);
      this.effects.push({ do: 'quarantine', id });
      if (starting) this.shift(id);
    } else if (s.fresh.includes(id) && inVain) {
      this.forget(id);
      this.bury(id);
      if (starting) this.shift(id);
    } else if (verdict === 'restart') {
      const delayMs = this.count(id);
      if (flags.strategy === 'one_for_one') {
        this.effects.push({ do: 'start', id, afterMs: delayMs });
        // Where one may fail without the others, the others do not wait for it either.
        if (starting && s.first && flags.quarantines) this.shift(id);
      } else {
        this.forget(id);
        s.first = false;
        this.regroup(id, delayMs);
      }
    } else {
      this.forget(id);
      if (verdict === 'give up') {
        this.stopAll({ fault });
        return;
      }
      this.settle(id, 'up', false);
      if (starting) this.shift(id);
    }
  }

  /** "permanent is always restarted; temporary never; transient only if it terminates abnormally"; more than MaxR in MaxT seconds and it gives up. */
  decide(id: string, exit: string, fault: string | undefined): 'restart' | 'forget' | 'give up' {
    const type = this.s.children.find((child) => child.id === id)?.restart;
    if (type === undefined || type === 'temporary' || exit === 'shutdown') return 'forget';
    if (type === 'transient' && exit === 'normal') return 'forget';
    if (fault !== undefined && this.rules.hopeless.includes(fault)) return 'give up';
    const counted = this.recent().filter((restart) => !this.flags.quarantines || restart.id === id);
    return counted.length + 1 > this.flags.maxRestarts ? 'give up' : 'restart';
  }

  recent(): Supervisor['restarts'] {
    return this.s.restarts.filter(({ at }) => this.now - at < this.flags.periodMs);
  }

  count(id: string): number {
    const last = this.s.failures[id];
    const count = last && this.now - last.at < this.flags.periodMs ? last.count : 0;
    this.s.restarts = [...this.recent(), { id, at: this.now }];
    this.s.failures = { ...this.s.failures, [id]: { count: count + 1, at: this.now } };
    return this.rules.backoffMs(id, count);
  }

  /** "If the child is temporary, the child specification is deleted as soon as the process terminates." */
  forget(id: string): void {
    const { s } = this;
    const held = s.held[id];
    s.alive = s.alive.filter((other) => other !== id);
    if (held) this.settle(id, 'up', false);
    if (held) this.settle(id, 'down', true);
    if (held === 'removed' || s.children.some((child) => child.id === id && child.restart === 'temporary')) this.bury(id);
    else if (held) this.effects.push({ do: 'suspended', id });
  }

  bury(id: string): void {
    const { s } = this;
    const { [id]: _, ...held } = s.held;
    const { [id]: __, ...failures } = s.failures;
    const fresh = s.fresh.filter((other) => other !== id);
    Object.assign(s, { held, failures, fresh, children: s.children.filter((child) => child.id !== id) });
    this.settle(id, 'up', false);
    this.effects.push({ do: 'drop', id });
  }

  command({ type, id, ask, restart = 'permanent' }: Command): void {
    const { s } = this;
    const child = s.children.find((other) => other.id === id);
    const [alive, held] = [s.alive.includes(id), s.held[id]];
    const allowed = {
      add: !child,
      remove: child !== undefined,
      suspend: alive && !held,
      resume: !alive && held === 'suspended',
      restart: child !== undefined && !held && child.restart !== 'temporary',
    };
    if (!allowed[type]) {
      this.answer(ask, false);
      return;
    }
    s.asked = [...s.asked, { ask, id, wants: type === 'remove' || type === 'suspend' ? 'down' : 'up' }];
    if (type === 'restart') {
      this.regroup(id, 0);
      return;
    }
    if (type === 'remove' || type === 'suspend') {
      s.held = { ...s.held, [id]: type === 'remove' ? 'removed' : 'suspended' };
      this.effects.push({ do: 'stop', id });
      return;
    }
    if (type === 'add') Object.assign(s, { children: [...s.children, { id, restart }], fresh: [...s.fresh, id] });
    const { [id]: _, ...others } = s.held;
    Object.assign(s, { held: others, alive: [...s.alive, id] });
    this.effects.push({ do: 'start', id, afterMs: 0 });
  }

  settle(id: string, wants: 'up' | 'down', ok: boolean): void {
    for (const asked of this.s.asked) if (asked.id === id && asked.wants === wants) this.answer(asked.ask, ok);
    this.s.asked = this.s.asked.filter((asked) => asked.id !== id || asked.wants !== wants);
  }

  answer(ask: number, ok: boolean): void {
    this.effects.push({ do: 'answer', ask, ok });
  }
}
