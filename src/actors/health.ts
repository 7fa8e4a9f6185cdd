import type { Clock } from '../clock.ts';
import type { AccountHealth, Broker, Cache, DependencyHealth, HealthReport, Store, World } from '../ports.ts';
import { inWords } from '../simulator/control.ts';
import type { LinkStatus } from './link.actor.ts';
import type { ActorGlance } from './registry.ts';
import type { SimulatorDesk } from './simulator-process.actor.ts';
import type { AccountLine } from './telegram/account-line.ts';

/** A pong older than this is no evidence any more, in ms (requirement A12). */
const PONG_COUNTS_MS = 75_000;

/** States of an account's slot in which nothing of the account runs. */
const NOT_RUNNING: ReadonlySet<string> = new Set(['waiting', 'quarantined', 'suspended', 'down']);

export interface HealthSources {
  readonly clock: Clock;
  readonly version: string;
  readonly role: string;
  readonly world: () => World;
  /** Of the accounts that run here. */
  readonly lines: () => readonly AccountLine[];
  /** What runs: an account that its supervisor has put aside cannot speak for itself. */
  readonly find: (path: string) => ActorGlance | undefined;
  /** What the database has of all accounts, in their order: who serves them says so there. Empty where only those that run here are told of. */
  readonly board: () => readonly AccountHealth[];
  readonly store: Store;
  readonly storeStatus: LinkStatus;
  readonly broker: Broker;
  readonly cache: Cache;
  /** Absent where it is in this process, or there is none. */
  readonly cacheHealth: (() => DependencyHealth) | undefined;
  /** Absent where it is in this process. */
  readonly brokerHealth: (() => DependencyHealth) | undefined;
  /** Undefined where no simulator belongs to this process. */
  readonly simulator: SimulatorDesk | undefined;
  readonly notes: readonly string[];
}

/** States in which nothing but a login by a person helps. */
const NEEDS_PERSON: ReadonlySet<string> = new Set(['reauth-required', 'conflict']);
/** How many of a kind the notes name. */
const NAMED = 5;

/** How an account is: as its line says, unless what would say it does not run. */
export function accountHealth(line: AccountLine, find: HealthSources['find']): AccountHealth {
  const said = line.health();
  const node = find(`root/accounts/${said.id}`);
  if (node !== undefined && NOT_RUNNING.has(node.state))
    return { ...said, state: node.state, since: node.since, reason: node.lastExit?.causes.at(-1) ?? 'it was stopped' };
  // What does not run says nothing of itself, and what it said last is not true any more.
  for (const part of ['lease', 'connection']) {
    const stopped = find(`root/accounts/${said.id}/${part}`);
    if (stopped?.state === 'suspended')
      return { ...said, state: 'suspended', since: stopped.since, reason: `its ${part} was stopped` };
  }
  return said;
}

/** @returns the accounts that run here, as they say themselves, then those that others tell of */
export function allAccounts(here: readonly AccountHealth[], board: readonly AccountHealth[]): AccountHealth[] {
  const own = new Set(here.map(({ id }) => id));
  return [...here, ...board.filter(({ id }) => !own.has(id))];
}

/** @returns a function that reports what can be served at the moment it is called, with the evidence */
export function healthReporter(sources: HealthSources): () => HealthReport {
  const { clock, store, broker, cache, simulator, storeStatus } = sources;
  const startedAt = clock.now();
  const startedMonotonic = clock.monotonic();
  const cacheHealth =
    sources.cacheHealth ??
    ((): DependencyHealth => ({ kind: cache.kind, state: cache.kind === 'none' ? 'off' : 'up', since: startedAt }));
  const brokerHealth = sources.brokerHealth ?? ((): DependencyHealth => ({ kind: broker.kind, state: 'up', since: startedAt }));
  return () => {
    const here = sources.lines().map((line) => accountHealth(line, sources.find));
    const accounts = allAccounts(here, sources.board()).map(explained);
    const served = accounts.filter(isServed).length;
    const links = [storeStatus.health(store.kind), brokerHealth(), cacheHealth()];
    const whole = served === accounts.length && links.every(({ state }) => state === 'up' || state === 'off');
    return {
      status: served === 0 ? 'down' : whole ? 'ok' : 'degraded',
      simulated: sources.world().kind !== 'telegram',
      world: sources.world(),
      role: sources.role,
      version: sources.version,
      uptimeMs: Math.round(clock.monotonic() - startedMonotonic),
      accounts,
      dependencies: {
        store: storeStatus.health(store.kind),
        broker: brokerHealth(),
        cache: cacheHealth(),
        ...(simulator ? { simulator: simulator.health() } : {}),
      },
      notes: [...sources.notes, ...peopleNote(simulator), ...loginNotes(accounts)],
    };
  };
}

function isServed({ state, lastPongAgeMs }: AccountHealth): boolean {
  return state === 'authenticated' && lastPongAgeMs !== null && lastPongAgeMs < PONG_COUNTS_MS;
}

/** An account that is authenticated and does not count as served says why. */
function explained(account: AccountHealth): AccountHealth {
  if (account.reason !== undefined || account.state !== 'authenticated' || isServed(account)) return account;
  const { lastPongAgeMs } = account;
  const reason = lastPongAgeMs === null ? 'its first pong has not come yet' : `no pong for ${Math.round(lastPongAgeMs / 1000)} s`;
  return { ...account, reason };
}

/** What a person has to do, and for which accounts. */
function loginNotes(accounts: readonly AccountHealth[]): string[] {
  const waiting = accounts.filter(({ state }) => NEEDS_PERSON.has(state)).map(({ id }) => id);
  const [first] = waiting;
  if (first === undefined) return [];
  const who = waiting.length === 1 ? `Account ${first} has` : `Accounts ${named(waiting)} have`;
  return [
    `${who} to be logged in by a person: vigilia login --account ${first}, or POST …/accounts/${first}/login (docs/login.md).`,
  ];
}

/** Who there is in the simulated world, and with what they log in: it is a secret of nobody's. */
function peopleNote(simulator: SimulatorDesk | undefined): string[] {
  const people = simulator?.accounts.map(inWords) ?? [];
  return people.length === 0 ? [] : [`Who can log in to the simulated Telegram: ${named(people, '; ')}.`];
}

function named(all: readonly string[], between = ', '): string {
  const more = all.length - NAMED;
  return all.slice(0, NAMED).join(between) + (more > 0 ? ` and ${more} more` : '');
}
