import type { AccountHealth, HealthReport } from '../../src/ports.ts';
import type { Fault } from './plan.ts';
import { PROGRAMS, WORKERS } from './rules.ts';
import type { ProgramName } from './stage.ts';

/** What the processes say of themselves at one time. */
export interface Sight {
  /** Before anybody was asked, by the wall clock, in ms. */
  readonly askedAt: number;
  /** What each process answered; absent where it did not. */
  readonly reports: Readonly<Partial<Record<ProgramName, HealthReport>>>;
  /** `/health/ready` of the gateway, past the ways. */
  readonly isReady: boolean;
  /** When clients were last answered, by the wall clock. */
  readonly lastAnswerAt: number;
}

/** A fault whose consequences are not over. */
interface Open {
  readonly fault: Fault;
  /** When its cause was over, by the wall clock; undefined while it lasts. */
  endedAt: number | undefined;
  /** Accounts that were in service there when it began. */
  accounts: ReadonlySet<string>;
}

/** How long it took to be as before, from the end of a fault's cause, in ms. */
export interface Recovery {
  readonly fault: Fault;
  readonly tookMs: number;
}

/** Looks for each fault when what it befell is used again. */
export class Recoveries {
  readonly done: Recovery[] = [];
  readonly #open = new Map<number, Open>();
  #last: Sight | undefined;

  /** A fault begins. */
  begin(fault: Fault): void {
    const isLong = fault.kind === 'stall' || fault.kind === 'away';
    if (isLong) this.#nobodyWaitsFor(fault.target);
    this.#open.set(fault.number, { fault, endedAt: undefined, accounts: this.#accountsBehind(fault.target) });
  }

  /** Its cause is over. */
  end({ number }: Fault, at = Date.now()): void {
    const open = this.#open.get(number);
    if (open) open.endedAt = at;
  }

  /** Faults of which nothing was seen to recover. */
  get pending(): readonly Fault[] {
    return [...this.#open.values()].map(({ fault }) => fault);
  }

  note(sight: Sight): void {
    this.#last = sight;
    for (const [number, { fault, endedAt, accounts }] of this.#open) {
      if (endedAt === undefined || sight.askedAt < endedAt || !isBack(fault.target, sight, endedAt, accounts)) continue;
      this.#open.delete(number);
      this.done.push({ fault, tookMs: sight.askedAt - endedAt });
    }
  }

  /** Whose service hangs on a target. */
  #accountsBehind(target: string): ReadonlySet<string> {
    const workers = WORKERS.filter((name) => target === 'simulator' || target === name || target === `${name}/simulator`);
    return new Set(workers.flatMap((name) => this.#last?.reports[name]?.accounts.map(({ id }) => id) ?? []));
  }

  /** Its accounts come back when its own fault is over, not that of another. */
  #nobodyWaitsFor(worker: string): void {
    const away = new Set(this.#last?.reports[worker as ProgramName]?.accounts.map(({ id }) => id) ?? []);
    for (const open of this.#open.values()) open.accounts = new Set([...open.accounts].filter((id) => !away.has(id)));
  }
}

/**
 * Whether what a fault befell is used again.
 * @param since the end of the fault: evidence of before does not count
 * @param accounts that have to be in service
 */
function isBack(target: string, sight: Sight, since: number, accounts: ReadonlySet<string>): boolean {
  const { reports, askedAt, isReady, lastAnswerAt } = sight;
  const answering = PROGRAMS.map((name) => reports[name]).filter((report) => report !== undefined);
  const [from, to] = target.split('/') as [string, string | undefined];
  const report = reports[from as ProgramName];
  const heardSince = ({ lastPongAgeMs, lastRpcAgeMs, lastUpdateAgeMs }: AccountHealth): boolean =>
    [lastPongAgeMs, lastRpcAgeMs, lastUpdateAgeMs].some((ageMs) => ageMs !== null && askedAt - ageMs > since);
  const inService = (id: string): boolean =>
    WORKERS.some((name) =>
      reports[name]?.accounts.some((account) => account.id === id && account.state === 'authenticated' && heardSince(account)),
    );
  const areInService = [...accounts].every(inService);
  const isUp = (one: HealthReport | undefined, server: string): boolean => {
    const dependency = server === 'redis' ? 'cache' : server === 'rabbitmq' ? 'broker' : 'store';
    return one?.dependencies[dependency].state === 'up';
  };
  if (from === 'clients') return lastAnswerAt > since;
  if (to === 'simulator' || target === 'simulator') return areInService;
  if (to !== undefined) return isUp(report, to) && (from !== 'gateway' || isReady);
  if (from === 'gateway') return report !== undefined && isReady;
  if (report !== undefined || WORKERS.some((name) => name === from)) return report !== undefined && areInService;
  return isReady && answering.length > 0 && answering.every((one) => isUp(one, target));
}
