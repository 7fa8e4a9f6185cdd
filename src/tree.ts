import type { ChildSpec } from './actors/actor.ts';
import type { SupervisionDeps, SupervisorSpec } from './actors/supervisor.ts';
import { supervisorSpec } from './actors/supervisor.ts';
import type { Role } from './config.ts';

/** An account: its lease, its connection, the writer of its updates, the consumer of its jobs, in the order in which they stand on each other. */
interface AccountBranch {
  readonly id: string;
  readonly children: readonly ChildSpec[];
}

/** Who takes the requests of other programs, and who tells them what became of those, and of all else. */
interface ForeignBranch {
  readonly requests: ChildSpec;
  readonly answers: ChildSpec;
  readonly publisher: ChildSpec;
}

/** What grows on the tree: each makes one child. */
export interface TreeParts {
  /** Absent where the Telegram that is used is not ours to run. */
  readonly simulator: ChildSpec | undefined;
  readonly store: ChildSpec;
  /** Absent without Redis. */
  readonly cache: ChildSpec | undefined;
  /** Absent without RabbitMQ. */
  readonly broker: ChildSpec | undefined;
  readonly dispatcher: ChildSpec;
  /** Deletes what is old. */
  readonly retention: ChildSpec;
  /** What deals with other programs; absent without RabbitMQ, and in a gateway. */
  readonly foreign: ForeignBranch | undefined;
  /** Who gives events their places, and who writes those that no transaction writes: they end after all that have something to tell. */
  readonly sequencer: ChildSpec;
  readonly announcer: ChildSpec;
  /** Brings the events to those who listen. */
  readonly events: ChildSpec;
  /** Hears of those that others bring; absent without RabbitMQ, and where nobody listens. */
  readonly eventBell: ChildSpec | undefined;
  /** Adds the accounts that this process serves, and removes them. */
  readonly keeper: ChildSpec;
  /** Takes what other processes ask of the logins here; absent where there are no others. */
  readonly loginErrands: ChildSpec | undefined;
  /** Says to other processes that this one is there, and shows them its tree; absent where there are no others. */
  readonly presence: ChildSpec | undefined;
  /** Writes down what people do to the others, and takes what is wanted from elsewhere: it ends after all to whom it may be done. */
  readonly acts: ChildSpec;
  /** Reads of the accounts that others serve. */
  readonly leaseWatch: ChildSpec;
  readonly http: ChildSpec;
  readonly ops: ChildSpec;
}

/** Everything of an account stands on its lease, then on its connection: when one fails, what was built on it starts again after it. */
const ACCOUNT = { strategy: 'rest_for_one' } as const;

/** One account's trouble is not the others': beyond its intensity it is put aside, a minute at first, a quarter of an hour at most. */
const ACCOUNTS = {
  intensity: { maxRestarts: 3, periodMs: 60_000 },
  quarantine: { baseMs: 60_000, capMs: 900_000 },
} as const;

/** A simulator that is killed again and again is somebody's test, and no reason to give up. */
const ROOT = { intensity: { maxRestarts: 50, periodMs: 300_000 } } as const;

/** Logins have nothing to do with each other, and none is begun again by itself. */
const LOGINS = { children: [] } as const;

/** The subtree of one account. */
export function accountSpec({ id, children }: AccountBranch, deps: SupervisionDeps): ChildSpec {
  return supervisorSpec(id, { ...ACCOUNT, children }, deps);
}

/** What people's logins run under; each is added when it begins. */
export function loginsSpec(deps: SupervisionDeps): ChildSpec {
  return supervisorSpec('logins', LOGINS, deps);
}

/**
 * The whole supervision tree. Children start from top to bottom, each when the one above is ready, and stop from bottom to top.
 * The simulator comes first because its key names the world that the database is stamped with.
 */
export function treeOf(role: Role, parts: TreeParts, deps: SupervisionDeps): SupervisorSpec {
  const simulator = parts.simulator ? [parts.simulator] : [];
  const links = [parts.store, parts.cache, parts.broker].filter((link) => link !== undefined);
  const infrastructure = {
    ...supervisorSpec('infrastructure', { children: links }, deps),
    staysUp: 'everything stands on it, this too; restart it',
  };
  const accounts = supervisorSpec('accounts', { ...ACCOUNTS, children: [] }, deps);
  const errands = parts.loginErrands ? [parts.loginErrands] : [];
  const people = [accounts, parts.keeper, loginsSpec(deps), ...errands];
  const { foreign } = parts;
  // Early, so that one sees from elsewhere what hangs while it starts and while it ends.
  const presence = parts.presence ? [parts.presence] : [];
  // Who tells others what happens ends after all to whom it happens; who takes requests ends before those who do them.
  const telling = foreign ? [foreign.publisher, foreign.answers] : [];
  const asking = foreign ? [foreign.requests] : [];
  const working = [...telling, parts.sequencer, parts.announcer, parts.dispatcher, parts.retention, ...people, ...asking];
  const listening = parts.eventBell ? [parts.events, parts.eventBell] : [parts.events];
  switch (role) {
    case 'all':
      return { ...ROOT, children: [...simulator, infrastructure, parts.acts, ...presence, ...working, ...listening, parts.http] };
    case 'gateway':
      // Without a broker that the workers hear, there is nobody here to wake.
      return {
        ...ROOT,
        children: [
          infrastructure,
          parts.acts,
          ...presence,
          parts.leaseWatch,
          ...(parts.broker ? [parts.dispatcher] : []),
          ...listening,
          parts.http,
        ],
      };
    case 'worker':
      return { ...ROOT, children: [...simulator, infrastructure, parts.acts, ...presence, ...working, parts.ops] };
  }
}
