import type { ChildSpec } from './actors/actor.ts';
import type { SupervisionDeps, SupervisorSpec } from './actors/supervisor.ts';
import { supervisorSpec } from './actors/supervisor.ts';
import type { Role } from './config.ts';

/** What grows on the tree: each makes one child. */
export interface TreeParts {
  /** Absent where the Telegram that is used is not ours to run. */
  readonly simulator: ChildSpec | undefined;
  readonly store: ChildSpec;
  readonly dispatcher: ChildSpec;
  /** By account: its connection, the writer of its updates, the consumer of its jobs. */
  readonly accounts: readonly { readonly id: string; readonly children: readonly ChildSpec[] }[];
  readonly http: ChildSpec;
  readonly ops: ChildSpec;
}

/**
 * The whole supervision tree. Children start from top to bottom, each when the one above is ready, and stop from bottom to top.
 * The simulator comes first because its key names the world that the database is stamped with.
 */
export function treeOf(role: Role, parts: TreeParts, deps: SupervisionDeps): SupervisorSpec {
  const simulator = parts.simulator ? [parts.simulator] : [];
  const infrastructure = supervisorSpec('infrastructure', { children: [parts.store] }, deps);
  const accounts = supervisorSpec(
    'accounts',
    { children: parts.accounts.map(({ id, children }) => supervisorSpec(id, { children }, deps)) },
    deps,
  );
  // A simulator that is killed again and again is somebody's test, and no reason to give up.
  const intensity = { maxRestarts: 30, periodMs: 60_000 };
  switch (role) {
    case 'all':
      return { intensity, children: [...simulator, infrastructure, parts.dispatcher, accounts, parts.http] };
    case 'gateway':
      return { intensity, children: [infrastructure, parts.http] };
    case 'worker':
      return { intensity, children: [...simulator, infrastructure, parts.dispatcher, accounts, parts.ops] };
  }
}
