import { seededRandom } from '../../src/simulator/seeded.ts';

/**
 * `kill`: SIGKILL. `freeze`: SIGSTOP, and SIGCONT after a while. `restart`: asked to stop, and started again. `cut`: connections are reset, and
 * whoever comes is refused. `hang`: connections stay open, and nothing passes. `stall`: a freeze that outlasts a lease. `away`: one that lasts until
 * another worker serves the accounts.
 */
export type FaultKind = 'kill' | 'freeze' | 'restart' | 'cut' | 'hang' | 'stall' | 'away';

/** Kinds that last so long that others happen meanwhile. */
const LONG: ReadonlySet<FaultKind> = new Set(['stall', 'away']);

/** One kind of fault that something may suffer. */
interface FaultRule {
  readonly kind: FaultKind;
  /** How often, against the others. */
  readonly weight: number;
  /** How long it lasts: least and most. A server that is killed stays away for so long; a process of ours comes back at once. */
  readonly forMs: readonly [least: number, most: number];
  /** For how long it is left alone afterwards. */
  readonly restMs: number;
}

/** What faults befall: a process, a server, or the way from one to another. */
export interface TargetRule {
  readonly target: string;
  /** Everything that is out of order with it: `worker-1/postgres` with `worker-1`. */
  readonly partOf?: string;
  readonly faults: readonly FaultRule[];
}

interface Choice extends FaultRule {
  readonly target: string;
  readonly partOf: string | undefined;
}

/** One fault. */
export interface Fault {
  readonly number: number;
  readonly target: string;
  readonly kind: FaultKind;
  /** From the beginning of the run. */
  readonly atMs: number;
  readonly forMs: number;
  /** The number of the fault that happens at the same instant, or null where it is alone. */
  readonly pairedWith: number | null;
}

/** How a plan is made. */
export interface PlanOptions {
  readonly seed: number;
  readonly lengthMs: number;
  readonly rules: readonly TargetRule[];
}

/** Mean time between two instants at which something happens, in ms. */
const MEAN_GAP_MS = 400;
/** How often something happens in two places at one instant. */
const PAIRS = 0.3;
/** A storm and the breath that follows, over and over, in ms: without a breath nothing that takes a while could ever be seen to recover. */
export const STORM_MS = 13_000;
export const BREATH_MS = 3_000;
/** How many short faults there may be at one time. */
export const MOST_AT_ONCE = 4;
/** Between two long faults, in ms: two workers are never away together for as long as one of them is. */
const LONG_APART_MS = 12_000;
/**
 * Deals faults: first each that there is, in some order, then by weight. The same seed and rules give the same plan. What holds of every plan: a
 * target is hit again only when its fault is over and it has had its rest; at most {@link MOST_AT_ONCE} short faults last at one time;
 * long ones never overlap; between two storms there is a breath in which no short fault lasts; all is over by the end.
 * @returns in the order in which they happen
 */
export function makePlan({ seed, lengthMs, rules }: PlanOptions): readonly Fault[] {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => Math.round(least + random() * (most - least));
  const all: readonly Choice[] = rules.flatMap(({ target, partOf, faults }) =>
    faults.map((fault) => ({ ...fault, target, partOf })),
  );
  const [longs, shorts] = [all.filter(isLong), all.filter((choice) => !isLong(choice))];
  const owed = new Set(shuffled(shorts, random));
  const turns = inTurns(shuffled(longs, random));
  const faults: Fault[] = [];
  const readyAt = new Map<string, number>();
  const awayUntil = new Map<string, number>();
  let longFreeAt = LONG_APART_MS;

  const isFree = ({ target, partOf }: Choice, atMs: number): boolean =>
    (readyAt.get(target) ?? 0) <= atMs && (awayUntil.get(partOf ?? '') ?? 0) <= atMs;
  const lasting = (atMs: number): readonly Fault[] => faults.filter((one) => one.atMs + one.forMs > atMs);
  /** Whether a way from or to it is out of order: who is away for long is away whole. */
  const isTouched = (target: string, atMs: number): boolean =>
    lasting(atMs).some((one) => rules.some((rule) => rule.target === one.target && rule.partOf === target));
  /** Until when what begins now has to be over. */
  const limit = (atMs: number): number => Math.min(lengthMs, atMs - (atMs % (STORM_MS + BREATH_MS)) + STORM_MS);

  const nextLong = (atMs: number): Choice | undefined => turns.find(({ forMs: [, most] }) => atMs + most <= lengthMs);
  const choose = (atMs: number): Choice | undefined => {
    const next = nextLong(atMs);
    if (next !== undefined && longFreeAt <= atMs && isFree(next, atMs) && !isTouched(next.target, atMs)) {
      turns.push(...turns.splice(turns.indexOf(next), 1));
      return next;
    }
    if (lasting(atMs).filter((one) => !isLong(one)).length >= MOST_AT_ONCE) return undefined;
    // What is to be away soon is left alone until then: it would never be free. Nor does another one give it what it has.
    const kept = longFreeAt - LONG_APART_MS <= atMs ? next?.target : undefined;
    const givesAway = ({ target, kind }: Choice): boolean => kind === 'restart' && turns.some((long) => long.target === target);
    const isPossible = (choice: Choice): boolean =>
      isFree(choice, atMs) &&
      atMs + choice.forMs[0] <= limit(atMs) &&
      (kept === undefined || (choice.target !== kept && choice.partOf !== kept && !givesAway(choice)));
    return [...owed].find(isPossible) ?? byWeight(shorts.filter(isPossible), random);
  };
  const deal = (atMs: number): Fault | undefined => {
    const choice = choose(atMs);
    if (choice === undefined) return undefined;
    const [least, most] = choice.forMs;
    const forMs = between(least, isLong(choice) ? most : Math.min(most, limit(atMs) - atMs));
    const endsAt = atMs + forMs;
    owed.delete(choice);
    readyAt.set(choice.target, endsAt + choice.restMs);
    if (isLong(choice)) {
      longFreeAt = endsAt + LONG_APART_MS;
      awayUntil.set(choice.target, endsAt + choice.restMs);
    }
    const fault = { number: faults.length + 1, target: choice.target, kind: choice.kind, atMs, forMs, pairedWith: null };
    faults.push(fault);
    return fault;
  };

  for (let atMs = 0; atMs < lengthMs; atMs += between(0.3 * MEAN_GAP_MS, 1.7 * MEAN_GAP_MS)) {
    if (atMs >= limit(atMs)) continue;
    const first = deal(atMs);
    if (first === undefined || random() >= PAIRS) continue;
    const second = deal(atMs);
    if (second === undefined) continue;
    faults.splice(-2, 2, { ...first, pairedWith: second.number }, { ...second, pairedWith: first.number });
  }
  return faults;
}

function isLong({ kind }: { readonly kind: FaultKind }): boolean {
  return LONG.has(kind);
}

/** The longest and the next in turns, so that a short run has both. */
function inTurns(longs: readonly Choice[]): Choice[] {
  const [aways, stalls] = [longs.filter(({ kind }) => kind === 'away'), longs.filter(({ kind }) => kind !== 'away')];
  return aways.flatMap((away, at) => [away, ...stalls.slice(at, at + 1)]).concat(stalls.slice(aways.length));
}

function byWeight(choices: readonly Choice[], random: () => number): Choice | undefined {
  let left = random() * choices.reduce((sum, { weight }) => sum + weight, 0);
  return choices.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
